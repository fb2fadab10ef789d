"""What once took longer, or more memory, than its bound: thin rings, crowds of specks, wide windows, large frames."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.stored import as_png
from analyticlens.engine.tools.background import _morph
from tests.engine.drawing import look, plain, recipe

SQUARE = [[0, 0], [100_000, 0], [100_000, 100_000], [0, 100_000]]


@pytest.mark.parametrize("search", [0.49, 1e-3, 1e-6])
def test_a_band_thinner_than_its_pixels_is_not_searched(search: float) -> None:
    circle = {"shape": "circle", "cx": 80, "cy": 60, "r": 40}
    with pytest.raises(ValidationError, match="search"):
        recipe({"type": "circle", "region": circle, "params": {"search": search}})


@pytest.mark.parametrize("pixels", [(1800, 4800, 2), (1500, 3000, 1)])
def test_more_specks_than_can_be_told_apart_are_no_verdict(pixels: tuple[int, int, int]) -> None:
    height, width, pitch = pixels
    picture = np.zeros((height, width), np.uint8)
    if pitch == 2:
        picture[::2, ::2] = 255
    else:
        picture[(np.add.outer(np.arange(height), np.arange(width)) & 1) > 0] = 255
    outcome = look(picture, {"type": "blob", "params": {"connectivity": "4"}}).tools[0]
    assert (outcome.status, outcome.reason) == ("error", "too_costly")
    assert str(np.count_nonzero(picture)) in outcome.message


def test_a_crowd_is_still_counted() -> None:
    picture = np.zeros((2000, 2600), np.uint8)
    picture[::2, ::2] = 255
    outcome = look(picture, {"type": "blob", "params": {"max_blobs": 3}}).tools[0]
    assert outcome.features["blob_count"] == 1_300_000
    assert outcome.features["truncated"] == 1_299_997


def test_a_median_before_blobs_stops_with_its_time(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 65536, (1080, 1920)).astype(np.uint16)
    params = {"pre_blur": "median", "pre_blur_ksize": 15, "th_min": 30000, "th_max": 65535}
    outcome = inspect(picture, prepare(recipe({"type": "blob", "params": params}), tool_ms=400)).tools[0]
    assert (outcome.status, outcome.reason) == ("error", "timeout")


def test_levels_of_another_depth_are_told_before_anything_is_smoothed() -> None:
    params = {"pre_blur": "median", "pre_blur_ksize": 15, "th_min": 100}
    outcome = look(plain(60, 80, 4000, np.uint16), {"type": "blob", "params": params}).tools[0]
    assert "8-bit" in outcome.message


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(70, 90), (70, 90, 3), (1, 1), (3, 40)])
@pytest.mark.parametrize("size", [3, 15, 17, 31, 63, 101])
def test_wide_openings_and_closings_are_those_of_opencv(
    dtype: Any, shape: tuple[int, ...], size: int, rng: np.random.Generator
) -> None:
    source = rng.integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)
    found = np.empty_like(source)
    for erodes_first, operation in ((True, cv2.MORPH_OPEN), (False, cv2.MORPH_CLOSE)):
        _morph(source, found, size, erodes_first)
        assert np.array_equal(found, cv2.morphologyEx(source, operation, np.ones((size, size), np.uint8)))


def test_a_golden_region_of_another_size_is_refused_before_it_is_made() -> None:
    name, content = as_png(np.full((120, 160), 100, np.uint16))
    region = {"shape": "polygon", "points": SQUARE}
    tool = {"type": "golden", "region": region, "params": {"mean": name, "spread": name}}
    with pytest.raises(RecipeRefused, match="160x120"):
        prepare(recipe(tool), {name: content})


def test_a_picture_longer_than_code_readers_take_is_one_sentence() -> None:
    outcome = look(plain(3, 70_000), {"type": "code"}).tools[0]
    assert (outcome.status, outcome.reason) == ("error", "tool_error")
    assert "65535" in outcome.message


def test_more_edges_than_can_be_followed_are_no_verdict(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (1080, 1920), dtype=np.uint8)
    params = {"threshold_mode": "fixed", "low": 0, "high": 10}
    outcome = inspect(picture, prepare(recipe({"type": "edge", "params": params}), tool_ms=10_000)).tools[0]
    assert (outcome.status, outcome.reason) == ("error", "too_costly")
