"""Every example of the tools' pages is true: recipes run, and programs do what they assert."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyticlens.engine import inspect, prepare
from analyticlens.protocol.recipe import Recipe

FOLDER = Path(__file__).parents[2] / "docs" / "tools"
# The reference is tables, written from the contract.
PAGES = sorted(page.name for page in FOLDER.glob("*.md") if page.name != "reference.md")


def examples(page: str, language: str) -> list[str]:
    """Return the examples of a page in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", (FOLDER / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_there_are_pages() -> None:
    assert PAGES


@pytest.mark.parametrize("page", PAGES)
def test_the_recipes_of_a_page_can_be_used(page: str, rng: np.random.Generator) -> None:
    picture = rng.integers(60, 200, (480, 752, 3)).astype(np.uint8)
    recipes = [Recipe.model_validate_json(text) for text in examples(page, "json")]
    assert recipes
    for recipe in recipes:
        # What a recipe names beside it is taught, not written on a page.
        if not recipe.blobs:
            outcomes = inspect(picture, prepare(recipe)).tools
            assert [outcome.message for outcome in outcomes if outcome.reason in {"tool_error", "tool_broke"}] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_programs_of_a_page_run_as_one_notebook_would(page: str) -> None:
    names: dict[str, Any] = {}
    for number, program in enumerate(examples(page, "python"), start=1):
        exec(compile(program, f"{page} example {number}", "exec"), names)
