"""edge: density, contours, lengths and slopes of edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from analyticlens.engine import regions
from analyticlens.engine.buffers import Buffers
from analyticlens.engine.masks import AreaRegion
from tests.engine.drawing import boxes, half_plane, limit, look, measured, plain, rect

DEEP = pytest.mark.parametrize(("dtype", "unit"), [(np.uint8, 1), (np.uint16, 250)])


def disc(radius: float, *, noise: float = 0, rng: np.random.Generator | None = None, contrast: float = 120) -> Any:
    """Return a soft bright disc about (80, 60)."""
    rows, columns = np.mgrid[:120, :160]
    away = np.hypot(columns - 80, rows - 60) - radius
    picture = 60 + contrast * (1 - np.vectorize(math.erf)(away / math.sqrt(2))) / 2
    if rng is not None:
        picture = picture + rng.normal(0, noise, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


@DEEP
def test_a_disc_has_one_contour_as_long_as_its_rim(dtype: Any, unit: int) -> None:
    for radius in (15.0, 28.4, 40.0):
        features = measured(disc(radius).astype(dtype) * dtype(unit), {"type": "edge"})
        assert features["contour_count"] == 1
        assert features["longest_contour"] == pytest.approx(2 * math.pi * radius, rel=0.04)
        assert features["total_length"] == features["longest_contour"]
        assert features["edge_density"] == features["edge_pixels"] / (120 * 160)


@pytest.mark.parametrize("angle", [0, 17, 30, 45, 60, 78, 90])
def test_a_lines_length_does_not_depend_on_its_direction(angle: float) -> None:
    features = measured(half_plane((48, 48), angle), {"type": "edge", "region": circle(48, 48, 40)})
    assert features["contour_count"] == 1
    assert features["longest_contour"] == pytest.approx(80, rel=0.06)


def circle(cx: float, cy: float, r: float) -> dict[str, Any]:
    return {"shape": "circle", "cx": cx, "cy": cy, "r": r}


@DEEP
def test_the_slope_is_that_of_the_edge(dtype: Any, unit: int) -> None:
    picture = half_plane((48, 48), 0, blur=3).astype(dtype) * dtype(unit)
    features = measured(picture, {"type": "edge", "params": {"ksize": 1}})
    steepest = 120 / (3 * math.sqrt(2 * math.pi)) * unit
    assert features["max_strength"] == pytest.approx(steepest, rel=0.06)
    assert features["mean_strength"] == pytest.approx(steepest, rel=0.1)


@DEEP
def test_noise_alone_makes_no_contour(dtype: Any, unit: int, rng: np.random.Generator) -> None:
    for sigma in (1, 4, 12):
        picture = np.clip(rng.normal(100, sigma, (240, 320)) * unit, 0, np.iinfo(dtype).max).astype(dtype)
        features = measured(picture, {"type": "edge"})
        assert features["contour_count"] <= 1


def test_a_faint_edge_in_noise_is_found(rng: np.random.Generator) -> None:
    picture = disc(35, noise=2, rng=rng, contrast=25)
    assert measured(picture, {"type": "edge"})["longest_contour"] > 150


def test_fixed_slopes_are_asked_of_the_picture() -> None:
    picture = disc(30, contrast=60)
    params = {"threshold_mode": "fixed", "ksize": 1}
    assert measured(picture, {"type": "edge", "params": {**params, "low": 10, "high": 20}})["contour_count"] == 1
    assert measured(picture, {"type": "edge", "params": {**params, "low": 10, "high": 40}})["contour_count"] == 0


def test_gradient_edges_are_all_steep_pixels() -> None:
    picture = boxes((40, 30, 50, 40))
    params = {"method": "gradient", "threshold_mode": "fixed", "low": 30, "high": 30, "ksize": 1}
    features = measured(picture, {"type": "edge", "params": params})
    # Two pixels wide: one inside the box, one outside of it; at the corners only the inner ones are that steep.
    assert features["edge_pixels"] == pytest.approx(4 * 90, abs=8)
    assert features["contour_count"] == 1
    assert features["longest_contour"] == pytest.approx(math.hypot(52, 42))


def test_short_contours_do_not_count() -> None:
    picture = boxes((20, 20, 40, 40), (100, 60, 4, 4))
    for least, count in ((5, 2), (40, 1), (500, 0)):
        features = measured(picture, {"type": "edge", "params": {"min_length": least}})
        assert features["contour_count"] == count
    assert features["edge_density"] == 0
    assert "mean_strength" not in features


def test_a_missing_contour_is_bad_by_its_limit() -> None:
    tool = {"type": "edge", "region": rect(30, 10, 100, 100), "limits": [limit("longest_contour", 100)]}
    assert look(disc(30), tool).verdict == "ok"
    assert look(plain(), tool).verdict == "nok"


def test_only_edges_in_the_region_count() -> None:
    picture = boxes((10, 10, 30, 30), (90, 60, 30, 30))
    assert measured(picture, {"type": "edge"})["contour_count"] == 2
    assert measured(picture, {"type": "edge", "region": rect(70, 40, 70, 70, 10)})["contour_count"] == 1


def test_slopes_of_eight_bits_are_an_error_in_sixteen() -> None:
    inspection = look(plain(dtype=np.uint16), {"type": "edge", "params": {"threshold_mode": "fixed"}})
    assert (inspection.verdict, inspection.reason) == ("error", "tool_error")


def test_the_longest_contours_are_drawn() -> None:
    inspection = look(disc(30), {"type": "edge", "region": rect(30, 10, 100, 100)})
    found = [overlay.shape for overlay in inspection.overlay if overlay.role == "found"]
    assert len(found) == 1
    for x, y in found[0].points:  # type: ignore[union-attr]
        assert math.hypot(x - 80, y - 60) == pytest.approx(30, abs=2)


def test_a_picture_of_edges_everywhere_is_measured(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (480, 752)).astype(np.uint8)
    params = {"threshold_mode": "fixed", "low": 1, "high": 2, "ksize": 1, "min_length": 0}
    features = measured(picture, {"type": "edge", "params": params})
    assert features["edge_density"] > 0.15


@pytest.mark.parametrize("outside", [20, 180, 255])
@pytest.mark.parametrize(
    "region",
    [
        {"shape": "circle", "cx": 100, "cy": 100, "r": 60},
        {"shape": "ellipse", "cx": 100, "cy": 100, "rx": 60, "ry": 40, "angle": 20},
        {"shape": "rect", "x": 60, "y": 70, "w": 80, "h": 40, "angle": 30},
        {"shape": "ring", "cx": 100, "cy": 100, "inner": 30, "outer": 60},
        {"shape": "polygon", "points": [(60, 60), (150, 80), (100, 150)]},
    ],
)
def test_what_lies_beside_a_region_makes_no_edge_in_it(region: dict[str, Any], outside: int) -> None:
    found = regions.window(TypeAdapter(AreaRegion).validate_python(region), 200, 200, Buffers(), "window")
    assert found is not None
    assert found.mask is not None
    picture = np.full((200, 200), outside, np.uint8)
    found.of(picture)[found.mask > 0] = 180
    edges = look(picture, {"type": "edge", "region": region}).tools[0].features
    assert (edges["contour_count"], edges["edge_pixels"]) == (0, 0)
    sharp = look(picture, {"type": "focus", "region": region}).tools[0].features
    assert sharp["raw"] == 0


def test_what_is_left_out_of_a_region_makes_no_edge_in_it() -> None:
    picture = disc(30)
    whole = {"type": "edge", "region": rect(0, 0, 160, 120)}
    hole = {"shape": "circle", "cx": 80, "cy": 60, "r": 40}
    assert look(picture, whole).tools[0].features["contour_count"] == 1
    assert look(picture, whole | {"exclude": [hole]}).tools[0].features["contour_count"] == 0
