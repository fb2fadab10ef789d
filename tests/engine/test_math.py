"""math: values computed from another tool's measures."""

from __future__ import annotations

from typing import Any

import pytest

from analyticlens.engine import RecipeRefused, prepare
from tests.engine.drawing import boxes, limit, look, measured, plain, recipe, rect

BLOB = {"type": "blob", "params": {"th_min": 120}}
TWO = boxes((10, 10, 20, 24), (60, 60, 20, 24))


def formula(text: str, **params: Any) -> dict[str, Any]:
    return {"type": "math", "params": {"operation": "custom_formula", "custom_formula": text} | params}


@pytest.mark.parametrize(("operation", "result"), [("area_ratio", 960 / 19200), ("blob_density", 2 / 19200)])
def test_the_old_operations(operation: str, result: float) -> None:
    assert measured(TWO, BLOB, {"type": "math", "params": {"operation": operation}})["result"] == pytest.approx(result)


def test_a_comparison_gives_one_or_nothing_and_judges_by_its_limit() -> None:
    good = look(TWO, BLOB, formula("blob_count == 2 and total_area > 900") | {"limits": [limit("result", 1)]})
    bad = look(TWO, BLOB, formula("blob_count == 3") | {"limits": [limit("result", 1)]})
    assert (good.verdict, bad.verdict) == ("ok", "nok")


def test_each_blobs_area_can_be_used() -> None:
    assert measured(TWO, BLOB, formula("max(blob_areas) - min(blob_areas)"))["result"] == 0


def test_the_named_tool_is_used_and_else_the_nearest_blob_before() -> None:
    other = {"type": "blob", "params": {"th_min": 0, "th_max": 100}}
    assert measured(TWO, BLOB, other, formula("blob_count"))["result"] == 1
    assert measured(TWO, BLOB, other, formula("blob_count", reference_tool_id=1))["result"] == 2


def test_any_tools_features_can_be_used() -> None:
    assert measured(TWO, {"type": "intensity"}, formula("max - min", reference_tool_id=1))["result"] == 120


@pytest.mark.parametrize(
    "tools",
    [
        [formula("blob_count")],
        [BLOB, formula("edge_count")],
        [BLOB, formula("().__class__")],
        [{"type": "intensity"}, {"type": "math", "params": {"reference_tool_id": 1}}],
    ],
)
def test_a_recipe_whose_formula_cannot_be_built_is_refused_whole(tools: list[dict[str, Any]]) -> None:
    with pytest.raises(RecipeRefused) as refusal:
        prepare(recipe(*tools))
    assert (refusal.value.tool_id, refusal.value.tool_name) == (len(tools), f"math {len(tools)}")
    assert refusal.value.sentence


def test_a_division_by_zero_is_an_error_and_never_ok() -> None:
    tool = formula("total_area / blob_count") | {"limits": [limit("result", 0)]}
    inspection = look(plain(), BLOB, tool)
    assert (inspection.verdict, inspection.reason) == ("error", "no_result")


def test_a_value_that_was_not_measured_is_undecided() -> None:
    tool = formula("smallest_area") | {"limits": [limit("result", 0)]}
    inspection = look(plain(), BLOB, tool)
    assert (inspection.verdict, inspection.reason) == ("undecided", "measure_missing")


def test_a_tool_that_feeds_a_judging_formula_counts_when_it_is_lost() -> None:
    outside = BLOB | {"region": {"shape": "rect", "x": 150, "y": 0, "w": 20, "h": 20}}
    inspection = look(TWO, outside, formula("blob_count") | {"limits": [limit("result", 0)]})
    assert [tool.verdict for tool in inspection.tools] == ["undecided", "undecided"]
    assert inspection.reason == "roi_outside"


MEASURES = [
    {"name": "discs", "tool": 1, "feature": "blob_count"},
    {"name": "light", "tool": 2, "feature": "mean"},
    {"name": "areas", "tool": 1, "feature": "total_area"},
]


def test_features_of_several_tools_go_by_the_names_they_are_given() -> None:
    tool = formula("areas / discs + light * 0", measures=MEASURES, unit="px²")
    inspection = look(TWO, BLOB, {"type": "intensity"}, tool)
    assert inspection.tools[-1].features["result"] == 480
    assert inspection.tools[-1].texts == {"unit": "px²"}


