"""blob below a pixel: area, place and form are right wherever the cut lies, however blurred, and say how sure they are."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from analyticlens.bench.accuracy import rows_blob
from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import Layer, Sdf, disc, ellipse, minus, rectangle, render, render_layers, union
from analyticlens.engine import inspect, prepare
from tests.engine.drawing import look, measured, recipe, rect

EVERY = ["area", "x", "y", "perimeter", "circularity", "elongation", "blur", "area_sigma", "position_sigma"]


def blob(**params: Any) -> dict[str, Any]:
    return {"type": "blob", "params": {"th_min": 120, "th_max": 65535, "subpixel": True, "measure": EVERY} | params}


def drawn(sdf: Sdf, size: tuple[int, int], psf: float = 1.0, **levels: float) -> np.ndarray[Any, Any]:
    return np.rint(render(sdf, size, psf=psf, **levels)).astype(np.uint8)


@pytest.mark.parametrize("psf", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("radius", [4.3, 7.4, 10.8, 25.2, 40.6])
def test_a_disc_is_right_whatever_its_size_and_blur(radius: float, psf: float, rng: np.random.Generator) -> None:
    side = int(2 * radius + 40)
    x, y = side / 2 + rng.uniform(-0.5, 0.5, 2)
    found = measured(drawn(disc(x, y, radius), (side, side), psf), blob())
    # A rim blurred over half the radius says little about size and blur apart.
    tolerance = 0.02 if radius < 5 and psf > 1.5 else 0.002
    assert found["area"] == pytest.approx(math.pi * radius**2, rel=tolerance)
    assert (found["x"], found["y"]) == pytest.approx((x, y), abs=0.01)
    assert found["perimeter"] == pytest.approx(2 * math.pi * radius, rel=2 * tolerance)
    assert found["circularity"] == pytest.approx(1, abs=0.003)
    assert found["blur"] == pytest.approx(math.hypot(psf, 12**-0.5), rel=0.06)


@pytest.mark.parametrize("radius", [4.3, 9.1, 30.7])
def test_where_it_is_cut_has_no_influence(radius: float, rng: np.random.Generator) -> None:
    picture = expose(render(disc(50.2, 49.7, radius), (100, 100)), rng, snr=40)
    found = [measured(picture, blob(th_min=level, area_min=10)) for level in (105, 120, 135)]
    for name, tolerance in (("area", 0.006), ("x", 0.001), ("perimeter", 0.002)):
        values = [one[name] for one in found]
        assert max(values) - min(values) <= tolerance * values[0], name


@pytest.mark.parametrize("levels", [{"low": 180.0, "high": 60.0}, {"low": 100.0, "high": 115.0}])
def test_dark_and_faint_blobs_are_weighed_too(levels: dict[str, float]) -> None:
    picture = drawn(disc(60.3, 59.8, 30), (120, 120), **levels)
    dark = levels["low"] > levels["high"]
    tool = blob(polarity="dark") if dark else blob(th_min=107)
    found = measured(picture, tool)
    assert found["area"] == pytest.approx(math.pi * 900, rel=0.002)
    assert found["x"] == pytest.approx(60.3, abs=0.01)


def test_uneven_light_moves_nothing(rng: np.random.Generator) -> None:
    for radius in (7.0, 10.0, 30.0):
        picture = expose(render(disc(60.3, 59.8, radius), (120, 120)), rng, shading=0.25)
        found = measured(picture, blob())
        assert (found["x"], found["y"]) == pytest.approx((60.3, 59.8), abs=0.03)
        assert found["area"] == pytest.approx(math.pi * radius**2, rel=0.004)


def test_the_direction_of_an_ellipse(rng: np.random.Generator) -> None:
    for angle in rng.uniform(-90, 90, 5):
        picture = drawn(ellipse(75.2, 74.9, 40, 20, angle), (150, 150))
        found = measured(picture, blob(measure=["orientation_deg", "elongation"]))
        assert abs(math.remainder(found["orientation_deg"] - angle, 180)) < 0.05
        assert found["elongation"] == pytest.approx(2, rel=0.002)


def test_holes_are_no_area_and_outlines_are_outer() -> None:
    found = measured(drawn(minus(disc(60, 60, 40), disc(60, 60, 15)), (120, 120)), blob())
    assert found["area"] == pytest.approx(math.pi * (1600 - 225), rel=0.002)
    assert found["perimeter"] == pytest.approx(80 * math.pi, rel=0.003)


def test_neighbours_do_not_count() -> None:
    picture = drawn(union(disc(40, 60, 25), disc(96, 60, 25)), (136, 120))
    both = look(picture, blob()).details[1]["blobs"]
    for one, x in zip(sorted(both, key=lambda b: float(b["x"])), (40, 96), strict=True):
        assert one["area"] == pytest.approx(math.pi * 625, rel=0.003)
        assert one["x"] == pytest.approx(x, abs=0.02)


def test_a_half_disc_on_the_border_is_a_half(rng: np.random.Generator) -> None:
    picture = expose(render(disc(-0.5, 60.3, 30), (100, 120)), rng, snr=40)
    assert measured(picture, blob())["area"] == pytest.approx(math.pi * 450, rel=0.005)


def test_only_the_regions_pixels_are_weighed(rng: np.random.Generator) -> None:
    picture = drawn(disc(60.3, 59.8, 20), (120, 120))
    changed = rng.integers(0, 255, (120, 120)).astype(np.uint8)
    changed[20:100, 20:100] = picture[20:100, 20:100]
    region = {"region": rect(20, 20, 80, 80)}
    assert measured(changed, blob() | region) == measured(picture, blob() | region)


def test_what_it_says_of_its_own_sureness_is_so(rng: np.random.Generator) -> None:
    prepared = prepare(recipe(blob()))
    for radius in (5.0, 9.0, 25.0):
        exact = render(disc(50.2, 49.7, radius), (100, 100))
        found = [inspect(expose(exact, rng, snr=20), prepared).tools[0].features for _ in range(60)]
        areas = np.array([one["area"] for one in found])
        places = np.array([one["x"] for one in found])
        assert areas.std() == pytest.approx(np.median([one["area_sigma"] for one in found]), rel=0.5)
        assert places.std() == pytest.approx(np.median([one["position_sigma"] for one in found]), rel=0.5)


def test_a_small_square_is_not_taken_for_an_ellipse() -> None:
    picture = np.full((60, 60), 60, np.uint8)
    picture[20:29, 20:32] = 180
    found = measured(cv2.GaussianBlur(picture, (0, 0), 0.7), blob())
    assert found["area"] == pytest.approx(108, rel=0.02)


def test_more_small_blobs_than_can_be_fitted_are_refused() -> None:
    picture = np.full((480, 752), 60, np.uint8)
    for y in range(20, 460, 16):
        for x in range(20, 740, 16):
            cv2.circle(picture, (x, y), 3, 180, -1)
    outcome = look(cv2.GaussianBlur(picture, (0, 0), 1), blob()).tools[0]
    assert (outcome.status, outcome.reason) == ("error", "too_costly")


def test_the_same_picture_gives_the_same_bits(rng: np.random.Generator) -> None:
    picture = expose(render(union(disc(40, 40, 20.3), disc(90, 80, 5.1)), (130, 120)), rng, snr=20)
    tools = blob(measure=[*EVERY, "convexity", "length"])
    prepared = prepare(recipe(tools))
    inspect(255 - picture, prepared)
    assert inspect(picture, prepared).details == look(picture, tools).details


def few_rows(seed: int) -> Iterator[Any]:
    rng = np.random.default_rng([seed, 9])
    for part in (rows_blob._disc_rows, rows_blob._form_rows, rows_blob._count_rows):
        yield from part(rng, 24)


def test_every_goal_is_met_for_any_seed(seed: int) -> None:
    """With 24 pictures a row chance makes a standard deviation larger by a third at times: the bench itself takes more."""
    missed = [str(row) for row in few_rows(seed) if not _nearly(row)]
    assert missed == []


def _nearly(row: Any) -> bool:
    loose = {word: goal * (1.35 if word == "sd" else 1.0) for word, goal in row.goals.items()}
    return all(row._value(word) <= goal for word, goal in loose.items())


@pytest.mark.parametrize("holes", [[(50, 40, 6)], [(33, 40, 5), (50, 40, 6)], [(46, 40, 10)]])
@pytest.mark.parametrize("level", [90, 110, 120])
def test_a_filled_hole_says_nothing_of_a_blobs_light(holes: list[tuple[float, float, float]], level: float) -> None:
    layers = [Layer(disc(40, 40, 25), 180.0), *(Layer(disc(*hole), 60.0) for hole in holes)]
    picture = expose(render_layers(layers, (80, 80), ground=60.0), np.random.default_rng(0))
    params = {"th_min": level, "fill_holes": True, "subpixel": True, "measure": ["area", "x", "y"]}
    features = look(picture, {"type": "blob", "params": params}).tools[0].features
    assert features["area"] == pytest.approx(math.pi * 25**2, rel=0.0006)
    assert (features["x"], features["y"]) == pytest.approx((40, 40), abs=0.01)


THIN = {
    "bar of 3 px": (rectangle(80.3, 60.2, 70, 3, 20), 210.0),
    "bar of 4 px": (rectangle(80.3, 60.2, 70, 4, 20), 280.0),
    "bar of 6 px": (rectangle(80.3, 60.2, 70, 6, 77), 420.0),
    "cross": (union(rectangle(80.3, 60.2, 60, 4, 7), rectangle(80.3, 60.2, 4, 60, 7)), 464.0),
    "ring": (minus(disc(80.3, 60.2, 27), disc(80.3, 60.2, 23)), math.pi * (27**2 - 23**2)),
}


@pytest.mark.parametrize("name", THIN)
def test_thin_parts_are_no_larger_than_they_are_wherever_they_are_cut(name: str, rng: np.random.Generator) -> None:
    sdf, area = THIN[name]
    picture = expose(render(sdf, (160, 120)), rng, snr=100)
    found = [measured(picture, blob(th_min=level, area_min=30)) for level in (102, 120, 138)]
    for one in found:
        assert one["area"] == pytest.approx(area, rel=0.02)
        assert abs(one["area"] - area) < 4 * one["area_sigma"] + 0.005 * area
    assert max(one["area"] for one in found) - min(one["area"] for one in found) < 0.005 * area


def test_a_thin_part_whose_level_nothing_tells_says_so(rng: np.random.Generator) -> None:
    # Too short for a profile, and no ellipse.
    picture = expose(
        render(union(rectangle(80, 60, 14, 3, 10), rectangle(80, 60, 3, 14, 10)), (160, 120), psf=1.4), rng
    )
    found = measured(picture, blob(th_min=100, area_min=10))
    assert abs(found["area"] - 75) < 3 * found["area_sigma"]
    assert found["area_sigma"] > 4


def test_a_lattice_across_the_picture_is_no_small_blob() -> None:
    y, x = np.mgrid[:300, :400]
    mesh = cv2.GaussianBlur((((x % 24 < 4) | (y % 24 < 4)) * 160 + 40).astype(np.uint8), (0, 0), 0.8)
    prepared = prepare(recipe(blob(th_min=128)))
    inspect(mesh, prepared)
    begun = time.process_time()
    inspection = inspect(mesh, prepared)
    # It took two seconds while an ellipse was fitted to it.
    assert time.process_time() - begun < 0.6
    assert inspection.tools[0].features["area"] == pytest.approx(float(((x % 24 < 4) | (y % 24 < 4)).sum()), rel=0.01)
