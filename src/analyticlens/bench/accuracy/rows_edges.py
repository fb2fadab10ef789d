"""locate, caliper and line: places of straight edges, directions, widths, false edges, and a gauge's repeatability.

Arrows lie in any direction, edges a little aslant to them and anywhere on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.crb import edge_pair, edge_place, effective_snr, line_angle
from analyticlens.bench.accuracy.render import Layer, Sdf, disc, half_plane, rectangle, render, render_layers
from analyticlens.bench.accuracy.table import RARE, Row, Tally, row_of
from analyticlens.engine import Prepared, inspect, prepare
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome

LOW, HIGH = 60.0, 180.0
SIZE = (97, 97)
LONG = (161, 161)
MIDDLE = (SIZE[0] - 1) / 2
# The usual arrow: so long, so wide. A line is searched over an arrow as wide as the line is long.
LENGTH, WIDTH = 40.0, 20
LINE = 100
# Nothing farther from its truth than this was found, in pixels.
GROSS = 1.0
# Edges are aslant to the arrow by at most so many degrees.
ASLANT = 3.0
NARROW = 8.0


@dataclass(frozen=True)
class Condition:
    """What the pictures of a row are like, with the goals of the place and of the angle."""

    name: str
    snr: float | None = 40
    psf: tuple[float, float] = (1.0, 1.0)
    shading: float = 0.0
    jpeg: int | None = None
    bits: int = 8
    high: float = HIGH
    aslant: float = ASLANT
    place: dict[str, float] = field(default_factory=dict)
    angle: dict[str, float] = field(default_factory=dict)

    @property
    def contrast(self) -> float:
        """Grey levels between both sides."""
        return self.high - LOW

    @property
    def seen_snr(self) -> float:
        """Contrast over noise and rounding together."""
        return effective_snr(self.snr, self.contrast, 2.0 ** (self.bits - 8))

    def shown(self, exact: NDArray[np.float64], rng: np.random.Generator) -> NDArray[Any]:
        """Return a camera's frame of exact levels."""
        return expose(
            exact,
            rng,
            snr=self.snr,
            contrast=self.contrast,
            bits=self.bits,
            shading=self.shading,
            jpeg=self.jpeg,
        )


# The goals of vision-tools for a band of 20 px; a condition they do not name is held to that of its noise.
CALIPER = (
    Condition("no noise", None, place={"sd": 0.010, "bias": 0.005, "fails": 0}),
    Condition("SNR 100", 100, place={"sd": 0.010, "bias": 0.005, "fails": 0}),
    Condition("SNR 40", place={"sd": 0.020, "bias": 0.005, "fails": 0, "cpu": 4}, angle={"sd": 0.20}),
    Condition("SNR 20", 20, place={"sd": 0.035, "bias": 0.005, "fails": 0}),
    Condition("SNR 10", 10, place={"sd": 0.070, "bias": 0.005, "fails": 0}, angle={"sd": 0.80}),
    Condition("SNR 5", 5, place={"sd": 0.15, "bias": 0.005, "fails": 0}),
    Condition("PSF 0.5, no noise", None, (0.5, 0.5), place={"sd": 0.010, "bias": 0.005, "fails": 0}),
    Condition("PSF 0.5, SNR 40", psf=(0.5, 0.5), place={"sd": 0.020, "bias": 0.005, "fails": 0}),
    Condition("PSF 0.5 to 2, SNR 40", psf=(0.5, 2.0), place={"sd": 0.020, "bias": 0.005, "fails": 0}),
    Condition("PSF 2, SNR 40", psf=(2.0, 2.0), place={"sd": 0.025, "bias": 0.005, "fails": 0}),
    Condition("shading +-20 %, SNR 40", shading=0.2, place={"sd": 0.025, "bias": 0.005, "fails": 0}),
    Condition("JPEG 90, SNR 40", jpeg=90, place={"sd": 0.035, "bias": 0.005, "fails": 0}),
    Condition("JPEG 75, SNR 40", jpeg=75, place={"sd": 0.035, "bias": 0.005, "fails": 0}),
    Condition("contrast 15 DN, SNR 10", 10, high=LOW + 15, place={"sd": 0.075, "bias": 0.005, "fails": 0}),
    Condition("12 bits, SNR 100", 100, bits=12, place={"sd": 0.010, "bias": 0.005, "fails": 0}),
    Condition("aslant +-20 deg, SNR 40", aslant=20.0, place={"sd": 0.020, "bias": 0.005, "fails": 0}),
)
# locate finds by the slope's peak, for speed: its goals are those of that method.
LOCATE = (
    Condition("no noise", None, place={"sd": 0.030, "bias": 0.010, "fails": 0}),
    Condition("SNR 40", place={"sd": 0.030, "bias": 0.010, "fails": 0}, angle={"sd": 0.30}),
    Condition("SNR 10", 10, place={"sd": 0.090, "fails": 0}),
)
LINES = (
    Condition("no noise", None, place={"sd": 0.010}, angle={"sd": 0.010, "fails": 0}),
    Condition("SNR 40", place={"sd": 0.020}, angle={"sd": 0.020, "fails": 0}),
    Condition("SNR 10", 10, place={"sd": 0.070}, angle={"sd": 0.10, "fails": 0}),
    Condition("SNR 5", 5, place={"sd": 0.15}, angle={"sd": 0.20, "fails": 0}),
    Condition("PSF 0.5 to 2, SNR 40", psf=(0.5, 2.0), place={"sd": 0.020}, angle={"sd": 0.020, "fails": 0}),
    Condition("shading +-20 %, SNR 40", shading=0.2, place={"sd": 0.025}, angle={"sd": 0.020, "fails": 0}),
    Condition("JPEG 75, SNR 40", jpeg=75, place={"sd": 0.035}, angle={"sd": 0.020, "fails": 0}),
    Condition("12 bits, SNR 100", 100, bits=12, place={"sd": 0.010}, angle={"sd": 0.010, "fails": 0}),
)


