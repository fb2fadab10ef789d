"""golden: false alarms on good parts that lie a little off, and planted defects found, taught from one and from several good pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import Layer, disc, ellipse, rectangle, render_pattern
from analyticlens.bench.accuracy.table import Row, Tally
from analyticlens.engine import Prepared, inspect, prepare
from analyticlens.engine.pattern.teach_golden import teach_golden
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Rect

SIZE = (240, 200)
PLACE = (120.0, 100.0)
REGION = Rect(x=15, y=15, w=210, h=170)
W, H = 200.0, 160.0
SNR = 40
# Good pictures differ by so many pixels and degrees; pictures drawn of one part.
TAUGHT_SHIFT, TAUGHT_TURN = 0.25, 0.1
EACH = 5
ALIKE = 5


@dataclass(frozen=True)
class Condition:
    """How far the part lies off, in pixels, what defect it has (radius in px, levels), and how many goals may be missed."""

    name: str
    shift: float
    fails: float
    defect: tuple[float, float] | None = None
    light: bool = False


CONDITIONS = (
    Condition("good, +-0.25 px", 0.25, 0.02),
    Condition("good, +-1 px", 1.0, 0.05),
    Condition("good, +-1 px, other light", 1.0, 0.05, light=True),
    Condition("defect r 1 px, 120 DN", 0.25, 0.02, (1.0, 120.0)),
    Condition("defect r 1.5 px, 60 DN", 0.25, 0.02, (1.5, 60.0)),
    Condition("defect r 2.5 px, 30 DN", 0.25, 0.05, (2.5, 30.0)),
    Condition("defect r 4 px, 15 DN", 0.25, 0.20, (4.0, 15.0)),
)


def rows(seed: int, n: int) -> Iterator[Row]:
    """Yield the share of wrong answers and the error of the alignment for each condition, taught from one picture and from five."""
    for goods in (1, ALIKE):
        for number, condition in enumerate(CONDITIONS):
            yield from _measured(condition, goods, np.random.default_rng([seed, 40, goods, number]), n)


def part(rng: np.random.Generator) -> list[Layer]:
    """Return a plate about (0, 0) with marks of several levels."""
    layers = [Layer(rectangle(0, 0, W, H), 100.0)]
    for _ in range(10):
        at, across = rng.uniform(-0.38, 0.38, 2) * (W, H), rng.uniform(10, 45, 2)
        kind = rectangle if rng.random() < 0.6 else ellipse
        level = float(rng.choice([60.0, 80.0, 140.0, 180.0]))
        layers.append(Layer(kind(at[0], at[1], across[0], across[1], rng.uniform(0, 180)), level))
    return layers


def _taught(layers: Sequence[Layer], goods: int, rng: np.random.Generator) -> Prepared:
    pictures = []
    for number in range(goods):
        # The first shows the part where its region is; the others lie a little off.
        x, y = PLACE if number == 0 else PLACE + rng.uniform(-TAUGHT_SHIFT, TAUGHT_SHIFT, 2)
        angle = 0.0 if number == 0 else rng.uniform(-TAUGHT_TURN, TAUGHT_TURN)
        pictures.append(expose(render_pattern(layers, SIZE, x=x, y=y, angle_deg=angle), rng, snr=SNR))
    tool, blobs = teach_golden(pictures, REGION)
    return prepare(Recipe(tools=(tool,)), blobs)


def _measured(condition: Condition, goods: int, rng: np.random.Generator, n: int) -> Iterator[Row]:
    tally = Tally()
    for _ in range(max(1, n // EACH)):
        layers = part(rng)
        prepared = _taught(layers, goods, rng)
        for _ in range(EACH):
            x, y = PLACE + rng.uniform(-condition.shift, condition.shift, 2)
            frame = expose(_drawn(condition, layers, x, y, rng), rng, snr=SNR)
            outcome = tally.timed(inspect, frame, prepared).tools[0]
            wanted = condition.defect is not None
            if outcome.status != "ok" or (outcome.features["defect_count"] > 0) != wanted:
                tally.fail()
            else:
                tally.add(offset=outcome.features["offset_x"] - (x - PLACE[0]))
    name = f"{condition.name}, {goods} good"
    yield tally.row("golden", name, "offset", "px", fails=condition.fails, sd=0.02)


def _drawn(
    condition: Condition, layers: Sequence[Layer], x: float, y: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the part at a place with what the condition does to it; a defect is added to, or taken from, what is below it."""
    exact = render_pattern(layers, SIZE, x=x, y=y)
    if condition.light:
        exact = exact * rng.uniform(0.85, 1.1) + rng.uniform(-8, 8)
    if condition.defect is not None:
        radius, levels = condition.defect
        at = rng.uniform(-0.45, 0.45, 2) * (W, H)
        spot = render_pattern([Layer(disc(at[0], at[1], radius), 1.0)], SIZE, x=x, y=y, ground=0.0)
        exact = exact + spot * levels * rng.choice([-1.0, 1.0])
    return exact
