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


@pytest.mark.parametrize(("outer", "inner"), [(30, 27), (30, 24), (30, 20), (50, 40)])
def test_a_filled_ring_is_measured_below_a_pixel(outer: float, inner: float) -> None:
    exact = render(minus(disc(80.3, 79.6, outer), disc(80.3, 79.6, inner)), (160, 160))
    area = math.pi * outer**2
    for seed, level in enumerate((108, 120, 132)):
        found = measured(
            expose(exact, np.random.default_rng(seed), snr=40), blob(th_min=level, fill_holes=True, area_min=20)
        )
        assert found["area"] == pytest.approx(area, rel=0.005)
        assert 0 < abs(found["area"] - area) < 4 * found["area_sigma"] < 0.02 * area
        assert (found["x"], found["y"]) == pytest.approx((80.3, 79.6), abs=0.04)
        assert found["perimeter"] == pytest.approx(2 * math.pi * outer, rel=0.003)
        assert found["circularity"] > 0.998


def test_what_counts_in_whole_pixels_says_how_little_that_is_known() -> None:
    # A blob that fills its region has no background to be weighed against.
    found = measured(np.full((60, 80), 180, np.uint8), blob())
    assert found["area"] == 4800
    assert found["area_sigma"] == pytest.approx(0.5 * 280, rel=0.05)
    assert found["position_sigma"] == 0.5


@pytest.mark.parametrize("psf", [1.0, 1.5])
@pytest.mark.parametrize(("long", "short"), [(20, 3.5), (20, 5), (8, 4)])
def test_slender_ellipses_are_no_larger_than_they_are(long: float, short: float, psf: float) -> None:
    exact = render(ellipse(80.2, 80.1, long, short, 25), (160, 160), psf=psf)
    area = math.pi * long * short
    off = []
    for seed, level in enumerate((108, 120, 132) * 2):
        found = measured(expose(exact, np.random.default_rng(seed), snr=40), blob(th_min=level, area_min=20))
        off.append((found["area"] - area) / found["area_sigma"])
        assert found["area"] == pytest.approx(area, rel=0.02)
        assert found["area_sigma"] < 0.01 * area
    assert abs(np.mean(off)) < 1.5
    assert max(map(abs, off)) < 4


def test_more_slender_ellipses_than_there_is_time_for_are_known_less_well() -> None:
    pins = [ellipse(50 + 70 * column, 25 + 30 * row, 20, 3.5, 10) for column in range(2) for row in range(8)]
    whole = pins[0]
    for pin in pins[1:]:
        whole = union(whole, pin)
    picture = expose(render(whole, (170, 260), psf=1.5), np.random.default_rng(0), snr=40)
    found = look(picture, blob(area_min=20)).details[1]["blobs"]
    area = math.pi * 20 * 3.5
    assert len(found) == len(pins)
    assert all(abs(one["area"] - area) < 4 * one["area_sigma"] for one in found)
    sigmas = sorted(one["area_sigma"] / area for one in found)
    assert sigmas[0] < 0.01 < 0.05 < sigmas[-1]


@pytest.mark.parametrize(
    ("gap", "psf", "tolerance"), [(5.2, 1.0, 0.02), (6.0, 1.0, 0.02), (6.0, 1.5, 0.2), (8.0, 1.5, 0.08)]
)
def test_thin_neighbours_are_the_same_wherever_they_are_cut(gap: float, psf: float, tolerance: float) -> None:
    exact = render(union(rectangle(70, 80, 4, 60, 0), rectangle(74 + gap, 80, 4, 60, 0)), (160, 160), psf=psf)
    for seed in range(3):
        picture = expose(exact, np.random.default_rng(seed), snr=40)
        for level in (108, 120, 132):
            for one in look(picture, blob(th_min=level, area_min=20)).details[1]["blobs"]:
                assert one["area"] == pytest.approx(240, rel=tolerance)
                assert abs(one["area"] - 240) < 4 * one["area_sigma"]


@pytest.mark.parametrize("psf", [1.0, 1.5])
def test_a_thin_bent_part_is_the_same_wherever_it_is_cut(psf: float) -> None:
    bent = union(rectangle(80, 100, 60, 5, 0), union(rectangle(52.5, 80, 5, 45, 0), rectangle(107.5, 80, 5, 45, 0)))
    exact = render(bent, (160, 160), psf=psf)
    area = float((exact - 60).sum() / 120)
    picture = expose(exact, np.random.default_rng(0), snr=40)
    found = [measured(picture, blob(th_min=level, area_min=20)) for level in (108, 120, 132)]
    assert all(abs(one["area"] - area) < 3 * one["area_sigma"] for one in found)
    assert max(one["area"] for one in found) - min(one["area"] for one in found) < 0.008 * area


def test_what_is_too_near_to_tell_its_level_says_so() -> None:
    exact = render(union(rectangle(70, 80, 4, 60, 0), rectangle(78, 80, 4, 60, 0)), (160, 160), psf=1.5)
    picture = expose(exact, np.random.default_rng(0), snr=40)
    for level in (108, 120, 132):
        for one in look(picture, blob(th_min=level, area_min=20)).details[1]["blobs"]:
            assert abs(one["area"] - 240) < 3 * one["area_sigma"]