def test_named_measures_and_those_of_the_tool_it_refers_to_go_together() -> None:
    tool = formula("blob_count * 100 + light", measures=MEASURES[1:2], reference_tool_id=1)
    assert measured(TWO, BLOB, {"type": "intensity"}, tool)["result"] == pytest.approx(200 + 60 + 120 * 960 / 19200)


def test_a_name_means_the_measure_it_was_given() -> None:
    named = [{"name": "blob_count", "tool": 2, "feature": "max"}]
    assert (
        measured(TWO, BLOB, {"type": "intensity"}, formula("blob_count", measures=named, reference_tool_id=1))["result"]
        == 180
    )


def test_a_tool_that_is_named_counts_when_it_is_lost_and_is_named() -> None:
    outside = {"type": "intensity", "region": {"shape": "rect", "x": 150, "y": 0, "w": 20, "h": 20}}
    tool = formula("discs + light", measures=MEASURES[:2]) | {"limits": [limit("result", 0)]}
    inspection = look(TWO, BLOB, outside, tool)
    assert [outcome.verdict for outcome in inspection.tools] == [None, "undecided", "undecided"]
    assert inspection.tools[-1].message == "intensity 2 measured no mean"


@pytest.mark.parametrize(
    ("measures", "text", "sentence"),
    [
        ([{"name": "a", "tool": 1, "feature": "mean"}], "a", "blob 1 has no feature 'mean'"),
        ([{"name": "sqrt", "tool": 1, "feature": "blob_count"}], "sqrt", "sqrt is a function"),
        ([{"name": "a", "tool": 1, "feature": "blob_count"}], "a + blob_count", "'blob_count', which is no measure"),
        ([{"name": "a", "tool": 1, "feature": "blob_count"}], "sum(a)", "takes a list"),
    ],
)
def test_measures_that_are_none_are_refused_in_words(measures: list[dict[str, Any]], text: str, sentence: str) -> None:
    with pytest.raises(RecipeRefused, match=sentence):
        prepare(recipe(BLOB, {"type": "intensity"}, formula(text, measures=measures)))


def test_a_measure_of_a_later_tool_or_of_one_name_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="no tool before it"):
        recipe(BLOB, formula("a", measures=[{"name": "a", "tool": 3, "feature": "mean"}]), {"type": "intensity"})
    with pytest.raises(ValueError, match="two measures have one name"):
        recipe(BLOB, formula("discs", measures=[MEASURES[0], MEASURES[0]]))


@pytest.mark.parametrize(
    "text",
    [
        "(total_area - 5000) ** 0.5 != 3",
        "(total_area - 5000) ** 0.5 and 1",
        "1 if (total_area - 5000) ** 0.5 else 0",
        "total_area * 1e300 * 1e300 > 3",
        "total_area * 1e308 * 10 - total_area * 1e308 * 10 != 3",
        "(0 - total_area) ** 0.25 != 0 or 1",
    ],
)
def test_a_step_without_a_value_is_an_error_and_no_comparison_hides_it(text: str) -> None:
    inspection = look(TWO, BLOB, formula(text) | {"limits": [limit("result", 1)]})
    assert (inspection.verdict, inspection.reason) == ("error", "no_result"), inspection.message


@pytest.mark.parametrize("feature", ["median", "p99", "mean_sigma"])
@pytest.mark.parametrize("named", [True, False])
def test_what_a_formula_names_is_measured(feature: str, named: bool) -> None:
    measures = {"measures": [{"name": "m", "tool": 1, "feature": feature}]} if named else {"reference_tool_id": 1}
    text = "m + 1" if named else f"{feature} + 1"
    assert measured(plain(level=80), {"type": "intensity"}, formula(text, **measures))["result"] >= 1


def test_the_coverage_of_a_tool_that_is_referred_to_can_be_used() -> None:
    half = {"type": "intensity", "region": rect(0, 0, 40, 40), "min_coverage": 0.2}
    assert measured(plain(), half, formula("coverage", reference_tool_id=1))["result"] == 1
    whole = [{"type": "intensity"}, formula("coverage", reference_tool_id=1)]
    with pytest.raises(RecipeRefused, match="coverage"):
        prepare(recipe(*whole))
