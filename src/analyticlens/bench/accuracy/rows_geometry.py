"""circle, its diameter as a gauge, and regions that follow a datum: discs and plates anywhere, turned any way.

Circles are searched for in a ring of +-12 px about where a part's holder would put them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.crb import circle_centre, circle_radius, effective_snr
from analyticlens.bench.accuracy.render import Layer, disc, half_plane, rectangle, render_layers, render_pattern
from analyticlens.bench.accuracy.rows_edges import repeatability
from analyticlens.bench.accuracy.table import RARE, Row, Tally, row_of
from analyticlens.engine import Prepared, inspect, prepare
from analyticlens.engine.pose import Pose
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome

LOW, HIGH = 60.0, 180.0
REACH = 12.0
# The holder of a part is as exact as this, in pixels.
HELD = 4.0
# Nothing farther from its truth than this was found, in pixels.
GROSS = 1.0
GAUGED = 40.0


@dataclass(frozen=True)
class Condition:
    """What the pictures of a row are like, with the goals of centre and radius. `arc` is how much of the rim is there, or looked at."""

    name: str
    snr: float | None = 40
    radius: tuple[float, float] = (20.0, 50.0)
    psf: tuple[float, float] = (1.0, 1.0)
    high: float = HIGH
    shading: float = 0.0
    jpeg: int | None = None
    bits: int = 8
    covered: float = 0.0
    sector: float = 360.0
    segment: bool = False
    specks: int = 0
    centre: dict[str, float] = field(default_factory=dict)
    width: dict[str, float] = field(default_factory=dict)


FOUND = {"bias": 0.005, "fails": 0}
SMALL = (6.0, 10.0)
ANY = (0.5, 2.0)
CIRCLES = (
    Condition("R 20-50, no noise", None, centre={"sd": 0.005} | FOUND, width={"sd": 0.005} | FOUND),
    Condition("R 20-50, SNR 100", 100, centre={"sd": 0.012} | FOUND, width={"sd": 0.010} | FOUND),
    Condition("R 20-50, SNR 40", centre={"sd": 0.012, "cpu": 20} | FOUND, width={"sd": 0.010} | FOUND),
    Condition("R 20-50, SNR 10", 10, centre={"sd": 0.05} | FOUND, width={"sd": 0.04} | FOUND),
    Condition("R 20-50, SNR 5", 5, centre={"sd": 0.10, "fails": 0}, width={"sd": 0.08}),
    Condition("R 20-50, PSF 0.5 to 2, SNR 40", psf=ANY, centre={"sd": 0.012} | FOUND, width={"sd": 0.010} | FOUND),
    Condition("R 6-10, no noise", None, SMALL, centre={"sd": 0.005} | FOUND, width={"sd": 0.005} | FOUND),
    Condition("R 6-10, SNR 40", 40, SMALL, centre={"sd": 0.018} | FOUND, width={"sd": 0.015} | FOUND),
    Condition("R 6-10, PSF 0.5 to 2, no noise", None, SMALL, ANY, centre={"sd": 0.005} | FOUND, width={"sd": 0.005} | FOUND),
    Condition("R 6-10, PSF 0.5 to 2, SNR 40", 40, SMALL, ANY, centre={"sd": 0.018} | FOUND, width={"sd": 0.018} | FOUND),
    Condition("shading +-20 %, SNR 40", shading=0.2, centre={"sd": 0.012} | FOUND, width={"sd": 0.010} | FOUND),
    Condition("JPEG 75, SNR 40", jpeg=75, centre={"sd": 0.020} | FOUND, width={"sd": 0.015} | FOUND),
    Condition("contrast 15 DN, SNR 10", 10, high=LOW + 15, centre={"sd": 0.05} | FOUND, width={"sd": 0.04} | FOUND),
    Condition("12 bits, SNR 100", 100, bits=12, centre={"sd": 0.012} | FOUND, width={"sd": 0.010} | FOUND),
    Condition("25 % covered, SNR 40", covered=0.25, centre={"sd": 0.025} | FOUND, width={"sd": 0.020} | FOUND),
    Condition("25 % covered, shading +-20 %", covered=0.25, shading=0.2, centre={"sd": 0.025} | FOUND),
    Condition("arc of 120 deg, SNR 40", sector=120, centre={"sd": 0.15, "fails": 0}),
    Condition("segment of 120 deg, SNR 40", segment=True, centre={"sd": 0.15, "fails": 0.02}),
    Condition("six specks of dirt, SNR 40", specks=6, centre={"sd": 0.025} | FOUND, width={"sd": 0.020} | FOUND),
)  # fmt: skip


def rows(seed: int, n: int) -> Iterator[Row]:
    """Yield the rows of circles, false circles, the gauge and the fixtures."""
    for number, condition in enumerate(CIRCLES):
        yield from _circles(condition, np.random.default_rng([seed, 40, number]), n)
    yield _false(np.random.default_rng([seed, 41]), n)
    for number, (snr, goal) in enumerate(((100, 5.0), (40, 10.0), (20, None), (10, None))):
        yield from _gauge(np.random.default_rng([seed, 42, number]), snr, goal)
    for number, kind in enumerate(FIXTURES):
        yield from _fixture(kind, np.random.default_rng([seed, 43, number]), n, None)
        yield from _fixture(kind, np.random.default_rng([seed, 44, number]), n, 100)


def _outcome(frame: NDArray[Any], prepared: Prepared) -> ToolOutcome:
    return inspect(frame, prepared).tools[-1]


def _prepared(*tools: dict[str, Any]) -> Prepared:
    numbered = [{"id": i, "name": f"{tool['type']} {i}"} | tool for i, tool in enumerate(tools, 1)]
    return prepare(Recipe.model_validate({"tools": numbered}))


def _ring(x: float, y: float, r: float, **part: float) -> dict[str, Any]:
    return {"shape": "ring", "cx": x, "cy": y, "inner": max(0.0, r - REACH), "outer": r + REACH, **part}


def _circles(condition: Condition, rng: np.random.Generator, n: int) -> Iterator[Row]:
    """Yield the rows of the centre, both coordinates together, and of the radius."""
    tally = Tally()
    bounds = []
    for _ in range(n):
        r, psf = rng.uniform(*condition.radius), rng.uniform(*condition.psf)
        frame, truth, tool = _scene(condition, rng, r, psf)
        outcome = tally.timed(_outcome, frame, _prepared(tool))
        bounds.append(_bound(condition, r, psf))
        found = outcome.features
        if outcome.status != "ok" or math.dist((found["x"], found["y"]), truth) > GROSS:
            tally.fail()
            continue
        tally.add(radius=found["radius"] - r)
        for name, true in zip(("x", "y"), truth, strict=True):
            tally.add(centre=found[name] - true)
    centre, radius = np.sqrt(np.mean(np.square(bounds), axis=0)).tolist()
    yield tally.row("circle", condition.name, "centre", "px", centre, **condition.centre)
    yield tally.row("circle", condition.name, "radius", "px", radius, **condition.width)


def _scene(
    condition: Condition, rng: np.random.Generator, r: float, psf: float
) -> tuple[NDArray[Any], tuple[float, float], dict[str, Any]]:
    """Return a frame of a disc, its true centre, and the tool that looks for it."""
    side = math.ceil(2 * (r + REACH + HELD)) + 6
    middle = (side - 1) / 2
    x, y = (middle + rng.uniform(-HELD, HELD, 2)).tolist()
    turn = rng.uniform(0, 360)
    layers = [Layer(disc(x, y, r), condition.high)]
    tool: dict[str, Any] = {"type": "circle", "region": _ring(middle, middle, r)}
    if condition.covered:
        layers.append(_cover(x, y, r, turn, condition.covered, float(rng.choice([20, 60, 120, 180, 230]))))
    if condition.segment:
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        layers.append(Layer(half_plane(x + r / 2 * cos, y + r / 2 * sin, turn), LOW))
        tool["params"] = {"min_arc": 0.2}
    if condition.sector < 360:
        tool["region"] |= {"start": turn - 180, "sweep": condition.sector}
    for _ in range(condition.specks):
        at, off = rng.uniform(0, 2 * math.pi), rng.uniform(-6, 6)
        place = x + (r + off) * math.cos(at), y + (r + off) * math.sin(at)
        layers.append(Layer(disc(*place, rng.uniform(1, 3)), float(rng.choice([20, 230]))))
    exact = render_layers(layers, (side, side), psf=psf, ground=LOW)
    contrast = condition.high - LOW
    frame = expose(
        exact, rng, snr=condition.snr, contrast=contrast, bits=condition.bits, shading=condition.shading, jpeg=condition.jpeg
    )  # fmt: skip
    return frame, (x, y), tool


def _cover(x: float, y: float, r: float, turn: float, share: float, level: float) -> Layer:
    """Return what covers so much of a rim, from a direction."""
    away = r * math.cos(math.pi * share)
    at = x + away * math.cos(math.radians(turn)), y + away * math.sin(math.radians(turn))
    return Layer(half_plane(*at, turn + 180), level)


def _bound(condition: Condition, r: float, psf: float) -> tuple[float, float]:
    """Return the bounds of centre and radius: of a whole rim, or of one arc by the rim's own geometry."""
    snr = effective_snr(condition.snr, condition.high - LOW, 2.0 ** (condition.bits - 8))
    arc = 120.0 if condition.segment else condition.sector * (1 - condition.covered)
    if arc == 360:
        return circle_centre(r, psf, snr), circle_radius(r, psf, snr)
    # A point of the rim tells of the centre along its direction, and of the radius.
    along = math.radians(arc) * np.linspace(-0.5, 0.5, 2000)
    by = np.stack((np.cos(along), np.sin(along), np.ones_like(along)))
    points = r * math.radians(arc)
    cov = np.linalg.inv(by @ by.T / len(along) * points) * (circle_radius(1 / (2 * math.pi), psf, snr)) ** 2
    return math.sqrt((cov[0, 0] + cov[1, 1]) / 2), math.sqrt(cov[2, 2])


