"""Recipes: what is one, and what is refused."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from analyticlens.protocol.recipe import MAX_TOOLS, Recipe
from analyticlens.protocol.strict import first_error
from analyticlens.protocol.tools import TOOL_CLASSES, Tool

ARROW = {"shape": "arrow", "p0": {"x": 0, "y": 0}, "p1": {"x": 10, "y": 0}}
LOCATE = {"type": "locate", "region": ARROW}


def recipe(*tools: dict[str, Any]) -> Recipe:
    return Recipe.model_validate({"tools": [{"id": i, "name": f"tool {i}"} | tool for i, tool in enumerate(tools, 1)]})


def refusal(*tools: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as problem:
        recipe(*tools)
    return first_error(problem.value)


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        ([{"type": "blob", "colour": "red"}], "colour"),
        ([{"type": "blob", "params": {"th": 5}}], "th"),
        ([{"type": "laser"}], "laser"),
        ([{"type": "blob"}, {"type": "blob", "id": 1}], "number 1"),
        ([{"type": "blob"}, {"type": "blob", "name": "tool 1"}], "name 'tool 1'"),
        ([{"type": "blob", "limits": [{"feature": "blob_count", "min": 3, "max": 2}]}], "minimum above its maximum"),
        ([{"type": "blob", "limits": [{"feature": "blob_count"}]}], "needs a minimum or a maximum"),
        ([{"type": "blob", "limits": [{"feature": "beauty", "min": 3}]}], "no feature 'beauty'"),
        ([{"type": "blob", "limits": [{"feature": "blob_count", "min": 1}] * 2}], "two limits"),
        ([{"type": "blob", "limits": [{"feature": "blob_count", "min": float("nan")}]}], "finite"),
        ([{"type": "blob", "params": {"th_min": 200, "th_max": 100}}], "above the maximum level"),
        ([{"type": "blob", "params": {"area_min": 2, "area_max": 1}}], "above the largest"),
        ([{"type": "blur", "params": {"ksize": 4}}], "odd"),
        ([{"type": "blob", "region": {"shape": "star"}}], "star"),
        ([{"type": "blob", "region": {"shape": "rect", "x": 0, "y": 0, "w": 0, "h": 5}}], "greater than 0"),
        ([{"type": "blob", "region": ARROW}], "cannot have an arrow"),
        ([{"type": "locate"}], "needs an arrow"),
        ([{"type": "locate", "region": ARROW | {"p1": {"x": 1, "y": 0}}}], "at least 2 px"),
        ([{"type": "blob", "follow": [1]}], "no tool before it that finds a place"),
        ([{"type": "blob", "follow": [2]}, LOCATE], "no tool before it that finds a place"),
        ([LOCATE | {"follow": [1]}], "no tool before it that finds a place"),
        ([{"type": "math", "params": {"reference_tool_id": 2}}, {"type": "blob"}], "no tool before it"),
        ([{"type": "math", "params": {"operation": "custom_formula"}}], "the formula is missing"),
        ([{"type": "math", "params": {"operation": "custom_formula", "custom_formula": "1" * 501}}], "500"),
        ([{"type": "blob"}] * (MAX_TOOLS + 1), str(MAX_TOOLS)),
        ([{"type": "blob", "name": "   "}], "at least 1"),
        ([{"type": "blob", "id": 0}], "greater than or equal to 1"),
    ],
)
def test_what_is_no_recipe_is_refused_in_words(tools: list[dict[str, Any]], words: str) -> None:
    assert words in refusal(*tools)


def test_the_registry_has_every_kind_of_the_union() -> None:
    union = get_args(get_args(Tool)[0])
    assert {kind.model_fields["type"].default: kind for kind in union} == TOOL_CLASSES


def test_a_tool_follows_every_earlier_datum_that_moves_later_regions() -> None:
    moving = LOCATE | {"params": {"apply_transform": True}}
    whole = recipe(
        moving, LOCATE, moving, {"type": "blob"}, {"type": "blob", "follow": [2]}, {"type": "blob", "follow": []}
    )
    assert [whole.follows(index) for index in range(6)] == [(), (1,), (1,), (1, 3), (2,), ()]


def test_the_name_of_a_recipe_is_its_content() -> None:
    one = recipe({"type": "blob", "params": {"th_min": 100}})
    assert one.sha256 == recipe({"type": "blob", "params": {"th_min": 100.0}}).sha256
    assert one.sha256 != recipe({"type": "blob", "params": {"th_min": 101}}).sha256
    assert one.sha256 != recipe({"type": "blob", "params": {"th_min": 100}, "name": "other"}).sha256


def test_a_recipe_survives_its_own_json() -> None:
    one = recipe(LOCATE, {"type": "blob", "limits": [{"feature": "blob_count", "min": 1}]}, {"type": "math"})
    assert Recipe.model_validate_json(one.model_dump_json()) == one


def test_a_recipe_does_not_change_after_it_was_checked() -> None:
    one = recipe({"type": "blob"})
    with pytest.raises(ValidationError):
        one.tools = ()  # type: ignore[misc]
