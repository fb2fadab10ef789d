"""docs/recipes.md and the reference name every tool, parameter, feature, shape and limit of the contract; the examples are recipes."""

from __future__ import annotations

import json
import re

import pytest

from analyticlens.demo import discs
from analyticlens.engine import prepare
from analyticlens.protocol.limits import Limit
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Polygon, Rect, Ring
from analyticlens.protocol.tools import TOOL_CLASSES, ToolCommon
from analyticlens.protocol.words import VERDICTS
from tests.line.recipe_tables import PAGE, PAGES, REFERENCE, page_of, page_with, tables, tool_list

TEXT, TABLES = PAGE.read_text(encoding="utf-8"), REFERENCE.read_text(encoding="utf-8")


def test_the_tables_say_what_the_contract_says() -> None:
    """`python -m tests.line.recipe_tables` writes them anew."""
    assert page_with(TEXT, tool_list()) == TEXT
    assert page_with(TABLES, tables()) == TABLES


def test_every_kind_is_on_one_page_about_it() -> None:
    assert sorted(kind for kinds in PAGES.values() for kind in kinds) == sorted(TOOL_CLASSES)


@pytest.mark.parametrize("name", list(TOOL_CLASSES))
def test_the_page_of_a_tool_is_about_it(name: str) -> None:
    page = (REFERENCE.parent / f"{page_of(name)}.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page
    assert f'"{name}"' in page or f"teach_{name}" in page, "no example of it"


@pytest.mark.parametrize("name", list(TOOL_CLASSES))
def test_every_tool_is_there_with_its_parameters_and_features(name: str) -> None:
    section = re.split(r"^## ", TABLES, flags=re.MULTILINE)
    mine = next(part for part in section if part.startswith(f"`{name}`\n"))
    tool = TOOL_CLASSES[name]
    params = tool.model_fields["params"].annotation.model_fields  # type: ignore[union-attr]
    assert [key for key in params if f"`{key}`" not in mine] == []
    assert [feature.name for feature in tool.features if f"`{feature.name}`" not in mine] == []


def test_regions_limits_and_common_keys_are_there() -> None:
    shapes = {
        model.model_fields["shape"].default: set(model.model_fields) - {"shape"}
        for model in (Rect, Circle, Ellipse, Ring, Polygon, Arrow)
    }
    words = set(shapes).union(*shapes.values()) | set(Limit.model_fields) | set(ToolCommon.model_fields) | set(VERDICTS)
    assert sorted(word for word in words if f"`{word}`" not in TEXT) == []


def test_the_examples_are_recipes_the_engine_takes() -> None:
    blocks = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    recipe, *others = (Recipe.model_validate(json.loads(block)) for block in blocks)
    for one in (recipe, *others):
        prepare(one)
    assert [tool.type for tool in recipe.tools] == [tool.type for tool in discs.RECIPE.tools][:3]