def _false(rng: np.random.Generator, n: int) -> Row:
    """Return the row of circles found where there are none, under any noise and light."""
    tally = Tally()
    prepared = _prepared({"type": "circle", "region": _ring(50, 50, 25)})
    for _ in range(RARE * n):
        exact = np.full((101, 101), rng.uniform(30, 200))
        frame = expose(exact, rng, snr=float(rng.choice([100, 40, 10, 5])), shading=float(rng.choice([0.0, 0.2])))
        if tally.timed(_outcome, frame, prepared).status == "ok":
            tally.fail()
        else:
            tally.add(**{"false circles": 0.0})
    return tally.row("circle", "empty field, any noise", "false circles", "", fails=0.02)


def _gauge(rng: np.random.Generator, snr: float, goal: float | None) -> Iterator[Row]:
    """Yield the repeatability and reproducibility of a diameter as a gauge: 10 parts, 3 operators, 3 trials, tolerance +-0.5 px.

    Parts are even over the tolerance; an operator has a light of his own and lays the part down anew for each trial.
    """
    measured = np.empty((10, 3, 3))
    diameters = (GAUGED + np.linspace(-0.5, 0.5, 10)).tolist()
    tally = Tally()
    lights = rng.uniform(0.8, 1.2, 3)
    side = math.ceil(GAUGED + 2 * (REACH + HELD)) + 6
    middle = (side - 1) / 2
    tools = (
        {"type": "circle", "region": _ring(middle, middle, GAUGED / 2)},
        {"type": "measure", "params": {"kind": "diameter", "first": 1}},
    )
    prepared = _prepared(*tools)
    for part, operator, trial in np.ndindex(*measured.shape):
        x, y = (middle + rng.uniform(-HELD, HELD, 2)).tolist()
        light = float(lights[operator])
        exact = light * render_layers([Layer(disc(x, y, diameters[part] / 2), HIGH)], (side, side), ground=LOW)
        frame = expose(exact, rng, snr=snr, contrast=(HIGH - LOW) * light)
        outcome = tally.timed(_outcome, frame, prepared)
        found = outcome.features.get("distance", math.nan)
        measured[part, operator, trial] = found
        tally.add(diameter=found - diameters[part])
    share, inverse = repeatability(measured, 1.0)
    condition = f"gauge, diameter +-0.5 px, SNR {snr:.0f}"
    bound = 2 * circle_radius(GAUGED / 2, 1.0, effective_snr(snr))
    yield row_of("measure", condition, "GRR", "%", [share], 0, tally.ms, worst=goal)
    yield row_of("measure", condition, "1 / ndc", "", [inverse], 0, tally.ms, worst=0.05 if goal else None)
    yield tally.row("measure", condition, "diameter", "px", bound, **({"bias": 0.005} if goal else {}))