def rows(seed: int, n: int) -> Iterator[Row]:
    """Yield the rows of locate, caliper, widths, gauge and line."""
    for tool, kind, conditions in ((0, "locate", LOCATE), (1, "caliper", CALIPER)):
        for number, condition in enumerate(conditions):
            yield from _edges(kind, condition, np.random.default_rng([seed, 20, tool, number]), n)
    yield _phases(n)
    yield _neighbour(np.random.default_rng([seed, 21]), n)
    yield _false(np.random.default_rng([seed, 22]), n)
    widths = ((12.0, 40.0, 40, 0.030), (3.0, 6.0, 40, 0.060), (12.0, 40.0, 10, None))
    for number, (low, high, snr, goal) in enumerate(widths):
        yield _widths(np.random.default_rng([seed, 23, number]), n, low, high, snr, goal)
    for number, (snr, goal) in enumerate(((100, 5.0), (40, 10.0), (20, None), (10, None))):
        yield from _gauge(np.random.default_rng([seed, 24, number]), snr, goal)
    for number, condition in enumerate(LINES):
        yield from _lines(condition, np.random.default_rng([seed, 25, number]), n)
    yield from _dirt(np.random.default_rng([seed, 26]), n)
    yield _no_line(np.random.default_rng([seed, 27]), n)


def _edges(kind: str, condition: Condition, rng: np.random.Generator, n: int) -> Iterator[Row]:
    """Yield the rows of place along the arrow and of direction, of one edge in each picture."""
    tally = Tally()
    bounds = []
    for _ in range(n):
        direction, psf = rng.uniform(0, 360), rng.uniform(*condition.psf)
        at = MIDDLE + rng.uniform(-3, 3, 2)
        normal = direction + rng.uniform(-condition.aslant, condition.aslant)
        # The edge's bright side lies along the arrow.
        exact = render(_edge(at, normal), SIZE, psf=psf, low=LOW, high=condition.high)
        start = _behind(at, direction, rng.uniform(-8, 8))
        prepared = _prepared(kind, _arrow(start, direction, LENGTH, WIDTH))
        outcome = tally.timed(_outcome, condition.shown(exact, rng), prepared)
        bounds.append(edge_place(WIDTH, psf, condition.seen_snr))
        off = _along(outcome, at, direction)
        if off is None:
            tally.fail()
        else:
            tally.add(place=off, angle=math.remainder(outcome.features["angle_deg"] - normal, 360))
    bound = float(np.sqrt(np.mean(np.square(bounds))))
    yield tally.row(kind, condition.name, "place", "px", bound, **condition.place)
    if condition.angle:
        yield tally.row(
            kind, condition.name, "angle", "deg", math.degrees(bound * math.sqrt(12) / WIDTH), **condition.angle
        )


