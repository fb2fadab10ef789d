"""histogram and the percentiles of intensity: exact counts of levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from analyticlens.engine.levels import histogram, percentiles
from tests.engine.drawing import limit, look, measured, plain

DTYPES = pytest.mark.parametrize("dtype", [np.uint8, np.uint16])


@DTYPES
def test_the_figures_are_those_of_the_regions_pixels(dtype: Any, rng: np.random.Generator) -> None:
    full = int(np.iinfo(dtype).max)
    picture = np.clip(rng.gamma(4, full / 30, (120, 160)), 0, full).astype(dtype)
    low, high = full // 10, full // 4
    circle = {"shape": "circle", "cx": 71.3, "cy": 50.8, "r": 33.3}
    params = {"low": max(low, 300) if dtype == np.uint16 else low, "high": high}
    features = measured(picture, {"type": "histogram", "region": circle, "params": params})
    rows, columns = np.mgrid[:120, :160]
    own = picture[np.hypot(columns - 71.3, rows - 50.8) <= 33.3]
    levels, counts = np.unique(own, return_counts=True)
    p5, p95 = np.percentile(own, [5, 95], method="inverted_cdf").astype(float)
    expected = {
        "mean": own.mean(),
        "std": own.std(),
        "mode": levels[np.argmax(counts)],
        "entropy": stats.entropy(counts, base=2),
        "skewness": stats.skew(own.astype(float)),
        "level_count": len(levels),
        "share_between": ((own >= params["low"]) & (own <= high)).mean(),
        "share_black": (own == 0).mean(),
        "share_white": (own == full).mean(),
        "contrast": (p95 - p5) / (p95 + p5),
        "area": own.size,
        "p5": p5,
        "p95": p95,
    }
    assert {name: features[name] for name in expected} == pytest.approx(expected)


@DTYPES
@pytest.mark.parametrize("share", [0, 1, 5, 25, 50, 75, 95, 99, 100])
def test_a_percentile_is_a_level_of_the_picture(share: float, dtype: Any, rng: np.random.Generator) -> None:
    for size in (1, 2, 7, 1000):
        own = rng.integers(0, np.iinfo(dtype).max, (1, size), endpoint=True).astype(dtype)
        (level,) = percentiles(histogram(own, None), [share])
        assert level == np.percentile(own, share, method="inverted_cdf")


def test_one_level_alone_has_no_skewness_and_no_entropy() -> None:
    features = measured(plain(level=77), {"type": "histogram"})
    assert "skewness" not in features
    assert (features["entropy"], features["contrast"], features["level_count"]) == (0, 0, 1)
    assert features["mode"] == features["median"] == features["p1"] == 77


def test_a_black_picture_has_no_contrast_to_tell() -> None:
    features = measured(plain(level=0), {"type": "histogram"})
    assert "contrast" not in features
    assert features["share_black"] == 1


def test_levels_of_eight_bits_are_an_error_in_sixteen() -> None:
    inspection = look(plain(dtype=np.uint16), {"type": "histogram", "params": {"low": 10, "high": 99}})
    assert (inspection.verdict, inspection.reason) == ("error", "tool_error")


def test_intensity_tells_percentiles_where_asked_or_limited(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (80, 90)).astype(np.uint8)
    silent = measured(picture, {"type": "intensity"})
    asked = measured(picture, {"type": "intensity", "params": {"percentiles": True}})
    limited = measured(picture, {"type": "intensity", "limits": [limit("p95", 1)]})
    assert "p95" not in silent
    assert asked == limited
    assert asked["median"] == np.percentile(picture, 50, method="inverted_cdf")
    assert asked["mean_sigma"] == pytest.approx(picture.std() / np.sqrt(picture.size))


def test_the_mean_spreads_by_its_own_uncertainty(rng: np.random.Generator) -> None:
    tool = {"type": "intensity", "params": {"percentiles": True}}
    found = [measured(rng.normal(100, 20, (40, 40)).astype(np.uint8), tool) for _ in range(200)]
    assert np.std([each["mean"] for each in found]) == pytest.approx(found[0]["mean_sigma"], rel=0.25)