# A plate of 150 x 100 px with two holes, in its own coordinates, and the place on it that is followed.
PLATE = (0.0, 0.0, 150.0, 100.0)
HOLES = ((-45.0, -5.0, 14.0), (40.0, -8.0, 12.0))
FOLLOWED = (20.0, 25.0)
TAUGHT = (170.0, 130.0)
SIZE = (340, 260)


def _hole(number: int) -> dict[str, Any]:
    x, y, r = HOLES[number]
    return {"type": "circle", "region": _ring(TAUGHT[0] + x, TAUGHT[1] + y, r) | {"inner": r - 10}}


def _rim(x: float, y: float, turn: float, width: float) -> dict[str, Any]:
    dx, dy = (15 * f(math.radians(turn)) for f in (math.cos, math.sin))
    p0, p1 = ({"x": TAUGHT[0] + x + s * dx, "y": TAUGHT[1] + y + s * dy} for s in (-1, 1))
    return {"type": "line", "region": {"shape": "arrow", "p0": p0, "p1": p1, "width": width}}


def _datum(kind: str, x: float, y: float, angle: float) -> dict[str, Any]:
    reference = {"x": TAUGHT[0] + x, "y": TAUGHT[1] + y, "angle_deg": angle}
    return {"type": "datum", "params": {"kind": kind, "first": 1, "second": 2, "reference": reference}}


