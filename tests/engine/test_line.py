"""line: direction and place of drawn edges, over dirt and beside other edges, and pictures that hold none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import Layer, disc, half_plane, rectangle, render, render_layers
from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.tools.line import searched
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Rect
from tests.engine.drawing import Picture, arrow, boxes, look, measured, plain, recipe, rect


def line(region: dict[str, Any], **params: Any) -> dict[str, Any]:
    return {"type": "line", "region": region, "params": params}


def outcome(picture: Picture, tool: dict[str, Any]) -> ToolOutcome:
    return look(picture, tool).tools[0]


def distance(found: dict[str, float], at: tuple[float, float], normal_deg: float) -> float:
    """Return how far the found point lies from an edge, square to it."""
    angle = math.radians(normal_deg)
    return (found["x"] - at[0]) * math.cos(angle) + (found["y"] - at[1]) * math.sin(angle)


def drawn(rng: np.random.Generator, direction: float, snr: float = 40) -> tuple[Picture, tuple[float, float], float]:
    """Return a picture of an edge across an arrow in a direction, a point of it, and its normal."""
    normal = direction + rng.uniform(-5, 5)
    at = (80 + rng.uniform(-3, 3), 80 + rng.uniform(-3, 3))
    return expose(render(half_plane(*at, normal + 180), (161, 161)), rng, snr=snr), at, normal


def band(direction: float, length: float = 40, width: float = 100) -> dict[str, Any]:
    """Return an arrow about the middle of the picture."""
    dx, dy = (length / 2 * f(math.radians(direction)) for f in (math.cos, math.sin))
    return arrow((80 - dx, 80 - dy), (80 + dx, 80 + dy), width)


@pytest.mark.parametrize(("snr", "turned", "off"), [(40, 0.02, 0.02), (10, 0.10, 0.07)])
def test_a_line_is_found_as_well_as_noise_allows(
    rng: np.random.Generator, snr: float, turned: float, off: float
) -> None:
    wrong = []
    for _ in range(25):
        direction = rng.uniform(0, 360)
        picture, at, normal = drawn(rng, direction, snr)
        found = measured(picture, line(band(direction)))
        angle = math.remainder(found["angle_deg"] - normal - 90, 180)
        wrong.append((angle, distance(found, at, normal), angle / found["angle_sigma"]))
    spread = np.std(wrong, axis=0)
    assert spread[0] < 1.3 * turned
    assert spread[1] < off
    assert 0.5 < spread[2] < 1.6


def test_dirt_does_not_turn_it(rng: np.random.Generator) -> None:
    wrong = []
    for _ in range(15):
        direction = rng.uniform(0, 360)
        normal = direction + rng.uniform(-3, 3)
        along = np.array([-math.sin(math.radians(normal)), math.cos(math.radians(normal))])
        specks = [80 + rng.uniform(-45, 45) * along + rng.uniform(-4, 4, 2) for _ in range(5)]
        layers = [
            Layer(disc(float(place[0]), float(place[1]), rng.uniform(2, 4)), rng.choice([20.0, 230.0]))
            for place in specks
        ]
        exact = render_layers([Layer(half_plane(80, 80, normal + 180), 180), *layers], (161, 161), ground=60)
        found = measured(expose(exact, rng, snr=40), line(band(direction)))
        wrong.append(math.remainder(found["angle_deg"] - normal - 90, 180))
    assert np.median(np.abs(wrong)) < 0.03
    assert np.abs(wrong).max() < 0.15


@pytest.mark.parametrize("turned", [0, 20])
@pytest.mark.parametrize("ends", ["in the bar", "past it"])
@pytest.mark.parametrize("width", [4.1, 5.2, 6, 8])
def test_the_other_rim_of_a_narrow_bar_does_not_pull(
    rng: np.random.Generator, width: float, ends: str, turned: float
) -> None:
    exact = render(rectangle(80.3, 80, width, 130, turned), (161, 161), psf=1.3)
    into = width / 2 if ends == "in the bar" else width + 6
    angle = math.radians(turned)
    rim = (80.3 - width / 2 * math.cos(angle), 80 - width / 2 * math.sin(angle))
    for _ in range(3):
        picture = np.clip(np.rint(rng.normal(exact, 3)), 0, 255).astype(np.uint8)
        region = arrow((80.3 - width / 2 - 12, 80), (80.3 - width / 2 + into, 80), 60)
        found = measured(picture, line(region, polarity="dark_to_light"))
        assert abs(distance(found, rim, turned)) < max(0.04, 3.5 * found["sigma"])
        assert found["sigma"] < 0.06


def test_a_rim_that_cannot_be_told_from_the_other_is_unsure(rng: np.random.Generator) -> None:
    exact = render(rectangle(80.3, 80, 2.2, 130, 0), (161, 161), psf=1.6)
    for into in (1, 12):
        picture = np.clip(np.rint(rng.normal(exact, 3)), 0, 255).astype(np.uint8)
        found = measured(picture, line(arrow((67, 80), (79.2 + into, 80), 60), polarity="dark_to_light"))
        assert found["sigma"] > 0.1
        assert abs(distance(found, (79.2, 80), 0)) < 5 * found["sigma"]


def stripes() -> Picture:
    """Upright edges at 39.5 (up 60), 59.5 (down 60), 89.5 (up 120) and 119.5 (down 120)."""
    picture = plain()
    picture[:, 40:60] = 120
    picture[:, 90:120] = 180
    return picture


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"select": "first"}, 39.5),
        ({"select": "last"}, 119.5),
        ({"select": "strongest", "polarity": "dark_to_light"}, 89.5),
        ({"select": "strongest", "polarity": "light_to_dark"}, 119.5),
        ({"select": "closest"}, 89.5),
        ({"select": "first", "polarity": "light_to_dark"}, 59.5),
    ],
)
def test_the_line_is_chosen_as_asked(params: dict[str, Any], place: float) -> None:
    found = measured(stripes(), line(arrow((10, 60), (150, 60), 80), **params))
    assert found["x"] == pytest.approx(place, abs=0.02)


def test_a_rectangle_is_searched_from_its_top_to_its_bottom() -> None:
    picture = boxes((0, 40, 160, 30))
    found = measured(picture, line(rect(30, 20, 100, 70), select="first"))
    assert (found["x"], found["y"]) == pytest.approx((79.5, 39.5), abs=0.05)
    assert found["angle_deg"] == pytest.approx(0, abs=0.02)
    assert measured(picture, line(rect(30, 20, 100, 70), select="last"))["y"] == pytest.approx(69.5, abs=0.02)
    assert measured(picture, line(rect(30, 20, 100, 70, 180), select="first"))["y"] == pytest.approx(69.5, abs=0.02)


@pytest.mark.parametrize(("turn", "angle"), [(0, 0), (30, 30), (90, 90), (-90, 90), (120, -60), (180, 0), (270, 90)])
def test_a_lines_direction_is_told_between_minus_90_and_90_as_taught(
    rng: np.random.Generator, turn: float, angle: float
) -> None:
    for aslant in (-2, 2):
        exact = render(half_plane(80, 80, turn + 90 + aslant), (161, 161))
        found = measured(expose(exact, rng, snr=100), line(rect(40, 60, 81, 41, turn)))
        assert found["angle_deg"] == pytest.approx(angle + aslant, abs=0.1)


def test_a_turned_rectangle_is_the_arrow_down_its_middle() -> None:
    found = searched(Rect(x=0, y=0, w=11, h=21, angle=90))
    assert (found.p0.x, found.p0.y, found.p1.x, found.p1.y) == pytest.approx((15, 10, -5, 10))
    assert found.width == 11


def test_half_an_edge_is_half_its_points(rng: np.random.Generator) -> None:
    picture = expose(boxes((60, 0, 100, 60)).astype(float), rng, snr=40)
    region = arrow((40, 60), (80, 60), 100)
    found = measured(picture, line(region, min_points=0.3))
    assert 0.4 <= found["coverage_points"] <= 0.6
    assert outcome(picture, line(region, min_points=0.8)).status == "not_found"


def test_a_bent_edge_is_not_straight(rng: np.random.Generator) -> None:
    picture = expose(render(disc(80, 1080, 1000), (161, 161)), rng, snr=40)
    found = measured(picture, line(rect(30, 60, 101, 41)))
    assert found["straightness"] == pytest.approx(50**2 / 2 / 1000, rel=0.25)


def test_an_empty_noisy_field_has_no_line(rng: np.random.Generator) -> None:
    found = 0
    for _ in range(40):
        picture = np.clip(np.rint(rng.normal(120, 8, (161, 161))), 0, 255).astype(np.uint8)
        found += outcome(picture, line(band(rng.uniform(0, 360)))).status == "ok"
    assert found == 0


@pytest.mark.parametrize("level", [0, 60, 255])
def test_nothing_found_gives_no_numbers(level: int) -> None:
    found = outcome(plain(level=level), line(arrow((20, 60), (140, 60), 50)))
    assert (found.status, found.features) == ("not_found", {})


def test_regions_that_can_hold_no_line_are_refused() -> None:
    with pytest.raises(RecipeRefused, match="6 px across"):
        prepare(recipe(line(arrow((20, 60), (140, 60), 5))))
    with pytest.raises(RecipeRefused, match="3 px along"):
        prepare(recipe(line(rect(20, 60, 100, 3))))
    with pytest.raises(ValueError, match="an arrow or a rectangle"):
        recipe(line({"shape": "circle", "cx": 5, "cy": 5, "r": 5}))


def test_a_region_outside_the_picture_is_told() -> None:
    assert outcome(stripes(), line(arrow((20, 30), (60, 30), 100))).status == "roi_outside"
    assert outcome(stripes(), line(rect(-20, 30, 100, 40))).status == "roi_outside"


@given(
    dtype=st.sampled_from([np.uint8, np.uint16]),
    shape=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    place=st.tuples(st.floats(0, 30), st.floats(0, 30), st.floats(6, 50), st.floats(4.1, 50)),
    angle=st.sampled_from([0, 17, 90, 180]),
    select=st.sampled_from(["first", "last", "strongest", "closest"]),
    calipers=st.integers(3, 500),
    least=st.sampled_from([0.0, 0.5, 1.0]),
    min_snr=st.sampled_from([0, 6]),
    kind=st.sampled_from(["noise", "black", "white", "steps"]),
    seed=st.integers(0, 2**16),
)
def test_whatever_the_picture_it_answers(
    dtype: Any,
    shape: Any,
    place: Any,
    angle: Any,
    select: Any,
    calipers: Any,
    least: Any,
    min_snr: Any,
    kind: str,
    seed: int,
) -> None:
    full = np.iinfo(dtype).max
    noise = np.random.default_rng(seed).integers(0, full, shape, endpoint=True)
    picture = {
        "noise": noise,
        "black": 0 * noise,
        "white": 0 * noise + full,
        "steps": noise // (full // 2) * (full // 2),
    }
    asked = line(
        rect(place[0], place[1], place[2], place[3], angle),
        select=select,
        calipers=calipers,
        min_points=least,
        min_snr=min_snr,
    )
    found = outcome(picture[kind].astype(dtype), asked)
    assert found.status in {"ok", "not_found", "roi_outside"}
    assert found.status == "ok" or not found.features


def test_the_same_picture_gives_the_same_numbers(rng: np.random.Generator) -> None:
    picture, _, _ = drawn(rng, 33)
    prepared = prepare(recipe(line(band(33))))
    first = inspect(picture, prepared).tools[0].features
    inspect(plain(161, 161), prepared)
    assert inspect(picture.copy(), prepared).tools[0].features == first
