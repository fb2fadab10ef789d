"""circle: centre and radius of drawn discs and arcs against their truth."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import Layer, Sdf, disc, half_plane, minus, rectangle, render_layers
from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.disc import profile
from analyticlens.engine.tools import TOOLS
from analyticlens.protocol.tools import CircleTool
from tests.engine.drawing import Picture, colour, limit, look, plain, recipe
from tests.timing import within

SIZE = 121
MIDDLE = 60.0


def ring(r: float, reach: float = 12, x: float = MIDDLE, y: float = MIDDLE, **more: Any) -> dict[str, Any]:
    return {"shape": "ring", "cx": x, "cy": y, "inner": max(0, r - reach), "outer": r + reach} | more


def circle(region: dict[str, Any], **params: Any) -> dict[str, Any]:
    return {"type": "circle", "region": region, "params": params}


def drawn(*layers: tuple[Sdf, float], psf: float = 1.0, ground: float = 60.0, **exposure: Any) -> Picture:
    """Return a picture of layers, the first lowest; without a generator among the exposure there is no noise."""
    rng = exposure.pop("rng", np.random.default_rng(0))
    picture = render_layers([Layer(*layer) for layer in layers], (SIZE, SIZE), psf=psf, ground=ground)
    return expose(picture, rng, **exposure)


def found(picture: Picture, tool: dict[str, Any]) -> dict[str, float]:
    outcome = look(picture, tool).tools[0]
    assert outcome.status == "ok", outcome.message
    return outcome.features


def off(features: dict[str, float], x: float, y: float, r: float) -> tuple[float, float]:
    """Return how far centre and radius are from the truth."""
    return math.hypot(features["x"] - x, features["y"] - y), features["radius"] - r


@pytest.mark.parametrize("psf", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("r", [6.0, 9.3, 24.7, 45.0])
@pytest.mark.parametrize("levels", [(60.0, 180.0), (200.0, 90.0)])
def test_without_noise_a_disc_is_measured_to_a_fiftieth_of_a_pixel(
    rng: np.random.Generator, psf: float, r: float, levels: tuple[float, float]
) -> None:
    x, y = MIDDLE + rng.uniform(-3, 3, 2)
    picture = drawn((disc(x, y, r), levels[1]), psf=psf, ground=levels[0])
    features = found(picture, circle(ring(r)))
    centre, radius = off(features, x, y, r)
    # Grey levels are whole: they leave some thousandths, and a few draws in a thousand more than a hundredth.
    assert centre < 0.02
    assert abs(radius) < 0.01
    assert features["diameter"] == 2 * features["radius"]
    assert features["contrast"] == pytest.approx(abs(levels[1] - levels[0]), rel=0.02)
    assert features["blur"] == pytest.approx(math.hypot(psf, 12**-0.5), abs=0.04)
    assert features["arc_coverage"] == 1
    assert features["score"] > 0.8


def test_noise_spreads_no_more_than_sigma_says(rng: np.random.Generator) -> None:
    errors, sigmas = [], []
    prepared = prepare(recipe(circle(ring(20))))
    for _ in range(40):
        x, y = MIDDLE + rng.uniform(-3, 3, 2)
        r = 20 + rng.uniform(-1, 1)
        features = inspect(drawn((disc(x, y, r), 180), snr=20, rng=rng), prepared).tools[0].features
        errors.append((features["x"] - x, features["y"] - y, features["radius"] - r))
        sigmas.append((features["sigma"], features["sigma"], features["radius_sigma"]))
    ratio = np.std(errors, axis=0) / np.mean(sigmas, axis=0)
    assert (ratio > 0.6).all(), ratio
    assert (ratio < 1.5).all(), ratio


def test_uneven_light_moves_nothing(rng: np.random.Generator) -> None:
    for _ in range(5):
        x, y = MIDDLE + rng.uniform(-3, 3, 2)
        picture = drawn((disc(x, y, 30), 180), shading=0.3, rng=rng)
        assert off(found(picture, circle(ring(30))), x, y, 30)[0] < 0.01


@pytest.mark.parametrize("level", [20.0, 60.0, 120.0, 180.0, 240.0])
def test_a_quarter_covered(rng: np.random.Generator, level: float) -> None:
    x, y = MIDDLE + rng.uniform(-3, 3, 2)
    turn = rng.uniform(0, 360)
    reach = 30 * math.cos(math.pi / 4)
    at = x + reach * math.cos(math.radians(turn)), y + reach * math.sin(math.radians(turn))
    picture = drawn((disc(x, y, 30), 180), (half_plane(*at, turn + 180), level), snr=40, rng=rng)
    features = found(picture, circle(ring(30)))
    assert off(features, x, y, 30)[0] < 0.05
    assert features["arc_coverage"] == pytest.approx(0.75, abs=0.12)


@pytest.mark.parametrize("cut", [False, True])
def test_an_arc_of_120_degrees(rng: np.random.Generator, cut: bool) -> None:
    """Searched for in a part of a ring; or in a whole ring, when only a segment of the disc is there."""
    turn = rng.uniform(0, 360)
    layers: list[tuple[Sdf, float]] = [(disc(MIDDLE, MIDDLE, 40), 180)]
    region, params = ring(40, start=turn - 60, sweep=120), {}
    if cut:
        at = MIDDLE + 20 * math.cos(math.radians(turn)), MIDDLE + 20 * math.sin(math.radians(turn))
        layers.append((half_plane(*at, turn), 60))
        region, params = ring(40), {"min_arc": 0.25}
    features = found(drawn(*layers, snr=40, rng=rng), circle(region, **params))
    assert off(features, MIDDLE, MIDDLE, 40)[0] < 0.3
    assert features["sigma"] > 0.015


def test_dirt_does_not_move_it(rng: np.random.Generator) -> None:
    specks = [
        (disc(MIDDLE + 30 * math.cos(a) + dx, MIDDLE + 30 * math.sin(a) + dy, 2.5), level)
        for a, dx, dy, level in zip(
            rng.uniform(0, 6.28, 5), *rng.uniform(-4, 4, (2, 5)), rng.choice([20.0, 220.0], 5), strict=True
        )
    ]
    picture = drawn((disc(MIDDLE, MIDDLE, 30), 180), *specks, snr=40, rng=rng)
    assert off(found(picture, circle(ring(30))), MIDDLE, MIDDLE, 30)[0] < 0.04


def test_the_circle_is_chosen_as_asked() -> None:
    """A weak outer rim of radius 40, a strong one of 30, a middling hole of 22."""
    picture = drawn((disc(60, 60, 40), 90), (disc(60, 60, 30), 200), (disc(60, 60, 22), 140))
    region = ring(31, 14)
    for select, r in (("strongest", 30), ("inner", 22), ("outer", 40)):
        assert found(picture, circle(region, select=select))["radius"] == pytest.approx(r, abs=0.02)
    assert found(picture, circle(region, polarity="dark_to_light"))["radius"] == pytest.approx(22, abs=0.02)
    assert found(picture, circle(region, polarity="light_to_dark"))["radius"] == pytest.approx(30, abs=0.02)


@pytest.mark.parametrize("wall", [5.0, 8.0])
def test_both_rims_of_a_thin_wall(wall: float) -> None:
    picture = drawn((minus(disc(60, 60, 30), disc(60, 60, 30 - wall)), 180))
    outer = found(picture, circle(ring(30), polarity="light_to_dark"))
    inner = found(picture, circle(ring(30 - wall), polarity="dark_to_light"))
    assert off(outer, 60, 60, 30) == pytest.approx((0, 0), abs=0.03)
    assert off(inner, 60, 60, 30 - wall) == pytest.approx((0, 0), abs=0.03)


def test_a_circle_region_is_a_band_about_its_rim() -> None:
    picture = drawn((disc(60, 60, 40), 180), (disc(60, 60, 20), 60))
    region = {"shape": "circle", "cx": 61, "cy": 59, "r": 38}
    assert found(picture, circle(region, search=8))["radius"] == pytest.approx(40, abs=0.01)
    outcome = look(picture, circle(region | {"r": 55}, search=10)).tools[0]
    assert (outcome.status, outcome.reason) == ("roi_outside", "roi_outside")


def test_what_is_left_out_does_not_count() -> None:
    picture = drawn((disc(60, 60, 30), 180), (rectangle(90, 60, 30, 30), 120))
    out = [{"shape": "rect", "x": 70, "y": 38, "w": 40, "h": 44}]
    tool = circle(ring(30)) | {"exclude": out}
    features = found(picture, tool)
    assert off(features, 60, 60, 30)[0] < 0.01
    assert features["arc_coverage"] < 0.85


def test_a_disc_that_leaves_the_picture_is_measured_where_that_is_allowed() -> None:
    picture = drawn((disc(105, 60, 30), 180))
    tool = circle(ring(30, x=105)) | {"min_coverage": 0.5}
    features = found(picture, tool)
    assert off(features, 105, 60, 30)[0] < 0.03
    assert features["coverage"] < 0.8
    assert look(picture, tool | {"min_coverage": 1}).tools[0].status == "roi_outside"


def test_roundness_sees_what_is_not_round() -> None:
    def oval(x: Any, y: Any) -> Any:
        turn = np.arctan2(y - 60, x - 60)
        return np.hypot(x - 60, y - 60) - 30 - 0.4 * np.cos(3 * turn)

    round_, three = found(drawn((disc(60, 60, 30), 180)), circle(ring(30))), found(drawn((oval, 180)), circle(ring(30)))
    assert round_["roundness"] < 0.1
    assert three["roundness"] == pytest.approx(0.8, abs=0.15)
    assert three["rms"] == pytest.approx(0.4 / math.sqrt(2), abs=0.05)


def waved(r: float, depth: float, waves: int, turn: float) -> Sdf:
    """Return a disc in the middle whose rim goes in and out by `depth` pixels, so many times to the round."""

    def away(x: Any, y: Any) -> Any:
        around = np.arctan2(y - MIDDLE, x - MIDDLE) - math.radians(turn)
        return np.hypot(x - MIDDLE, y - MIDDLE) - r - depth * np.cos(waves * around)

    return away


@pytest.mark.parametrize("turn", [0.0, 33.0])
@pytest.mark.parametrize(
    ("r", "depth", "waves"),
    [(48, 0.8, 2), (48, 1.0, 2), (48, 1.3, 2), (30, 1.3, 2), (20, 1.2, 2), (45, 1.3, 3), (45, 1.2, 5)],
)
def test_a_rim_out_of_round_within_the_tolerance_is_measured_whole(
    rng: np.random.Generator, r: float, depth: float, waves: int, turn: float
) -> None:
    x, y = MIDDLE + rng.uniform(-0.5, 0.5, 2)
    features = found(drawn((waved(r, depth, waves, turn), 180), snr=100, rng=rng), circle(ring(r, x=x, y=y)))
    centre, radius = off(features, MIDDLE, MIDDLE, r)
    assert centre < 0.03
    assert abs(radius) < 0.03
    assert features["roundness"] == pytest.approx(2 * depth, abs=0.15)
    assert features["rms"] == pytest.approx(depth / math.sqrt(2), abs=0.05)
    assert features["arc_coverage"] == 1


def test_an_oval_spreads_little_more_than_sigma_says(rng: np.random.Generator) -> None:
    errors, sigmas = [], []
    prepared = prepare(recipe(circle(ring(30))))
    for _ in range(25):
        features = inspect(drawn((waved(30, 1.2, 2, 20), 180), snr=20, rng=rng), prepared).tools[0].features
        errors.append((features["x"], features["y"], features["radius"]))
        sigmas.append((features["sigma"], features["sigma"], features["radius_sigma"]))
    ratio = np.std(errors, axis=0) / np.mean(sigmas, axis=0)
    assert (ratio > 0.5).all(), ratio
    # Its waves are told from noisy edges too.
    assert (ratio < 2.5).all(), ratio


@pytest.mark.parametrize("defect", ["notch", "bump", "flat", "dirt"])
def test_what_is_nothing_of_an_oval_rim_does_not_move_it(rng: np.random.Generator, defect: str) -> None:
    oval = waved(42, 1.1, 2, 15)
    spots = [(disc(MIDDLE + 42 * math.cos(a), MIDDLE + 42 * math.sin(a), 2), 20.0) for a in (0.4, 2.0, 4.5)]
    layers: dict[str, list[tuple[Sdf, float]]] = {
        "notch": [(oval, 180), (rectangle(102, MIDDLE, 10, 8), 60)],
        "bump": [(oval, 180), (rectangle(102, MIDDLE, 10, 12), 180)],
        "flat": [(oval, 180), (half_plane(MIDDLE, MIDDLE + 40, 270), 60)],
        "dirt": [(oval, 180), *spots],
    }
    features = found(drawn(*layers[defect], snr=100, rng=rng), circle(ring(42)))
    # What is not seen of an oval moves its least squares circle.
    centre, radius = off(features, MIDDLE, MIDDLE, 42)
    assert centre < 0.45
    assert abs(radius) < 0.3
    assert features["arc_coverage"] > 0.75


@pytest.mark.parametrize("scale", [16, 257])
def test_more_bits_tell_more(rng: np.random.Generator, scale: int) -> None:
    x, y = MIDDLE + rng.uniform(-3, 3, 2)
    picture = drawn((disc(x, y, 20), 180), bits=12 if scale == 16 else 16)
    assert picture.dtype == np.uint16
    assert off(found(picture, circle(ring(20))), x, y, 20)[0] < 0.002


def test_colour_is_measured_by_its_luminance() -> None:
    picture = drawn((disc(61, 59, 20), 180))
    assert found(colour(picture), circle(ring(20))) == found(picture, circle(ring(20)))


def test_a_weak_disc_in_noise_is_found(rng: np.random.Generator) -> None:
    for _ in range(5):
        x, y = MIDDLE + rng.uniform(-3, 3, 2)
        picture = drawn((disc(x, y, 25), 75), snr=10, contrast=15, rng=rng)
        assert off(found(picture, circle(ring(25))), x, y, 25)[0] < 0.15


def test_noise_has_no_circle(rng: np.random.Generator) -> None:
    """Neither fine noise, nor coarse, nor a slope of light."""
    prepared = prepare(recipe(circle(ring(30, 15), min_arc=0.3)))
    for turn in range(30):
        noise = rng.normal(0, 12, (SIZE, SIZE))
        if turn % 2:
            noise = 4 * (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, (1, 1), (0, 1))) / 4
        light = 100 + noise + np.arange(SIZE) * (turn % 3) / 3
        outcome = inspect(np.clip(np.rint(light), 0, 255).astype(np.uint8), prepared).tools[0]
        assert outcome.status == "not_found", outcome


def test_a_square_is_no_circle() -> None:
    picture = drawn((rectangle(60, 60, 60, 60, 20), 180))
    assert look(picture, circle(ring(33, 14))).tools[0].status == "not_found"


def test_too_little_of_the_rim() -> None:
    picture = drawn((disc(60, 60, 30), 180), (half_plane(60, 70, 90), 180))
    outcome = look(picture, circle(ring(30)) | {"limits": [limit("radius", 0, 99)]}).tools[0]
    assert (outcome.status, outcome.verdict) == ("not_found", "undecided")
    assert "of the rim was seen" in outcome.message


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_picture_has_no_circle(level: int) -> None:
    outcome = look(plain(SIZE, SIZE, level), circle(ring(30))).tools[0]
    assert (outcome.status, outcome.features) == ("not_found", {})


def test_a_saturated_disc_is_found() -> None:
    picture = drawn((disc(60.3, 59.6, 25), 400))
    assert picture.max() == 255
    features = found(picture, circle(ring(25)))
    assert math.hypot(features["x"] - 60.3, features["y"] - 59.6) < 0.02


@pytest.mark.parametrize(
    "region",
    [
        None,
        {"shape": "rect", "x": 0, "y": 0, "w": 9, "h": 9},
        {"shape": "circle", "cx": 9, "cy": 9, "r": 1},
        {"shape": "ring", "cx": 9, "cy": 9, "inner": 3, "outer": 5},
    ],
)
def test_other_regions_are_refused(region: dict[str, Any] | None) -> None:
    with pytest.raises(ValidationError):
        recipe({"type": "circle", "region": region})


def test_the_cost_is_a_bound() -> None:
    """Of the usual and of the largest that is allowed, in process time, with room for a computer that does other things."""
    for r, reach in ((20, 12), (200, 60), (450, 12)):
        size = 2 * (r + reach) + 20
        picture = np.full((size, size), 60, np.uint8)
        rows, columns = np.mgrid[:size, :size]
        picture[np.hypot(columns - size / 2, rows - size / 2) < r] = 180
        tool = circle(ring(r, reach, size / 2, size / 2))
        model = CircleTool.model_validate({"id": 1, "name": "c", **tool})
        kind = TOOLS["circle"].cost
        assert kind is not None
        prepared = prepare(recipe(tool))
        inspection = within(3 * kind(model, size, size), partial(inspect, picture, prepared))
        assert inspection.tools[0].status == "ok"


def test_what_could_take_too_long_is_refused() -> None:
    with pytest.raises(RecipeRefused, match="it can take"):
        prepare(recipe(circle(ring(4000, 3000, 4000, 4000))), size=(9000, 9000))


def test_the_profile_of_a_disc_is_that_of_a_drawn_one() -> None:
    picture = render_layers([Layer(disc(60, 60, 7), 1.0)], (SIZE, SIZE), psf=2.0, ground=0.0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    away = np.hypot(columns - 60, rows - 60).ravel().astype(float)
    seen = profile(away, 7.0, math.hypot(2, 12**-0.5))
    assert seen.rise == pytest.approx(picture.ravel(), abs=1e-3)
    for by, step in ((seen.by_radius, (1e-3, 0.0)), (seen.by_blur, (0.0, 1e-3))):
        up = profile(away, 7 + step[0], math.hypot(2, 12**-0.5) + step[1]).rise
        down = profile(away, 7 - step[0], math.hypot(2, 12**-0.5) - step[1]).rise
        assert by == pytest.approx((up - down) / 2e-3, abs=0.02)


@pytest.mark.parametrize(("depth", "least", "most"), [(5.0, 4.0, 6.0), (-5.0, 4.0, 6.0), (0.0, 0.0, 0.6)])
def test_roundness_sees_a_part_that_is_not_round(depth: float, least: float, most: float) -> None:
    """A notch, or a bump, over 40 degrees; a speck at the rim is no shape of the part."""
    rows, columns = np.mgrid[:640, :640] / 4 - 0.375
    away = np.hypot(columns - 80.4, rows - 79.7)
    turn = np.abs(np.degrees(np.arctan2(rows - 79.7, columns - 80.4)))
    light = np.where(away < np.where(turn < 20, 35 - depth, 35.0), 180.0, 60.0)
    picture = cv2.GaussianBlur(cv2.resize(light, (160, 160), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    cv2.circle(picture, (45, 80), 1, 20.0, -1)
    noisy = np.random.default_rng(4).normal(picture, 1)
    region = {"shape": "ring", "cx": 80, "cy": 80, "inner": 20, "outer": 55}
    found = look(np.asarray(np.rint(noisy), np.uint8), {"type": "circle", "region": region}).tools[0].features
    assert least <= found["roundness"] <= most
    assert (found["x"], found["y"], found["radius"]) == pytest.approx((80.4, 79.7, 35), abs=0.1)
