"""normalize: grey levels brought to one scale, and told by how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.engine.drawing import boxes, colour, look, measured, plain, rect

DTYPES = pytest.mark.parametrize("dtype", [np.uint8, np.uint16])


def changed(picture: Any, **params: Any) -> Any:
    image = look(picture, {"type": "normalize", "params": params}).image
    assert image is not None
    return image


@DTYPES
def test_min_max_reaches_from_nothing_to_full_scale(dtype: Any) -> None:
    full = np.iinfo(dtype).max
    picture = np.array([[50, 100, 150]], dtype)
    assert changed(picture).ravel().tolist() == pytest.approx([0, full / 2, full], abs=0.51)
    features = measured(picture, {"type": "normalize"})
    assert features["gain"] == pytest.approx(full / 100)
    assert features["mean_before"] == pytest.approx(100)
    assert features["clipped"] == 0


@DTYPES
def test_percentiles_are_cut_off_and_told(dtype: Any, rng: np.random.Generator) -> None:
    full = int(np.iinfo(dtype).max)
    picture = rng.integers(full // 4, full // 2, (100, 120)).astype(dtype)
    picture[0, :5] = full
    params = {"mode": "percentile", "low_percent": 2, "high_percent": 98}
    low, high = np.percentile(picture, [2, 98], method="inverted_cdf").astype(float)
    expected = np.clip(np.rint((picture - low) * full / (high - low)), 0, full)
    assert np.abs(changed(picture, **params) - expected).max() <= 1
    features = measured(picture, {"type": "normalize", "params": params})
    assert features["clipped"] == pytest.approx(((picture < low) | (picture > high)).mean(), abs=0.002)


@DTYPES
def test_mean_and_spread_become_those_asked_for(dtype: Any, rng: np.random.Generator) -> None:
    full = int(np.iinfo(dtype).max)
    picture = np.clip(rng.normal(full * 0.3, full * 0.05, (100, 120)), 0, full).astype(dtype)
    image = changed(picture, mode="mean_std", mean=0.6, std=0.1)
    assert image.mean() == pytest.approx(0.6 * full, rel=0.01)
    assert image.std() == pytest.approx(0.1 * full, rel=0.02)


def test_a_nearly_flat_picture_is_not_blown_up(rng: np.random.Generator) -> None:
    picture = (100 + (rng.random((100, 120)) < 0.5)).astype(np.uint8)
    features = measured(picture, {"type": "normalize", "params": {"mode": "mean_std", "max_gain": 4}})
    assert features["gain"] == 4


@DTYPES
def test_local_contrast_is_the_same_in_light_and_shade(dtype: Any, rng: np.random.Generator) -> None:
    full = int(np.iinfo(dtype).max)
    light = np.linspace(0.1, 0.8, 400)[None, :]
    picture = (full * light * (1 + 0.15 * rng.normal(0, 1, (200, 400)).clip(-3, 3) / 3)).clip(0, full).astype(dtype)
    image = changed(picture, mode="local", window=31, mean=0.5, std=0.1).astype(float)
    for part in (image[:, 40:100], image[:, 300:360]):
        assert part.mean() == pytest.approx(0.5 * full, rel=0.02)
        assert part.std() == pytest.approx(0.1 * full, rel=0.06)


@DTYPES
@pytest.mark.parametrize("mode", ["min_max", "percentile", "mean_std", "local"])
def test_one_grey_has_no_contrast_to_scale(mode: str, dtype: Any) -> None:
    inspection = look(plain(dtype=dtype), {"type": "normalize", "params": {"mode": mode}}, {"type": "blob"})
    assert (inspection.tools[0].status, inspection.tools[0].reason) == ("not_found", "not_found")
    assert inspection.tools[1].reason == "picture_missing"
    assert inspection.image is not None
    assert np.array_equal(inspection.image, plain(dtype=dtype))


@pytest.mark.parametrize("mode", ["min_max", "local"])
def test_only_the_region_is_changed_and_counts(mode: str) -> None:
    picture = boxes((40, 40, 20, 20), low=60, high=120)
    picture[0, 0], picture[0, 1] = 0, 255
    tool = {"type": "normalize", "region": rect(30, 30, 60, 50, 10), "params": {"mode": mode}}
    image = look(picture, tool).image
    assert image is not None
    assert image[0, 0] == 0
    assert image[10, 10] == 60
    if mode == "min_max":
        assert (image[50, 50], image[70, 70]) == (255, 0)


def test_colour_becomes_grey(rng: np.random.Generator) -> None:
    image = changed(colour(boxes((40, 40, 20, 20))))
    assert image.ndim == 2
    assert np.unique(image).tolist() == [0, 255]
