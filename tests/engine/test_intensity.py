"""intensity: statistics exact to the pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.engine.drawing import limit, look, measured, plain


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_statistics_are_those_of_the_regions_pixels(dtype: Any, rng: np.random.Generator) -> None:
    picture = rng.integers(0, np.iinfo(dtype).max, (120, 160), endpoint=True).astype(dtype)
    level = int(np.iinfo(dtype).max) // 3
    circle = {"shape": "circle", "cx": 71.3, "cy": 50.8, "r": 33.3}
    features = measured(picture, {"type": "intensity", "region": circle, "params": {"threshold": level}})
    rows, columns = np.mgrid[:120, :160]
    own = picture[np.hypot(columns - 71.3, rows - 50.8) <= 33.3].astype(float)
    expected = {
        "mean": own.mean(),
        "std": own.std(),
        "min": own.min(),
        "max": own.max(),
        "area": own.size,
        "share_above": (own > level).mean(),
    }
    assert features == pytest.approx(expected)


@pytest.mark.parametrize(("level", "share"), [(99, 1.0), (99.5, 1.0), (100, 0.0), (255, 0.0)])
def test_the_bright_share_is_strictly_above_its_level(level: float, share: float) -> None:
    assert measured(plain(level=100), {"type": "intensity", "params": {"threshold": level}})["share_above"] == share


@pytest.mark.parametrize(("level", "shape"), [(255, (480, 752)), (200, (7, 7)), (199, (479, 751))])
def test_an_even_picture_has_exactly_its_level(level: int, shape: tuple[int, int]) -> None:
    tool = {"type": "intensity", "limits": [limit("mean", level, level)]}
    assert look(np.full(shape, level, np.uint8), tool).verdict == "ok"
