"""measure: between points, lines and circles whose truth is drawn or given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import disc, render
from analyticlens.engine import RecipeRefused, between, inspect, prepare
from analyticlens.engine.entities import FoundCircle, FoundLine, FoundPoint
from tests.engine.drawing import Picture, arrow, limit, look, plain, recipe

SIZE = (200, 260)


def scene(*discs: tuple[float, float, float], rims: tuple[float, ...] = ()) -> Picture:
    """Return a dark picture of bright discs x, y, r and of upright rims, one light for each, with exact coverage to about 0.01 px."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    light = np.zeros(SIZE)
    for x, y, r in discs:
        light = np.maximum(light, 1 / (1 + np.exp(1.7 * (np.hypot(columns - x, rows - y) - r))))
    for place in rims:
        light = np.maximum(light, (1 + np.tanh(columns - place)) / 2)
    return np.rint(60 + 120 * light).astype(np.uint8)


def circle(x: float, y: float, r: float) -> dict[str, Any]:
    return {"type": "circle", "region": {"shape": "ring", "cx": x, "cy": y, "inner": r - 9, "outer": r + 9}}


def measure(kind: str, first: int, second: int | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "measure", "params": {"kind": kind, "first": first, "second": second} | more}


def line(y0: float, y1: float, x: float = 100) -> dict[str, Any]:
    return {"type": "line", "region": arrow((x - 15, (y0 + y1) / 2), (x + 15, (y0 + y1) / 2), y1 - y0)}


def test_two_circles_have_distance_and_gap() -> None:
    picture = scene((60, 70, 20), (160, 110, 25))
    found = look(picture, circle(61, 70, 20), circle(160, 109, 25), measure("circle_circle", 1, 2)).tools[2].features
    assert found["distance"] == pytest.approx(math.hypot(100, 40), abs=0.02)
    assert found["gap"] == pytest.approx(math.hypot(100, 40) - 45, abs=0.1)
    assert (found["dx"], found["dy"]) == pytest.approx((100, 40), abs=0.02)
    assert found["angle_deg"] == pytest.approx(math.degrees(math.atan2(40, 100)), abs=0.02)
    assert 0 < found["sigma"] < 0.05


def test_a_diameter_is_twice_the_radius() -> None:
    inspection = look(scene((60, 70, 20)), circle(60, 70, 20), measure("diameter", 1))
    ring, found = (tool.features for tool in inspection.tools)
    assert found["distance"] == ring["diameter"]
    assert found["sigma"] == 2 * ring["radius_sigma"]


def test_a_point_and_a_line() -> None:
    picture = scene((40, 70, 20), rims=(150,))
    found = look(picture, circle(40, 70, 20), line(20, 180, 150), measure("point_line", 1, 2)).tools[2]
    assert found.features["distance"] == pytest.approx(110, abs=0.02)
    assert (found.features["dx"], found.features["dy"]) == pytest.approx((110, 0), abs=0.03)


def test_millimetres_by_the_taught_scale() -> None:
    scale = {"type": "calibration", "params": {"mm_per_px": 0.05}}
    picture = scene((60, 70, 20), (160, 70, 25))
    tools = (scale, circle(60, 70, 20), circle(160, 70, 25))
    found = look(picture, *tools, measure("circle_circle", 2, 3, calibration=1)).tools[3].features
    assert found["distance_mm"] == pytest.approx(found["distance"] * 0.05)
    assert found["gap_mm"] == pytest.approx(found["gap"] * 0.05)
    assert found["sigma_mm"] == pytest.approx(found["sigma"] * 0.05)
    diameter = look(picture, *tools, measure("diameter", 2, calibration=1)).tools[3].features
    assert diameter["distance_mm"] == pytest.approx(diameter["distance"] * 0.05)


def test_what_was_not_found_gives_no_number() -> None:
    inspection = look(
        scene((60, 70, 20)),
        circle(60, 70, 20),
        circle(160, 110, 25),
        measure("circle_circle", 1, 2) | {"limits": [limit("distance", 0, 1000)]},
    )
    outcome = inspection.tools[2]
    assert (outcome.status, outcome.reason, outcome.features) == ("not_found", "measure_missing", {})
    assert "circle 2" in outcome.message
    assert inspection.verdict == "undecided"


def test_a_calibration_for_other_pictures_gives_no_number() -> None:
    camera = {"model": "camera", "width": 99, "height": 77, "fx": 500, "fy": 500, "tz": 100}
    inspection = look(
        scene((60, 70, 20)),
        circle(60, 70, 20),
        {"type": "calibration", "params": camera},
        measure("diameter", 1, calibration=2),
    )
    assert [tool.status for tool in inspection.tools] == ["ok", "error", "not_found"]


def test_a_line_is_no_circle() -> None:
    inspection = look(scene(rims=(100,)), line(20, 180), measure("diameter", 1))
    assert inspection.tools[1].status == "error"
    assert "line 1 finds no circle" in inspection.tools[1].message


