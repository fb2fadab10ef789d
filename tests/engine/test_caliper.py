"""caliper: edges and widths against drawn truth, and pictures that hold none."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import disc, half_plane, rectangle, render
from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.buffers import Buffers
from analyticlens.engine.entities import FoundPoint
from analyticlens.engine.kit import Kit
from analyticlens.engine.picture import Picture as Frame
from analyticlens.engine.pose import STILL
from analyticlens.engine.regions import whole as whole_window
from analyticlens.engine.scene import Scene
from analyticlens.engine.tools import caliper as tool
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Arrow
from analyticlens.protocol.tools import CaliperTool
from tests.engine.drawing import Picture, arrow, boxes, limit, look, measured, plain, recipe
from tests.timing import within


def caliper(p0: tuple[float, float], p1: tuple[float, float], width: float = 20, **params: Any) -> dict[str, Any]:
    return {"type": "caliper", "region": arrow(p0, p1, width), "params": params}


def outcome(picture: Picture, tool: dict[str, Any]) -> ToolOutcome:
    return look(picture, tool).tools[0]


def stripes() -> Picture:
    """Edges at 39.5 (up 60), 59.5 (down 60), 89.5 (up 120) and 119.5 (down 120)."""
    picture = plain()
    picture[:, 40:60] = 120
    picture[:, 90:120] = 180
    return picture


def edge(rng: np.random.Generator, snr: float | None = 40, **options: Any) -> tuple[Picture, float, dict[str, Any]]:
    """Return a picture of an edge aslant to an arrow in any direction, how far along the arrow it is, and the tool."""
    direction, along = rng.uniform(0, 360), rng.uniform(14, 26)
    start = 48 - 20 * np.array([math.cos(math.radians(direction)), math.sin(math.radians(direction))])
    unit = (48 - start) / 20
    at = start + along * unit
    exact = render(half_plane(float(at[0]), float(at[1]), direction + 180 + rng.uniform(-5, 5)), (97, 97))
    return expose(exact, rng, snr=snr, **options), along, caliper(tuple(start), tuple(start + 40 * unit))


@pytest.mark.parametrize(("snr", "most"), [(None, 0.010), (40, 0.020), (10, 0.075)])
def test_an_edge_is_found_as_well_as_noise_allows(rng: np.random.Generator, snr: float | None, most: float) -> None:
    off = []
    for _ in range(40):
        picture, along, tool = edge(rng, snr)
        off.append(measured(picture, tool)["distance"] - along)
    assert np.std(off) < most
    assert abs(np.mean(off)) < max(0.005, most / 2)


def test_sixteen_bits_are_measured_in_their_own_levels(rng: np.random.Generator) -> None:
    picture, along, tool = edge(rng, 100, bits=12)
    found = measured(picture, tool)
    assert found["distance"] == pytest.approx(along, abs=0.03)
    assert found["contrast"] == pytest.approx(1920, rel=0.02)


def test_what_it_says_of_an_edge_is_true(rng: np.random.Generator) -> None:
    picture = expose(render(half_plane(48.3, 48, 187), (97, 97), psf=1.4), rng, snr=100)
    inspection = look(picture, caliper((28, 48), (68, 48)))
    found = inspection.tools[0].features
    assert found["angle_deg"] == pytest.approx(7, abs=0.2)
    assert found["blur"] == pytest.approx(math.hypot(1.4, 0.29), abs=0.05)
    assert found["contrast"] == pytest.approx(120, rel=0.02)
    assert found["score"] > 0.99
    assert 0.002 < found["sigma"] < 0.01
    assert found["edge_count"] == 1
    assert [shape.shape.shape for shape in inspection.overlay if shape.role == "found"] == ["cross"]


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"select": "first"}, 39.5),
        ({"select": "last"}, 119.5),
        ({"select": "last", "polarity": "dark_to_light"}, 89.5),
        ({"select": "first", "polarity": "light_to_dark"}, 59.5),
        ({"select": "strongest", "polarity": "dark_to_light"}, 89.5),
        ({"select": "closest"}, 89.5),
        ({"select": "closest", "expected": 45}, 59.5),
        ({"select": "closest", "expected": 45, "polarity": "dark_to_light"}, 39.5),
        ({"select": "first", "min_contrast": 90}, 89.5),
    ],
)
def test_the_edge_is_chosen_as_asked(params: dict[str, Any], place: float) -> None:
    assert measured(stripes(), caliper((10, 60), (150, 60), **params))["x"] == pytest.approx(place, abs=0.02)


@pytest.mark.parametrize(
    ("params", "first", "second"),
    [
        ({}, 89.5, 119.5),
        ({"polarity": "dark_to_light", "expected_width": 22}, 39.5, 59.5),
        ({"polarity": "light_to_dark"}, 59.5, 89.5),
        ({"expected_width": 52, "polarity": "dark_to_light"}, 89.5, 119.5),
    ],
)
def test_the_pair_is_chosen_as_asked(params: dict[str, Any], first: float, second: float) -> None:
    found = measured(stripes(), caliper((10, 60), (150, 60), select="pair", **params))
    assert (found["first_x"], found["second_x"]) == pytest.approx((first, second), abs=0.02)
    assert found["width"] == pytest.approx(second - first, abs=0.03)
    assert (found["x"], found["y"]) == pytest.approx(((first + second) / 2, 60), abs=0.02)


def test_a_scratch_inside_a_part_is_not_its_rim() -> None:
    picture = boxes((40, 0, 60, 120))
    picture[:, 70:73] = 150
    found = measured(picture, caliper((10, 60), (150, 60), select="pair"))
    assert found["width"] == pytest.approx(60, abs=0.02)
    assert found["edge_count"] == 4


@pytest.mark.parametrize(("width", "most"), [(3.4, 0.35), (5.0, 0.12), (9.0, 0.1), (30.0, 0.1)])
def test_a_bar_has_its_width_square_to_its_edges(rng: np.random.Generator, width: float, most: float) -> None:
    for _ in range(10):
        aslant = rng.uniform(-12, 12)
        exact = render(rectangle(48 + rng.uniform(-1, 1), 48, width, 300, aslant), (97, 97))
        found = measured(expose(exact, rng, snr=40), caliper((20, 48), (76, 48), select="pair"))
        assert found["width"] == pytest.approx(width, abs=most)
        assert abs(found["width"] - width) < 5 * found["width_sigma"]


def test_what_cannot_be_told_has_a_large_standard_deviation(rng: np.random.Generator) -> None:
    exact = render(rectangle(48.2, 48, 3, 300, 3), (97, 97), psf=2.0)
    found = outcome(expose(exact, rng, snr=40), caliper((20, 48), (76, 48), select="pair"))
    assert found.status == "not_found" or found.features["width_sigma"] > 0.2


@pytest.mark.parametrize("distance", [5.0, 6.0, 9.0, 14.0])
@pytest.mark.parametrize("high", [60, 220])
def test_another_edge_nearby_does_not_pull(rng: np.random.Generator, distance: float, high: int) -> None:
    exact = render(half_plane(48.3, 48, 184), (97, 97), low=60, high=140)
    exact += render(half_plane(48.3 + distance, 48, 184), (97, 97), low=0, high=high - 140)
    found = measured(expose(exact, rng, snr=100), caliper((28, 48), (68, 48), select="first"))
    assert found["x"] == pytest.approx(48.3, abs=0.04)


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_a_speck_beside_the_edge_loses_its_weight(radius: int) -> None:
    """It makes edges of its own in the profile, but only over a part of the band."""
    sharp = 60 + 120 * np.clip(60.8 - np.arange(120), 0, 1)[None].repeat(120, axis=0)
    exact = cv2.GaussianBlur(sharp, (0, 0), 0.9)
    search = {"type": "caliper", "region": arrow((30, 60), (90, 60), 20)}
    apart = []
    for seed in range(30):
        dice = np.random.default_rng(seed)
        picture = exact.copy()
        at = int(60 + dice.integers(-6, 7)), int(60 + dice.integers(-8, 9))
        cv2.circle(picture, at, radius, float(dice.choice([10, 30, 120, 230, 250])), -1)
        found = look(np.asarray(np.clip(np.rint(dice.normal(picture, 3)), 0, 255), np.uint8), search).tools[0].features
        assert found["sigma"] < 0.1
        apart.append(found["x"] - 60.3)
    assert np.abs(apart).max() < 0.1


# Bar: width, direction, blur. Speck: radius, how far outside the rim, how far along it, grey level, the rim's side.
SPECKS = [
    ((30.7, -17, 1.4), (2.04, 0.36, 4.72, 230, -1)),
    ((26.4, -19, 1.4), (2.14, 2.5, 4.35, 230, -1)),
    ((24, 11, 0.9), (2.16, -1.13, -3.75, 20, 1)),
    ((9.67, -22, 1.4), (1.98, 2.61, -3.55, 180, 1)),
    ((32, 23, 0.95), (1.63, -2.16, -1.22, 20, 1)),
    ((37.25, 20.9, 0.9), (2.06, -2.89, 0.4, 20, 1)),
]


@pytest.mark.parametrize(("bar", "speck"), SPECKS)
def test_one_speck_at_a_rim_does_not_move_the_width(
    rng: np.random.Generator, bar: tuple[float, float, float], speck: tuple[float, float, float, float, int]
) -> None:
    """Its border, and what of it is as grey as the rim, would pull; or the profile shows the speck instead of an aslant rim."""
    (width, turned, psf), (radius, out, along, grey, side) = bar, speck
    angle = math.radians(turned)
    off, ux, uy = side * (width / 2 + out), math.cos(angle), math.sin(angle)
    share = render(disc(80.3 + off * ux - along * uy, 79.6 + off * uy + along * ux, radius), (160, 160), low=0, high=1)
    exact = render(rectangle(80.3, 79.6, width, 130, turned), (160, 160), psf=psf) * (1 - share) + share * grey
    asked = {"select": "pair", "polarity": "dark_to_light", "expected_width": width}
    for _ in range(5):
        picture = np.clip(np.rint(rng.normal(exact, 3)), 0, 255).astype(np.uint8)
        found = measured(picture, caliper((55 - width / 2, 80), (105 + width / 2, 80), 24, **asked))
        assert abs(found["width"] - width) < 0.16
        assert found["width_sigma"] < 0.05


@pytest.mark.parametrize("width", [1, 3, 9, 20])
def test_an_empty_noisy_field_has_no_edge(rng: np.random.Generator, width: int) -> None:
    found = 0
    for _ in range(60):
        picture = np.clip(np.rint(rng.normal(120, 8, (97, 97))), 0, 255).astype(np.uint8)
        found += outcome(picture, caliper((30, 40), (70, 55), width)).status == "ok"
    assert found <= 1


def test_a_slope_of_light_is_no_edge(rng: np.random.Generator) -> None:
    picture = np.clip(np.rint(np.arange(160) * 1.4 + rng.normal(0, 2, (120, 160))), 0, 255).astype(np.uint8)
    assert outcome(picture, caliper((20, 60), (140, 60))).status == "not_found"


@pytest.mark.parametrize("select", ["strongest", "pair"])
@pytest.mark.parametrize("level", [0, 60, 255])
def test_nothing_found_gives_no_place(select: str, level: int) -> None:
    found = outcome(plain(level=level), caliper((20, 60), (140, 60), select=select))
    assert (found.status, found.features) == ("not_found", {"edge_count": 0})


def test_one_edge_is_no_pair() -> None:
    found = outcome(boxes((60, 0, 100, 120)), caliper((20, 60), (140, 60), select="pair"))
    assert (found.status, found.features) == ("not_found", {"edge_count": 1})


def test_an_arrow_outside_the_picture_is_told() -> None:
    assert outcome(stripes(), caliper((-5, 60), (60, 60))).status == "roi_outside"


def test_only_a_pair_has_a_width() -> None:
    limited = caliper((10, 60), (150, 60)) | {"limits": [limit("width", 1, 2)]}
    with pytest.raises(RecipeRefused, match="only a pair"):
        prepare(recipe(limited))


def test_later_tools_are_given_its_place() -> None:
    whole = recipe(caliper((10, 60), (150, 60), select="first"))
    (asked,) = whole.tools
    assert isinstance(asked, CaliperTool)
    assert isinstance(asked.region, Arrow)
    memory, picture = Buffers(), stripes()
    scene = Scene(Frame(picture, memory), memory, whole_window(*picture.shape), STILL, asked.region, {})
    found = tool.prepare(asked, Kit(whole))(scene)
    assert isinstance(found.entity, FoundPoint)
    assert found.entity.x == pytest.approx(39.5, abs=0.02)
    assert found.entity.sigma == found.features["sigma"]


@given(
    dtype=st.sampled_from([np.uint8, np.uint16]),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    ends=st.tuples(*[st.floats(-5, 45)] * 4),
    width=st.floats(1, 60),
    select=st.sampled_from(["first", "last", "strongest", "closest", "pair"]),
    smoothing=st.floats(0.5, 20),
    min_snr=st.sampled_from([0, 6, 100]),
    kind=st.sampled_from(["noise", "black", "white", "steps"]),
    seed=st.integers(0, 2**16),
)
def test_whatever_the_picture_it_answers(
    dtype: Any, shape: Any, ends: Any, width: Any, select: Any, smoothing: Any, min_snr: Any, kind: str, seed: int
) -> None:
    if math.hypot(ends[2] - ends[0], ends[3] - ends[1]) < 2.01:
        return
    full = np.iinfo(dtype).max
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, full, shape, endpoint=True)
    picture = {
        "noise": noise,
        "black": 0 * noise,
        "white": 0 * noise + full,
        "steps": noise // (full // 2) * (full // 2),
    }
    asked = caliper(ends[:2], ends[2:], width, select=select, smoothing=smoothing, min_snr=min_snr)
    found = outcome(picture[kind].astype(dtype), asked)
    assert found.status in {"ok", "not_found", "roi_outside"}
    assert found.status == "ok" or set(found.features) <= {"edge_count"}


def test_the_same_picture_gives_the_same_numbers(rng: np.random.Generator) -> None:
    picture, _, asked = edge(rng)
    prepared = prepare(recipe(asked))
    first = inspect(picture, prepared).tools[0].features
    inspect(stripes(), prepared)
    assert inspect(picture.copy(), prepared).tools[0].features == first


def test_too_large_an_arrow_is_refused_by_its_cost() -> None:
    with pytest.raises(RecipeRefused, match="ms"):
        prepare(recipe(caliper((0, 0), (12000, 9000), 2000)), size=(9500, 12500))


@pytest.mark.parametrize("kind", ["caliper", "line", "locate"])
def test_the_bound_of_its_cost_holds(rng: np.random.Generator, kind: str) -> None:
    """Stripes give the most edges there are to fit together, noise the most peaks, dirt on stripes the most fits."""
    striped = np.repeat((np.arange(800) // 5 % 2 * 120 + 60).astype(np.uint8)[None, :], 400, axis=0)
    noisy = rng.integers(0, 255, (400, 800), endpoint=True).astype(np.uint8)
    dirty = np.repeat((np.arange(800) // 11 % 2 * 120 + 60).astype(np.uint8)[None, :], 400, axis=0)
    for x, y in rng.integers(0, (800, 400), (1500, 2)).tolist():
        cv2.circle(dirty, (x, y), 2, 20, -1)
    params = {"caliper": {"select": "pair", "min_snr": 0}, "line": {"select": "first", "min_snr": 0, "calipers": 500}}
    params["locate"] = {"threshold_mode": "fixed", "threshold": 0}
    whole = recipe({"type": kind, "region": arrow((20, 200), (780, 200), 300), "params": params[kind]})
    prepared = prepare(whole)
    bound = prepared.cost(prepared.steps[0], 400, 800)
    for picture in (striped, noisy, dirty):
        within(3 * bound, partial(inspect, picture, prepared))
