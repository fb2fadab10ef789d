"""What once was ok, or measured, though nothing of the kind was there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.buffers import Buffers
from analyticlens.engine.regions import window
from analyticlens.engine.teach import Teacher, rect
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Polygon, Rect, Ring
from tests.engine.drawing import limit, look, plain, recipe
from tests.engine.drawing import rect as region_of


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "blob", "params": {"th_min": 30000, "th_max": 65535}, "limits": [limit("blob_count", 0, 0)]},
        {
            "type": "blob",
            "params": {"th_min": 30000, "th_max": 65535, "polarity": "dark"},
            "limits": [limit("blob_count", 1, 1)],
        },
        {"type": "threshold", "params": {"th_min": 30000}, "limits": [limit("share_on", 0, 0.1)]},
        {"type": "grayscale", "params": {"threshold": 30000}, "limits": [limit("share_above", 0, 0.1)]},
    ],
)
def test_levels_of_16_bits_are_refused_on_8(tool: dict[str, Any]) -> None:
    inspection = look(plain(level=200), tool)
    assert (inspection.verdict, inspection.reason) == ("error", "tool_error")
    assert "deeper" in inspection.message


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_a_picture_of_one_level_has_no_blob_by_otsu(level: int, polarity: str) -> None:
    tool = {"type": "blob", "params": {"use_otsu": True, "polarity": polarity}, "limits": [limit("blob_count", 1, 1)]}
    assert look(plain(level=level), tool).verdict == "nok"


@pytest.mark.parametrize("invert", [False, True])
def test_a_picture_of_one_level_has_nothing_to_part(invert: bool) -> None:
    tool = {"type": "threshold", "params": {"mode": "otsu", "invert": invert}, "limits": [limit("share_on", 0)]}
    assert look(plain(level=128), tool).verdict == "undecided"


def test_an_empty_range_of_levels_is_an_error() -> None:
    picture = plain(level=150)
    picture[5:15, 5:15] = 250
    tool = {
        "type": "blob",
        "params": {"use_otsu": True, "th_min": 0, "th_max": 100, "polarity": "dark"},
        "limits": [limit("blob_count", 1, 1)],
    }
    assert look(picture, tool).verdict == "error"


def test_between_a_tool_and_itself_nothing_is_measured() -> None:
    circle = {"type": "circle", "region": {"shape": "ring", "cx": 30, "cy": 20, "inner": 4, "outer": 12}}
    with pytest.raises(ValidationError, match="between a tool and itself"):
        recipe(circle, {"type": "measure", "params": {"kind": "circle_circle", "first": 1, "second": 1}})


# Golden pictures


def plate(rng: np.random.Generator, noise: float = 3.0, structure: bool = True) -> Any:
    """Return a plate (160, 220) with a pattern, or without."""
    level = np.full((160, 220), 120.0)
    if structure:
        for x, y in ((60, 40), (150, 60), (90, 110), (170, 120)):
            level[y - 12 : y + 12, x - 15 : x + 15] = 190
    return np.clip(np.rint(level + rng.normal(0, noise, level.shape)), 0, 255).astype(np.uint8)


def compared(good: Any, seen: Any, **params: Any) -> str:
    teacher = Teacher(good)
    teacher.golden(region=rect(20, 20, 180, 120), limits={"defect_count": (0, 0)}, **params)
    return inspect(seen, teacher.prepare()).verdict


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("structure", [True, False])
def test_a_good_part_is_ok_and_wrecked_ones_are_not(structure: bool, shift: float, rng: np.random.Generator) -> None:
    good, again = plate(rng, structure=structure), plate(rng, structure=structure)
    assert compared(good, again, max_shift=shift) == "ok"
    stain = again.copy()
    stain[:, :110] = np.maximum(stain[:, :110].astype(int) - 40, 0)
    stripes = np.clip(again + 40.0 * np.sign(np.sin(np.arange(220) / 3)), 0, 255).astype(np.uint8)
    wrecked = {
        "inverted": 255 - again,
        "faint": np.clip(120 + 0.05 * (again.astype(float) - 120), 0, 255).astype(np.uint8),
        "striped": stripes,
        "noisy": plate(rng, 60, structure),
        "black": np.zeros_like(again),
        "white": np.full_like(again, 255),
        "random": rng.integers(0, 256, again.shape).astype(np.uint8),
        "stained": stain,
    }
    if not structure:
        # A plate without a pattern looks the same upside down, and has no contrast that could be faint.
        del wrecked["inverted"], wrecked["faint"]
    passed = [name for name, picture in wrecked.items() if compared(good, picture, max_shift=shift) == "ok"]
    assert passed == []


# Regions


@pytest.mark.parametrize(
    ("region", "truth"),
    [
        (Rect(x=-2500, y=0, w=5001, h=3000), 2501 / 5001),
        (Polygon(points=((-2000, 0), (2000, 0), (2000, 60), (-1900, 60), (-1900, 2900), (-2000, 2900))), 120 / 524),
        (Ring(cx=0, cy=1500, inner=1390, outer=1400), 0.5),
    ],
)
def test_coverage_is_exact_in_large_pictures(region: Any, truth: float) -> None:
    found = window(region, 3000, 4000, Buffers(), "test", min_coverage=0.001)
    assert found is not None
    assert found.coverage == pytest.approx(truth, rel=1e-3)


def test_a_part_of_a_ring_that_lies_in_the_picture_is_inside() -> None:
    region = {"shape": "ring", "cx": 5, "cy": 5, "inner": 100, "outer": 200, "start": 10, "sweep": 70}
    tool = {"type": "intensity", "region": region, "limits": [limit("mean", 0)]}
    assert look(np.full((480, 752), 90, np.uint8), tool).verdict == "ok"
    beyond = {**region, "start": -10}
    assert look(np.full((480, 752), 90, np.uint8), {**tool, "region": beyond}).reason == "roi_outside"


def test_what_lies_outside_may_be_left_out() -> None:
    tool = {
        "type": "intensity",
        "region": region_of(-10, 0, 40, 20),
        "exclude": [region_of(-10, 0, 15, 20)],
        "limits": [limit("area", 500, 500)],
    }
    assert look(plain(level=90), tool).verdict == "ok"


def test_coverage_can_be_computed_with() -> None:
    tools: list[dict[str, Any]] = [
        {"type": "intensity", "region": region_of(2, 2, 10, 10)},
        {
            "type": "math",
            "params": {
                "operation": "custom_formula",
                "custom_formula": "100 * c",
                "measures": [{"name": "c", "tool": 1, "feature": "coverage"}],
            },
            "limits": [limit("result", 100, 100)],
        },
    ]
    assert look(plain(level=90), *tools).verdict == "ok"
    del tools[0]["region"]
    with pytest.raises(RecipeRefused, match="no coverage"):
        prepare(recipe(*tools))
    with pytest.raises(ValidationError, match="needs a region"):
        Recipe.model_validate(
            {"tools": [{"id": 1, "name": "a", "type": "intensity", "limits": [limit("coverage", 0.5)]}]}
        )