def _phases(n: int) -> Row:
    """Return the row of upright edges without noise, at places evenly spread over a pixel: the phase error."""
    tally = Tally()
    for number in range(n):
        at, direction = (MIDDLE + number / n, MIDDLE), 90.0 * (number % 4)
        if number % 2:
            at = at[1], at[0]
        frame = expose(render(_edge(at, direction), SIZE, low=LOW, high=HIGH), np.random.default_rng(0))
        middle = (MIDDLE, MIDDLE)
        outcome = tally.timed(_outcome, frame, _prepared("caliper", _arrow(middle, direction, LENGTH, WIDTH)))
        off = _along(outcome, at, direction)
        if off is None:
            tally.fail()
        else:
            tally.add(phase=off)
    return tally.row("caliper", "upright, no noise", "phase", "px", 0.0, sd=0.010, worst=0.020, fails=0)


def _neighbour(rng: np.random.Generator, n: int) -> Row:
    """Return the row of an edge with another one 4 to 10 px beyond it, which comes back to the first level or goes on."""
    tally = Tally()
    for _ in range(n):
        direction = rng.uniform(0, 360)
        at = MIDDLE + rng.uniform(-3, 3, 2)
        other = _behind(at, direction, -rng.uniform(4, 10))
        layers = [
            Layer(_edge(at, direction), 140.0),
            Layer(_edge(other, direction), float(rng.choice([60.0, 220.0]))),
        ]
        frame = expose(render_layers(layers, SIZE, ground=LOW), rng, snr=40, contrast=80)
        region = _arrow(_behind(at, direction, rng.uniform(-4, 4)), direction, LENGTH, WIDTH)
        outcome = tally.timed(_outcome, frame, _prepared("caliper", region, select="first"))
        off = _along(outcome, at, direction)
        if off is None:
            tally.fail()
        else:
            tally.add(place=off)
    return tally.row("caliper", "another edge 4 to 10 px on, SNR 40", "place", "px", sd=0.030, bias=0.005, fails=0)


def _false(rng: np.random.Generator, n: int) -> Row:
    """Return the row of edges found where there are none, under any noise, light and compression."""
    tally = Tally()
    for _ in range(RARE * n):
        prepared = _prepared("caliper", _arrow(MIDDLE + rng.uniform(-3, 3, 2), rng.uniform(0, 360), LENGTH, WIDTH))
        _count_false(tally, tally.timed(_outcome, _empty(SIZE, rng), prepared))
    return tally.row("caliper", "empty field, any noise", "false edges", "", fails=0.02)


