"""Recipes and tools in the words of the old wire: lossless both ways, refused in one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from analyticlens.protocol.oldwire import recipe_from_wire, recipe_to_wire, tool_from_wire, tool_to_wire
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Circle, Ellipse, Rect
from analyticlens.protocol.tools import BlobTool, LocateTool, MathTool
from tests.protocol.drawn import recipes

GREY: dict[str, Any] = {"id": 1, "name": "cinza", "type": "grayscale", "ROI": {"x": 0, "y": 0, "w": 752, "h": 480}}
BLOB: dict[str, Any] = {
    "id": 2,
    "name": "placa",
    "type": "blob",
    "ROI": {"shape": "rect", "rect": {"x": 0, "y": 0, "w": 752, "h": 480}},
    "th_min": 30,
    "th_max": 255,
    "area_min": 100,
    "area_max": 100000,
    "total_area_test": True,
    "blob_count_test": True,
    "test_total_area_min": 50000,
    "test_total_area_max": 51000,
    "test_blob_count_min": 1,
    "test_blob_count_max": 1,
    "inspec_pass_fail": True,
}
RATIO: dict[str, Any] = {"id": 3, "name": "razao", "type": "math", "operation": "area_ratio", "reference_tool_id": 2}
ARROW: dict[str, Any] = {"p0": {"x": 10, "y": 20}, "p1": {"x": 90, "y": 20}}
LOCATE: dict[str, Any] = {"id": 4, "name": "borda", "type": "locate", "arrow": ARROW, "polaridade": "dark_to_light"}
FORMULA: dict[str, Any] = {
    "id": 5,
    "name": "conta",
    "type": "math",
    "operation": "custom_formula",
    "reference_tool_id": 2,
}


@given(recipes())
@settings(deadline=None)
def test_a_recipe_comes_back_equal(recipe: Recipe) -> None:
    assert recipe_from_wire(json.loads(json.dumps(recipe_to_wire(recipe)))) == recipe


@given(recipes())
@settings(deadline=None)
def test_the_wire_form_is_settled_after_one_turn(recipe: Recipe) -> None:
    wire = recipe_to_wire(recipe)
    assert recipe_to_wire(recipe_from_wire(wire)) == wire


@pytest.mark.parametrize("wire", [GREY, BLOB, RATIO, LOCATE], ids=lambda wire: str(wire["type"]))
def test_what_an_old_client_sent_is_said_again(wire: dict[str, Any]) -> None:
    again = tool_to_wire(tool_from_wire(wire, 1))
    settled = {**wire, "ROI": GREY["ROI"]} if wire is BLOB else wire
    assert settled.items() <= again.items()


def test_old_tests_are_limits() -> None:
    tool = tool_from_wire(BLOB, 1)
    assert [(limit.feature, limit.min, limit.max) for limit in tool.limits] == [
        ("total_area", 50000, 51000),
        ("blob_count", 1, 1),
    ]


def test_a_test_that_is_off_is_no_limit() -> None:
    tool = tool_from_wire({**BLOB, "total_area_test": False}, 1)
    assert [limit.feature for limit in tool.limits] == ["blob_count"]


def test_a_test_without_any_end_is_refused() -> None:
    bare = {key: value for key, value in BLOB.items() if not key.startswith("test_total")}
    with pytest.raises(ValueError, match="total_area needs a minimum or a maximum"):
        tool_from_wire(bare, 1)


def test_limits_the_old_words_cannot_say_travel_beside_them() -> None:
    extra = {"feature": "largest_area", "max": 900, "guard": 5}
    tool = tool_from_wire({**BLOB, "limits": [extra]}, 1)
    again = tool_to_wire(tool)
    assert again["limits"] == [extra]
    assert again["total_area_test"] is True


def test_a_limit_with_a_guard_band_is_not_told_as_an_old_test() -> None:
    limits = [{"feature": "blob_count", "min": 1, "guard": 0.5}]
    again = tool_to_wire(tool_from_wire({"id": 1, "name": "a", "type": "blob", "limits": limits}, 1))
    assert again["blob_count_test"] is False
    assert again["limits"] == limits


@pytest.mark.parametrize("formula", ["blob_count == 24", "not blob_count", "total_area > 5 and blob_count < 2"])
def test_a_formula_that_is_true_or_false_and_counts_must_be_true(formula: str) -> None:
    tool = tool_from_wire({**FORMULA, "custom_formula": formula}, 1)
    assert [(limit.feature, limit.min, limit.max) for limit in tool.limits] == [("result", 1, None)]
    assert "limits" not in tool_to_wire(tool)


@pytest.mark.parametrize(
    "change",
    [{"inspec_pass_fail": False}, {"limits": []}, {"custom_formula": "blob_count / 2"}, {"operation": "area_ratio"}],
    ids=str,
)
def test_other_formulas_have_no_limit_of_themselves(change: dict[str, Any]) -> None:
    wire = {**FORMULA, "custom_formula": "blob_count == 24", **change}
    tool = tool_from_wire(wire, 1)
    assert tool.limits == ()
    assert tool_from_wire(tool_to_wire(tool), 1) == tool


def test_an_older_locate_that_moves_regions_keeps_saying_so() -> None:
    tool = tool_from_wire({**LOCATE, "apply_transform": True, "ROI": {"x": 1, "y": 2, "w": 3, "h": 4}}, 1)
    assert isinstance(tool, LocateTool)
    assert tool.params.apply_transform
    assert tool.params.polarity == "dark_to_light"
    recipe = recipe_from_wire([{**LOCATE, "apply_transform": True}, {**BLOB, "id": 7}])
    assert recipe.follows(1) == (4,)


@pytest.mark.parametrize(
    ("roi", "region"),
    [
        ({"x": 1, "y": 2, "w": 3, "h": 4}, Rect(x=1, y=2, w=3, h=4)),
        ({"shape": "rect", "rect": {"x": 1, "y": 2, "w": 3, "h": 4}}, Rect(x=1, y=2, w=3, h=4)),
        ({"shape": "circle", "circle": {"cx": 5, "cy": 6, "r": 7}}, Circle(cx=5, cy=6, r=7)),
        (
            {"shape": "ellipse", "ellipse": {"cx": 5, "cy": 6, "rx": 7, "ry": 8, "angle": 30}},
            Ellipse(cx=5, cy=6, rx=7, ry=8, angle=30),
        ),
        ({}, None),
        (None, None),
    ],
    ids=str,
)
def test_every_spelling_of_a_roi(roi: Any, region: Any) -> None:
    assert tool_from_wire({**GREY, "ROI": roi}, 1).region == region


def test_a_tool_without_id_takes_its_order_index_or_its_place() -> None:
    nameless = {key: value for key, value in GREY.items() if key != "id"}
    assert tool_from_wire({**nameless, "order_index": 8}, 3).id == 8
    assert tool_from_wire(nameless, 3).id == 3


def test_two_tools_of_one_name_are_told_apart_by_number() -> None:
    recipe = recipe_from_wire([BLOB, {**BLOB, "id": 9}])
    assert [tool.name for tool in recipe.tools] == ["placa", "placa (9)"]


@pytest.mark.parametrize(
    ("wire", "sentence"),
    [
        ({**BLOB, "th_mim": 3}, r"tool 'placa': unknown key 'th_mim'"),
        ({**BLOB, "th_min": 300, "th_max": 200}, "minimum level is above"),
        ({**BLOB, "th_min": -1}, "tool 'placa': th_min: "),
        ({**BLOB, "type": "telescope"}, "no tool of type 'telescope'"),
        ({**BLOB, "ROI": {"x": 1, "y": 2, "w": 0, "h": 4}}, "ROI: w: "),
        ({**BLOB, "ROI": {"shape": "star"}}, "unknown ROI shape 'star'"),
        ({**BLOB, "ROI": [1, 2, 3, 4]}, "a ROI is an object"),
        ({**BLOB, "inspec_pass_fail": "sim"}, "inspec_pass_fail is true or false"),
        ({**BLOB, "total_area_test": 1}, "total_area_test is true or false"),
        ({**BLOB, "limits": [{"feature": "total_area", "min": 1}]}, "a feature has two limits"),
        ({**BLOB, "limits": [{"feature": "moon", "min": 1}]}, "no feature 'moon'"),
        ({**LOCATE, "polarity": "any"}, "say the same thing twice"),
        ({**LOCATE, "arrow": None}, "arrow: "),
        ({"id": 1, "name": "x"}, "name and type are needed"),
        ("blob", "a tool is an object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_tools_are_refused_in_one_sentence(wire: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        tool_from_wire(wire, 1)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("tools", "sentence"),
    [([BLOB, GREY, {**GREY}], "two tools have the number 1"), ([RATIO], "no tool before it"), ({}, "tools is a list")],
)
def test_tools_that_do_not_fit_together_are_refused(tools: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        recipe_from_wire(tools)


def test_hostile_formulas_are_text_here() -> None:
    for formula in ("__import__('os')", "1 +", "x" * 500, "(" * 400, "\0", "9" * 499):
        tool = tool_from_wire({**FORMULA, "custom_formula": formula, "inspec_pass_fail": True}, 1)
        assert isinstance(tool, MathTool)
        assert tool.limits == ()


def test_blob_words_of_the_old_machines_are_all_known() -> None:
    words = "th_min th_max area_min area_max pre_blur pre_blur_ksize pre_blur_sigma morph_kernel morph_open morph_close"
    words += " use_range_threshold use_otsu contour_chain approx_epsilon_ratio polygon_max_points"
    tool = tool_from_wire({"id": 1, "name": "b", "type": "blob"}, 1)
    assert isinstance(tool, BlobTool)
    assert set(words.split()) <= set(tool_to_wire(tool))
