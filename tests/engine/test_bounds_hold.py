"""What once took longer, or more memory, than its bound: thin rings, crowds of specks, wide windows, large frames."""

from __future__ import annotations

from time import process_time
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.stored import as_png
from analyticlens.engine.tools.background import _morph
from analyticlens.protocol.recipe import Recipe
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


def _with_holes(region: dict[str, Any], holes: list[dict[str, Any]], kind: str = "intensity") -> Recipe:
    locate = {
        "type": "locate",
        "region": {"shape": "arrow", "p0": {"x": 950, "y": 700}, "p1": {"x": 1050, "y": 700}, "width": 21},
        "params": {"apply_transform": True, "reference": {"x": 999.4, "y": 700}},
    }
    return recipe(locate, {"type": kind, "region": region, "exclude": holes, "limits": [{"feature": "mean", "min": 0}]})


def test_small_parts_left_out_of_a_large_moving_region_cost_little() -> None:
    picture = np.full((1400, 2000), 60, np.uint8)
    picture[:, 1000:] = 180
    region = {"shape": "rect", "x": 40, "y": 40, "w": 1900, "h": 1300}
    spent = []
    for count in (1, 16):
        holes = [{"shape": "circle", "cx": 200 + 100 * i, "cy": 700, "r": 30} for i in range(count)]
        prepared = prepare(_with_holes(region, holes), size=(1400, 2000))
        inspect(picture, prepared)
        begun = process_time()
        for _ in range(5):
            assert inspect(picture, prepared).tools[1].status == "ok"
        spent.append(process_time() - begun)
    # Each hole once took as long as the region.
    assert spent[1] < 4 * spent[0] + 0.05


def test_masks_and_statistics_that_take_too_long_are_refused() -> None:
    def circle(radius: float) -> dict[str, Any]:
        return {"shape": "circle", "cx": 2000, "cy": 1500, "r": radius}

    moving = _with_holes(circle(1490), [circle(1400)] * 8)
    with pytest.raises(RecipeRefused, match="can take"):
        prepare(moving, size=(3000, 4000))
    outcome = inspect(np.zeros((3000, 4000), np.uint8), prepare(_with_holes(circle(1490), [circle(1400)] * 8))).tools[1]
    assert outcome.status != "ok"
    for kind in ("intensity", "histogram"):
        prepare(recipe({"type": kind}), size=(3000, 4000))
        with pytest.raises(RecipeRefused, match="can take"):
            prepare(recipe({"type": kind}), size=(20_000, 20_000))
