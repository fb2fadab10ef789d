"""focus: sharper is more, brighter is not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from tests.engine.drawing import look, measured, plain, rect

METHODS = pytest.mark.parametrize("method", ["tenengrad", "laplacian"])


def texture(blur: float, rng: np.random.Generator, level: float = 100, spread: float = 60) -> np.ndarray[Any, Any]:
    """Return a random texture of blobs some five pixels wide, seen through a blur."""
    picture = cv2.GaussianBlur(rng.normal(0, 1, (200, 240)), (0, 0), 2)
    picture = cv2.GaussianBlur(level + spread * picture / picture.std(), (0, 0), blur)
    rounded: np.ndarray[Any, Any] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return rounded


@METHODS
def test_less_blur_is_more_sharpness(method: str, seed: int) -> None:
    tool = {"type": "focus", "params": {"method": method}}
    pictures = [texture(blur, np.random.default_rng(seed)) for blur in (0.5, 1, 1.5, 2, 3, 5)]
    found = [measured(picture, tool)["sharpness"] for picture in pictures]
    assert all(sharp > 1.1 * soft for sharp, soft in pairwise(found))


@METHODS
def test_twice_the_light_is_the_same_sharpness(method: str, rng: np.random.Generator) -> None:
    picture = np.minimum(texture(1, rng, level=60, spread=15), 127)
    tool = {"type": "focus", "params": {"method": method}}
    one, two = measured(picture, tool), measured(picture * 2, tool)
    sixteen = measured(picture.astype(np.uint16) * 250, tool)
    assert two["sharpness"] == pytest.approx(one["sharpness"], rel=1e-6)
    assert sixteen["sharpness"] == pytest.approx(one["sharpness"], rel=1e-5)
    assert two["raw"] == pytest.approx(4 * one["raw"], rel=1e-6)


@METHODS
def test_only_the_region_counts(method: str, rng: np.random.Generator) -> None:
    picture = np.hstack([texture(0.5, rng), texture(4, rng)])
    tool = {"type": "focus", "params": {"method": method}}
    sharp, soft = (measured(picture, {**tool, "region": rect(x, 20, 180, 160, 5)}) for x in (30, 270))
    assert sharp["sharpness"] > 5 * soft["sharpness"]


@METHODS
def test_a_flat_region_has_no_sharpness(method: str) -> None:
    assert measured(plain(level=90), {"type": "focus", "params": {"method": method}})["sharpness"] == 0


def test_a_slope_of_one_grey_level_has_the_square_of_one() -> None:
    picture = np.arange(200, dtype=np.uint8)[None].repeat(80, axis=0)
    features = measured(picture, {"type": "focus", "params": {"ksize": 1}, "region": rect(20, 20, 100, 40)})
    # Its border columns see only one neighbour inside the region.
    assert features["raw"] == pytest.approx(1, abs=0.02)


def test_a_black_region_is_not_found() -> None:
    outcome = look(plain(level=0), {"type": "focus"}).tools[0]
    assert (outcome.status, outcome.reason) == ("not_found", "not_found")
    assert "sharpness" not in outcome.features