@pytest.mark.parametrize(
    ("params", "limits", "words"),
    [
        ({"kind": "diameter", "first": 1, "second": 1}, [], "a diameter or a width is that of one tool"),
        ({"kind": "point_point", "first": 1}, [], "a diameter or a width is that of one tool"),
        ({"kind": "diameter", "first": 1}, [limit("gap", 0, 1)], "diameter has no 'gap'"),
        ({"kind": "diameter", "first": 1}, [limit("distance_mm", 0, 1)], "needs a calibration"),
        ({"kind": "diameter", "first": 9}, [], "which is no tool before it"),
    ],
)
def test_what_makes_no_sense_is_refused(params: dict[str, Any], limits: list[Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        recipe(circle(60, 70, 20), {"type": "measure", "params": params, "limits": limits})


def test_only_a_calibration_calibrates() -> None:
    with pytest.raises(RecipeRefused, match="circle 1 is no calibration"):
        prepare(recipe(circle(60, 70, 20), measure("diameter", 1, calibration=1)))


def test_distance_of_lines_and_their_angle() -> None:
    first, second = FoundLine(0, 0, 0, 10, 0.1, 0.5), FoundLine(6, 8, 180 + 1e-9, 10, 0.2, 0.5)
    span = between.lines(first, second)
    assert span is not None
    assert span.length == pytest.approx(8)
    assert between.angle(first, second)[0] == pytest.approx(180)
    assert between.lines(first, FoundLine(6, 8, 90, 10)) is None


def spread(values: list[float]) -> float:
    return float(np.std(values))


def test_sigmas_are_what_really_spreads(rng: np.random.Generator) -> None:
    """Points and lines that are wrong by their own sigmas give measures that are wrong by the propagated ones."""
    point, line_ = FoundPoint(10, 50, 0.05), FoundLine(0, 0, 20, 30, 0.04, 0.1)
    other = FoundLine(60, 5, 100, 30, 0.03, 0.2)
    parallel = FoundLine(12, 30, 20.5, 30, 0.05, 0.1)

    def shaken(thing: FoundPoint | FoundLine) -> Any:
        if isinstance(thing, FoundPoint):
            x, y = rng.normal(thing[:2], thing.sigma).tolist()
            return FoundPoint(x, y, thing.sigma)
        across = rng.normal(0, thing.sigma)
        turn = math.radians(thing.angle_deg + 90)
        return thing._replace(
            x=thing.x + across * math.cos(turn),
            y=thing.y + across * math.sin(turn),
            angle_deg=rng.normal(thing.angle_deg, thing.angle_sigma),
        )

    runs = [(shaken(point), shaken(line_), shaken(other), shaken(parallel)) for _ in range(3000)]
    assert spread([between.to_line(p, a).length for p, a, _, _ in runs]) == pytest.approx(
        between.to_line(point, line_).sigma, rel=0.1
    )
    spans = [between.lines(a, c) for _, a, _, c in runs]
    expected = between.lines(line_, parallel)
    assert expected is not None
    assert spread([span.length for span in spans if span]) == pytest.approx(expected.sigma, rel=0.1)
    crossings = [between.crossing(a, b) for _, a, b, _ in runs]
    met = between.crossing(line_, other)
    assert met is not None
    xs, ys = zip(*(c[0][:2] for c in crossings if c), strict=True)
    assert math.hypot(np.std(xs), np.std(ys)) / math.sqrt(2) == pytest.approx(met[0].sigma, rel=0.15)


def test_a_gap_inside_is_the_thinnest_wall() -> None:
    assert between.gap(FoundCircle(0, 0, 20), FoundCircle(3, 4, 10))[0] == pytest.approx(5)
    assert between.gap(FoundCircle(0, 0, 20), FoundCircle(25, 0, 10))[0] == pytest.approx(-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (120, 160)])
def test_pictures_of_nothing(size: tuple[int, int]) -> None:
    prepared = prepare(recipe(circle(60, 70, 20), measure("diameter", 1)))
    for dtype in (np.uint8, np.uint16):
        inspection = inspect(plain(*size, dtype=dtype), prepared)
        assert inspection.tools[1].status == "not_found"
        assert inspection.verdict == "undecided"


@pytest.mark.parametrize("direction", [0, 33, 120])
def test_the_width_of_one_pair_is_measured_in_millimetres(direction: float, rng: np.random.Generator) -> None:
    turn = math.radians(direction)
    across = (math.cos(turn), math.sin(turn))

    def bar(x: Any, y: Any) -> Any:
        return np.abs((x - 60) * across[0] + (y - 60) * across[1]) - 15

    picture = expose(render(bar, (120, 120)), rng, snr=100)
    ends = [(60 + s * 40 * across[0], 60 + s * 40 * across[1]) for s in (-1, 1)]
    inspection = look(
        picture,
        {"type": "caliper", "region": arrow(ends[0], ends[1], 21), "params": {"select": "pair"}},
        {"type": "calibration", "params": {"mm_per_px": 0.1}},
        {"type": "measure", "params": {"kind": "width", "first": 1, "calibration": 2}},
    )
    pair, measured = inspection.tools[0].features, inspection.tools[2].features
    assert measured["distance"] == pair["width"] == pytest.approx(30, abs=0.03)
    assert measured["distance_mm"] == pytest.approx(3, abs=0.003)
    assert (measured["sigma"], measured["sigma_mm"]) == pytest.approx((pair["width_sigma"], pair["width_sigma"] / 10))


def test_a_width_is_that_of_a_pair() -> None:
    circle_ = {"type": "circle", "region": {"shape": "ring", "cx": 60, "cy": 60, "inner": 5, "outer": 30}}
    picture = expose(render(disc(60, 60, 15), (120, 120)), np.random.default_rng(0))
    outcome = look(picture, circle_, {"type": "measure", "params": {"kind": "width", "first": 1}}).tools[1]
    assert (outcome.status, outcome.message) == ("error", "circle 1 finds no pair of edges")
