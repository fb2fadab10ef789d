"""Regions and limits as data."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from analyticlens.protocol.limits import Limit
from analyticlens.protocol.reasons import REASONS
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Region

regions: TypeAdapter[Any] = TypeAdapter(Region)
CIRCLE = {"shape": "circle", "cx": 10, "cy": 20, "r": 5}


@pytest.mark.parametrize(
    "region",
    [
        {"shape": "rect", "x": 0, "y": 0, "w": 1, "h": 1, "angle": 0},
        {"shape": "rect", "x": -5.5, "y": 3, "w": 0.5, "h": 100, "angle": -45},
        CIRCLE,
        {"shape": "ellipse", "cx": 1, "cy": 2, "rx": 3, "ry": 4, "angle": 90},
        {"shape": "arrow", "p0": {"x": 0, "y": 0}, "p1": {"x": 0, "y": 2}, "width": 1},
    ],
)
def test_each_shape_is_what_it_says(region: dict[str, Any]) -> None:
    assert regions.validate_python(region).model_dump() == region


@pytest.mark.parametrize(
    "change",
    [
        {"r": 0},
        {"r": -1},
        {"r": float("inf")},
        {"cx": float("nan")},
        {"cx": 100_001},
        {"r": None},
        {"shape": "polygon"},
        {"shape": None},
        {"angle": 5},
        {"cx": "left"},
    ],
)
def test_what_is_no_circle_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        regions.validate_python(CIRCLE | change)


def test_a_region_must_say_its_shape() -> None:
    with pytest.raises(ValidationError):
        regions.validate_python({"x": 0, "y": 0, "w": 5, "h": 5})


@pytest.mark.parametrize("ends", [{"min": 1}, {"max": 1}, {"min": 1, "max": 1}, {"min": -1, "max": 1, "guard": 0.5}])
def test_a_limit_has_one_end_or_two(ends: dict[str, float]) -> None:
    assert Limit.model_validate({"feature": "area"} | ends)


@pytest.mark.parametrize(
    "ends",
    [
        {},
        {"min": 2, "max": 1},
        {"min": 1, "guard": -1},
        {"min": float("nan")},
        {"max": float("inf")},
        {"min": 1, "unit": "px"},
    ],
)
def test_what_is_no_range_is_refused(ends: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Limit.model_validate({"feature": "area"} | ends)


@pytest.mark.parametrize("word", REASONS)
def test_each_reason_is_a_word_with_a_sentence(word: str) -> None:
    assert ToolOutcome(id=1, name="a", type="blob", status="ok", reason=word).reason == word
    assert REASONS[word].endswith(".")