TOP, RIGHT = _rim(0, -50, 90, 100), _rim(75, 10, 0, 60)
FIXTURES: dict[str, tuple[dict[str, Any], ...]] = {
    "two lines": (TOP, RIGHT, _datum("two_lines", 75, -50, 0)),
    "two circles": (_hole(0), _hole(1), _datum("two_points", *HOLES[0][:2], math.degrees(math.atan2(-3, 85)))),
    "line and circle": (TOP, _hole(0), _datum("line_point", -45, -50, 0)),
}


def _fixture(kind: str, rng: np.random.Generator, n: int, snr: float | None) -> Iterator[Row]:
    """Yield the rows of where a region that follows a datum is used, and how it is turned, against where the part really lies."""
    tally = Tally()
    look = {"type": "intensity", "region": {"shape": "ring", "cx": TAUGHT[0] + FOLLOWED[0], "cy": TAUGHT[1] + FOLLOWED[1],
            "inner": 3, "outer": 9, "start": 0, "sweep": 90}}  # fmt: skip
    prepared = _prepared(*FIXTURES[kind], look)
    layers = [Layer(rectangle(*PLATE), HIGH), *(Layer(disc(*hole), LOW) for hole in HOLES)]
    for _ in range(n):
        (x, y), turn = TAUGHT + rng.uniform(-5, 5, 2), rng.uniform(-4, 4)
        frame = expose(render_pattern(layers, SIZE, x=x, y=y, angle_deg=turn, ground=LOW), rng, snr=snr)
        inspection = tally.timed(inspect, frame, prepared)
        used = [s.shape for s in inspection.overlay if s.tool_id == 4 and s.role == "region"]
        if not used or not hasattr(used[0], "start"):
            tally.fail()
            continue
        true = Pose.carry((0, 0), (x, y), turn).apply(*FOLLOWED)
        tally.add(angle=used[0].start - turn)
        for name, at in zip(("cx", "cy"), true, strict=True):
            tally.add(place=getattr(used[0], name) - at)
    condition = f"{kind}, {'no noise' if snr is None else f'SNR {snr:.0f}'}"
    # Without noise the pose itself is all there is; noise turns the part about its datum by what its rims leave open.
    goal = 0.010 if snr is None else 0.015
    yield tally.row("datum", condition, "place", "px", sd=goal, bias=0.005, fails=0)
    yield tally.row("datum", condition, "angle", "deg", sd=0.010)