def _empty(size: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
    """Return a frame of an even field of any level, perhaps unevenly lit, perhaps compressed."""
    exact = np.full(size[::-1], rng.uniform(30, 200))
    shading = float(rng.choice([0.0, 0.2]))
    jpeg = 75 if rng.random() < 0.25 else None
    return expose(exact, rng, snr=float(rng.choice([100, 40, 10, 5])), shading=shading, jpeg=jpeg)


def _count_false(tally: Tally, outcome: ToolOutcome) -> None:
    if outcome.status == "ok":
        tally.fail()
    else:
        tally.add(**{"false edges": 0.0})


def _widths(rng: np.random.Generator, n: int, low: float, high: float, snr: float, goal: float | None) -> Row:
    """Return the row of bars' widths, from `low` to `high` pixels.

    What a width of 3 px leaves open is five times that of 6 px: of narrow bars, so many more are drawn that their spread is sure.
    """
    tally = Tally()
    for _ in range(n if low > NARROW else 4 * n):
        width, direction = rng.uniform(low, high), rng.uniform(0, 360)
        at = MIDDLE + rng.uniform(-2, 2, 2)
        bar = _bar(at, width, direction, rng)
        frame = expose(render(bar, SIZE, low=LOW, high=HIGH), rng, snr=snr)
        prepared = _prepared("caliper", _arrow(at, direction, min(high + 34, 66), WIDTH), select="pair")
        outcome = tally.timed(_outcome, frame, prepared)
        if outcome.status != "ok" or abs(outcome.features["width"] - width) > GROSS:
            tally.fail()
        else:
            tally.add(width=outcome.features["width"] - width)
    bound = edge_pair(WIDTH, 1.0, effective_snr(snr))
    goals = {"sd": goal, "bias": 0.006, "fails": 0} if goal else {}
    return tally.row("caliper", f"bar {low:.0f} to {high:.0f} px, SNR {snr:.0f}", "width", "px", bound, **goals)


def _gauge(rng: np.random.Generator, snr: float, goal: float | None) -> Iterator[Row]:
    """Yield the repeatability and reproducibility of a width as a gauge: 10 parts, 3 operators, 3 trials, tolerance +-0.5 px.

    Parts are even over the tolerance. An operator has a light of his own and lays the part down anew for each trial. The share of
    the tolerance is 6 standard deviations of both together; ndc is the number of classes of parts told apart (AIAG, MSA).
    """
    parts, operators, trials = 10, 3, 3
    widths = 30 + np.linspace(-0.5, 0.5, parts)
    measured = np.empty((parts, operators, trials))
    tally = Tally()
    lights = rng.uniform(0.8, 1.2, operators)
    for part, operator, trial in np.ndindex(parts, operators, trials):
        direction, at = rng.uniform(0, 360), MIDDLE + rng.uniform(-2, 2, 2)
        bar = _bar(at, float(widths[part]), direction, rng)
        exact = lights[operator] * render(bar, SIZE, low=LOW, high=HIGH)
        frame = expose(exact, rng, snr=snr, contrast=(HIGH - LOW) * float(lights[operator]))
        prepared = _prepared("caliper", _arrow(at, direction, 60, 2 * WIDTH), select="pair")
        outcome = tally.timed(_outcome, frame, prepared)
        measured[part, operator, trial] = outcome.features.get("width", math.nan)
    share, inverse = repeatability(measured, 1.0)
    condition = f"gauge, width +-0.5 px, SNR {snr:.0f}"
    yield row_of("caliper", condition, "GRR", "%", [share], 0, tally.ms, worst=goal)
    yield row_of("caliper", condition, "1 / ndc", "", [inverse], 0, tally.ms, worst=0.05 if goal else None)


def repeatability(measured: NDArray[np.float64], tolerance: float) -> tuple[float, float]:
    """Return the share of a tolerance, in percent, that a gauge's own spread takes, and one over the classes it tells apart.

    `measured` is (parts, operators, trials); variances by analysis of variance, with the interaction counted as repeatability.
    """
    parts, operators, trials = measured.shape
    by_part, by_operator = measured.mean(axis=(1, 2)), measured.mean(axis=(0, 2))
    rest = measured - by_part[:, None, None] - by_operator[None, :, None] + measured.mean()
    repeat = float(np.square(rest).sum()) / (measured.size - parts - operators + 1)
    operator = max(0.0, float(by_operator.var(ddof=1)) - repeat / (parts * trials))
    part = max(1e-300, float(by_part.var(ddof=1)) - repeat / (operators * trials))
    spread = math.sqrt(repeat + operator)
    return 600 * spread / tolerance, spread / (1.41 * math.sqrt(part))


def _lines(condition: Condition, rng: np.random.Generator, n: int) -> Iterator[Row]:
    """Yield the rows of a line's direction and place, seen over 100 px."""
    tally = Tally()
    bounds = []
    for _ in range(n):
        psf = rng.uniform(*condition.psf)
        bounds.append(line_angle(LINE, psf, condition.seen_snr))
        _line(tally, rng, partial(render, size=LONG, psf=psf, low=LOW, high=condition.high), condition)
    bound = float(np.sqrt(np.mean(np.square(bounds))))
    yield tally.row("line", condition.name, "angle", "deg", bound, **condition.angle)
    yield tally.row(
        "line", condition.name, "place", "px", math.radians(bound) * LINE / math.sqrt(12), **condition.place
    )


def _dirt(rng: np.random.Generator, n: int) -> Iterator[Row]:
    """Yield the rows of a line with six dark and bright specks of 2 to 5 px radius on and beside it."""
    tally = Tally()

    def dirty(edge: Sdf) -> NDArray[np.float64]:
        y, x = np.mgrid[: LONG[1], : LONG[0]].astype(float)
        near = np.argwhere((np.abs(edge(x, y)) < 8) & (np.hypot(x - 80, y - 80) < LINE / 2))
        specks = near[rng.integers(len(near), size=6)]
        layers = [Layer(disc(x, y, rng.uniform(2, 5)), float(rng.choice([20, 230]))) for y, x in specks.tolist()]
        return render_layers([Layer(edge, HIGH), *layers], LONG, ground=LOW)

    for _ in range(n):
        _line(tally, rng, dirty, Condition("dirt"))
    bound = line_angle(LINE, 1.0, effective_snr(40))
    yield tally.row("line", "six specks of dirt, SNR 40", "angle", "deg", bound, sd=0.030, fails=0)
    yield tally.row("line", "six specks of dirt, SNR 40", "place", "px", sd=0.030)


def _line(
    tally: Tally, rng: np.random.Generator, drawn: Callable[[Sdf], NDArray[np.float64]], condition: Condition
) -> None:
    """Measure one line in a picture of its own."""
    direction, aslant = rng.uniform(0, 360), rng.uniform(-5, 5)
    at = (LONG[0] - 1) / 2 + rng.uniform(-3, 3, 2)
    normal = direction + aslant
    frame = condition.shown(drawn(_edge(at, normal)), rng)
    prepared = _prepared("line", _arrow(_behind(at, direction, rng.uniform(-5, 5)), direction, LENGTH, LINE))
    outcome = tally.timed(_outcome, frame, prepared)
    off = _along(outcome, at, normal)
    if off is None:
        tally.fail()
    else:
        tally.add(angle=math.remainder(outcome.features["angle_deg"] - normal - 90, 180), place=off)


def _no_line(rng: np.random.Generator, n: int) -> Row:
    """Return the row of lines found where there are none."""
    tally = Tally()
    for _ in range(RARE * n):
        prepared = _prepared("line", _arrow((80 + rng.uniform(-3, 3), 80), rng.uniform(0, 360), LENGTH, LINE))
        _count_false(tally, tally.timed(_outcome, _empty(LONG, rng), prepared))
    return tally.row("line", "empty field, any noise", "false edges", "", fails=0.02)


def _edge(at: Any, normal: float) -> Sdf:
    """Return all that lies beyond an edge through a point, in the direction of its normal."""
    return half_plane(float(at[0]), float(at[1]), normal + 180)


def _bar(at: Any, width: float, direction: float, rng: np.random.Generator) -> Sdf:
    """Return a bar across the whole picture, a little aslant to a direction across it."""
    return rectangle(float(at[0]), float(at[1]), width, 300, direction + rng.uniform(-ASLANT, ASLANT))


def _behind(at: Any, direction: float, distance: float) -> tuple[float, float]:
    """Return the point that lies so far against a direction."""
    return (
        float(at[0] - distance * math.cos(math.radians(direction))),
        float(at[1] - distance * math.sin(math.radians(direction))),
    )


def _arrow(middle: Any, direction: float, length: float, width: float) -> dict[str, Any]:
    """Return an arrow about its middle."""
    start, end = _behind(middle, direction, length / 2), _behind(middle, direction, -length / 2)
    p0, p1 = ({"x": x, "y": y} for x, y in (start, end))
    return {"shape": "arrow", "p0": p0, "p1": p1, "width": width}


def _prepared(kind: str, region: dict[str, Any], **params: Any) -> Prepared:
    tool = {"id": 1, "name": kind, "type": kind, "region": region, "params": params}
    return prepare(Recipe.model_validate({"tools": [tool]}))


def _outcome(frame: NDArray[Any], prepared: Prepared) -> ToolOutcome:
    return inspect(frame, prepared).tools[0]


def _along(outcome: ToolOutcome, at: Any, direction: float) -> float | None:
    """Return how far along a direction the found place lies beyond the truth, or None where it was not found or is grossly wrong."""
    if outcome.status != "ok":
        return None
    dx, dy = outcome.features["x"] - at[0], outcome.features["y"] - at[1]
    off = dx * math.cos(math.radians(direction)) + dy * math.sin(math.radians(direction))
    return float(off) if abs(off) <= GROSS else None
