"""match: a taught template of 73 x 57 px found by place, angle and size, drawn and on real textures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.crb import effective_snr, fisher
from analyticlens.bench.accuracy.render import Layer, ellipse, half_plane, minus, rectangle, render_pattern
from analyticlens.bench.accuracy.table import Row, Tally
from analyticlens.engine import Inspection, Prepared, inspect, prepare
from analyticlens.engine.pattern.teach import teach_match
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Rect

W, H = 73, 57
SIZE = (320, 240)
LARGE = (752, 480)
LOW, HIGH = 60.0, 180.0
# A template is taught from a picture of this SNR, in its middle.
TAUGHT_SNR = 100
# Pictures drawn of one template.
EACH = 5
# Photographs: their noise in grey levels, and the bound of a place worth teaching, in pixels.
NOISE = 2.0
BOUND = 0.015
# Nothing farther from its truth than this was found, in pixels.
GROSS = 1.0
# Structure this near to a template's rim is not relied on.
RIM = 2


@dataclass(frozen=True)
class Condition:
    """What the pictures of a row are like, and what is searched."""

    name: str
    angles: tuple[float, float] = (0.0, 0.0)
    scales: tuple[float, float] = (1.0, 1.0)
    snr: float | None = 40
    psf: float = 1.0
    shading: float = 0.0
    contrast: float = 1.0
    occluded: float = 0.0
    bits: int = 8
    size: tuple[int, int] = SIZE
    params: dict[str, Any] = field(default_factory=dict)
    place: dict[str, float] = field(default_factory=dict)
    angle: dict[str, float] = field(default_factory=dict)
    growth: dict[str, float] = field(default_factory=dict)


ROUND = (-180.0, 180.0)
CONDITIONS = (
    Condition("translation, no noise", snr=None, place={"sd": 0.010, "fails": 0}),
    Condition("translation, SNR 40", place={"sd": 0.010, "fails": 0}),
    Condition("translation, SNR 10", snr=10, place={"sd": 0.035, "fails": 0}),
    Condition("translation, SNR 5", snr=5, place={"fails": 0}),
    Condition("turned +-15, SNR 40", (-15, 15), place={"sd": 0.010, "fails": 0}, angle={"sd": 0.025}),
    Condition("360, SNR 40", ROUND, place={"sd": 0.010, "fails": 0}, angle={"sd": 0.025}),
    Condition("360, SNR 10", ROUND, snr=10, place={"sd": 0.035, "fails": 0}),
    Condition(
        "360, scale +-15 %, SNR 40",
        ROUND,
        (0.85, 1.15),
        place={"sd": 0.010, "fails": 0},
        angle={"sd": 0.025},
        growth={"sd": 0.001},
    ),
    Condition("12 bits, SNR 100", (-15, 15), snr=100, bits=12, place={"sd": 0.010, "fails": 0}),
    Condition("PSF 0.7 (taught at 1)", (-15, 15), psf=0.7, place={"sd": 0.015, "fails": 0}),
    Condition("PSF 2 (taught at 1)", (-15, 15), psf=2.0, place={"sd": 0.015, "fails": 0}),
    Condition("shading +-30 %", (-15, 15), shading=0.3, place={"sd": 0.015, "fails": 0}),
    Condition("half the contrast, SNR 20", (-15, 15), contrast=0.5, place={"sd": 0.020, "fails": 0}),
    Condition("25 % covered", (-15, 15), occluded=0.25, params={"min_score": 0.6}, place={"p95": 0.050, "fails": 0}),
    Condition("752x480, 360", ROUND, size=LARGE, place={"sd": 0.010, "fails": 0, "cpu": 60}),
)


def rows(seed: int, n: int) -> Iterator[Row]:
    """Yield a row a condition and measure, then what is found where nothing is, and shifts of real textures."""
    for number, condition in enumerate(CONDITIONS):
        yield from measured(condition, np.random.default_rng([seed, 30, number]), n)
    yield _absent(np.random.default_rng([seed, 31]), n)
    yield from _photographed(np.random.default_rng([seed, 33]), n)
    yield from _textures(np.random.default_rng([seed, 32]), n)


def pattern(rng: np.random.Generator) -> list[Layer]:
    """Return a dark plate about (0, 0) with bright marks and holes in them, spread evenly over it, whatever is drawn."""
    layers = [Layer(rectangle(0, 0, W + 16, H + 16), LOW)]
    for cell in range(8):
        at = np.array([(cell % 4 - 1.5) / 4, (cell // 4 - 0.5) / 2]) * (0.84 * W, 0.84 * H) + rng.uniform(-3, 3, 2)
        across = rng.uniform(0.16, 0.34, 2) * H
        kind = rectangle if rng.random() < 0.6 else ellipse
        layers.append(Layer(kind(at[0], at[1], across[0], across[1], rng.uniform(0, 180)), HIGH))
        hole = rng.uniform(0.3, 0.6)
        layers.append(Layer(kind(at[0], at[1], hole * across[0], hole * across[1], rng.uniform(0, 180)), LOW))
    return layers


def clutter(rng: np.random.Generator, size: tuple[int, int]) -> list[Layer]:
    """Return things of any level at random over a picture (width, height), as many as make it crowded."""
    layers = []
    for _ in range(size[0] * size[1] // 5000):
        at, across = rng.uniform(0, 1, 2) * size, rng.uniform(6, 45, 2)
        kind = rectangle if rng.random() < 0.6 else ellipse
        layers.append(Layer(kind(at[0], at[1], across[0], across[1], rng.uniform(0, 180)), rng.uniform(40, 200)))
    return layers


def taught(marks: Sequence[Layer], rng: np.random.Generator, bits: int = 8, **params: Any) -> Prepared:
    """Return a recipe of a match tool taught from one picture of the marks."""
    exact = render_pattern(marks, (160, 120), x=80.0, y=60.0, ground=LOW, clutter=clutter(rng, (160, 120)))
    picture = expose(exact, rng, snr=TAUGHT_SNR, bits=bits)
    tool, blobs = teach_match(picture, Rect(x=80 - W // 2, y=60 - H // 2, w=W, h=H), **params)
    return prepare(Recipe(tools=(tool,)), blobs)


def measured(condition: Condition, rng: np.random.Generator, n: int) -> Iterator[Row]:
    tally, bounds = Tally(), []
    for _ in range(max(1, n // EACH)):
        marks = pattern(rng)
        low, high = condition.angles
        small, large = condition.scales
        searched = {"angle_min": low, "angle_max": high, "scale_min": small, "scale_max": large}
        prepared = taught(marks, rng, condition.bits, **searched, **condition.params)
        bounds.append(_bound(marks, condition))
        for _ in range(EACH):
            _one(condition, marks, prepared, rng, tally)
    x, angle, growth = np.mean(bounds, axis=0).tolist()
    yield tally.row("match", condition.name, "place", "px", x, **condition.place)
    if low < high:
        yield tally.row("match", condition.name, "angle", "deg", angle, **condition.angle)
    if small < large:
        yield tally.row("match", condition.name, "scale", "", growth, **condition.growth)


def _one(
    condition: Condition, marks: Sequence[Layer], prepared: Prepared, rng: np.random.Generator, tally: Tally
) -> None:
    width, height = condition.size
    x, y = rng.uniform(65, width - 65), rng.uniform(65, height - 65)
    angle, scale = rng.uniform(*condition.angles), rng.uniform(*condition.scales)
    around = clutter(rng, condition.size)
    place = partial(render_pattern, size=condition.size, x=x, y=y, angle_deg=angle, scale=scale, psf=condition.psf)
    exact = place([*marks, *_cover(condition.occluded, rng)], ground=LOW, clutter=around)
    exact = 120 + (exact - 120) * condition.contrast
    frame = expose(exact, rng, snr=condition.snr, bits=condition.bits, shading=condition.shading)
    outcome = tally.timed(inspect, frame, prepared).tools[0]
    found = outcome.features
    if outcome.status != "ok" or math.hypot(found["x"] - x, found["y"] - y) > GROSS:
        tally.fail()
        return
    tally.add(place=found["x"] - x, angle=math.remainder(found["angle_deg"] - angle, 360), scale=found["scale"] - scale)
    tally.add(place=found["y"] - y)


def _cover(share: float, rng: np.random.Generator) -> list[Layer]:
    """Return what covers a share of the template from one of its sides, of any level."""
    if share == 0:
        return []
    side = int(rng.integers(4))
    across = (W, H)[side % 2]
    at = across / 2 - share * across
    edge = half_plane(*((at, 0.0), (0.0, at), (-at, 0.0), (0.0, -at))[side], 90.0 * side)
    plate = rectangle(0, 0, W + 16, H + 16)
    return [Layer(minus(plate, edge), float(rng.uniform(40, 200)))]


def _bound(marks: Sequence[Layer], condition: Condition) -> list[float]:
    """Return the bounds of x, angle (degrees) and scale at one pose, those that are searched being unknown together."""
    free_angle, free_scale = condition.angles[0] < condition.angles[1], condition.scales[0] < condition.scales[1]

    def drawn(x: float, y: float, angle: float = 0.0, scale: float = 1.0) -> NDArray[np.float64]:
        layers = [Layer(rectangle(0, 0, 400, 400), LOW), *marks[1:]]
        return render_pattern(layers, (W, H), x=x, y=y, angle_deg=angle, scale=scale, psf=condition.psf, ground=LOW)

    truth, steps = [W / 2 - 0.4, H / 2 - 0.4], [0.02, 0.02]
    if free_angle:
        truth, steps = [*truth, 3.0], [*steps, 0.05]
    if free_scale:
        truth, steps = [*truth, 1.0], [*steps, 0.001]
    noise = (HIGH - LOW) / effective_snr(condition.snr, levels_per_dn=2.0 ** (condition.bits - 8)) / condition.contrast
    bounds: list[float] = fisher(drawn, truth, steps, noise).tolist()
    place = math.sqrt((bounds[0] ** 2 + bounds[1] ** 2) / 2)
    return [place, bounds[2] if free_angle else 0.0, bounds[3] if free_scale else 0.0]


def _absent(rng: np.random.Generator, n: int) -> Row:
    """Return the row of what is found, at a score of 0.7, in pictures that hold everything but the template."""
    tally = Tally()
    for _ in range(max(1, n // EACH)):
        prepared = taught(pattern(rng), rng, angle_min=-180, angle_max=180)
        for _ in range(EACH):
            marks, place = pattern(rng), rng.uniform(65, 175, 2)
            exact = render_pattern(
                marks, SIZE, x=place[0], y=place[1], angle_deg=rng.uniform(0, 360), clutter=clutter(rng, SIZE)
            )
            outcome: Inspection = tally.timed(inspect, expose(exact, rng, snr=40), prepared)
            if outcome.tools[0].status == "ok":
                tally.fail()
            else:
                tally.add(found=0)
    return tally.row("match", "not there, score 0.7", "found", "", fails=0)


def _photographed(rng: np.random.Generator, n: int) -> Iterator[Row]:
    """Yield the row of a part of one photograph laid turned into another, among its structure, and found there."""
    try:
        from skimage import data
    except ImportError:
        return
    things = [np.asarray(getattr(data, name)(), np.float32) for name in ("camera", "coins", "page")]
    scenes = [np.asarray(getattr(data, name)(), np.float32)[:480, :512] for name in ("brick", "gravel", "grass")]
    tally = Tally()
    for _ in range(max(1, n // EACH)):
        _laid(things[int(rng.integers(3))], scenes, rng, tally)
    yield tally.row("match", "photograph in a photograph, 360", "place", "px", p95=0.1, fails=0)


def _laid(
    thing: NDArray[np.float32], scenes: Sequence[NDArray[np.float32]], rng: np.random.Generator, tally: Tally
) -> None:
    """Teach 100 x 80 px of a photograph, and find them where they are laid into scenes, turned."""
    thing = cv2.GaussianBlur(thing, (0, 0), 1.0).astype(np.float32)
    left, top = _worth_teaching(thing.astype(np.float64), rng, (100, 80))
    frame = np.clip(np.rint(thing + rng.normal(0, NOISE, thing.shape)), 0, 255).astype(np.uint8)
    tool, blobs = teach_match(frame, Rect(x=left, y=top, w=100, h=80), angle_min=-180, angle_max=180)
    prepared = prepare(Recipe(tools=(tool,)), blobs)
    for _ in range(EACH):
        scene = scenes[int(rng.integers(len(scenes)))]
        x, y, angle = rng.uniform(80, 400), rng.uniform(80, 400), rng.uniform(-180, 180)
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        u, v = left + 49.5, top + 39.5
        forward = np.array([[c, -s, x - c * u + s * v], [s, c, y - s * u - c * v]])
        around = np.zeros_like(thing)
        around[top - 3 : top + 83, left - 3 : left + 103] = 1
        size = (scene.shape[1], scene.shape[0])
        laid = cv2.warpAffine(thing, forward, size, flags=cv2.INTER_LINEAR)
        held = cv2.warpAffine(around, forward, size, flags=cv2.INTER_LINEAR)
        picture = scene * (1 - held) + laid * held + rng.normal(0, NOISE, scene.shape)
        frame = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        outcome = tally.timed(inspect, frame, prepared).tools[0]
        found = outcome.features
        if outcome.status != "ok" or math.hypot(found["x"] - x, found["y"] - y) > GROSS:
            tally.fail()
        else:
            tally.add(place=found["x"] - x)
            tally.add(place=found["y"] - y)


def _textures(rng: np.random.Generator, n: int) -> Iterator[Row]:
    """Yield a row for each photograph: shifted by whole pixels, then made four times as small, so that quarter pixels are known."""
    try:
        from skimage import data
    except ImportError:
        return
    for name in ("camera", "brick", "gravel", "moon", "coins", "page"):
        picture = np.asarray(getattr(data, name)(), np.float64)
        tally = Tally()
        for _ in range(max(1, n // EACH)):
            _shifted(picture, rng, tally)
        yield tally.row("match", f"texture {name}", "place", "px", sd=0.03, fails=0)


def _shifted(picture: NDArray[np.float64], rng: np.random.Generator, tally: Tally) -> None:
    """Teach 40 x 32 px of a photograph where it has structure, and find them in the photograph shifted by quarter pixels."""
    whole = _quartered(picture, 0, 0)
    frame = np.clip(np.rint(whole + rng.normal(0, NOISE, whole.shape)), 0, 255).astype(np.uint8)
    left, top = _worth_teaching(whole, rng)
    tool, blobs = teach_match(frame, Rect(x=left, y=top, w=40, h=32), angle_min=0, angle_max=0)
    prepared = prepare(Recipe(tools=(tool,)), blobs)
    for _ in range(EACH):
        dx, dy = rng.integers(0, 12, 2).tolist()
        moved = _quartered(picture, dx, dy)
        frame = np.clip(np.rint(moved + rng.normal(0, NOISE, moved.shape)), 0, 255).astype(np.uint8)
        outcome = tally.timed(inspect, frame, prepared).tools[0]
        found = outcome.features
        ex, ey = (found.get("offset_x", math.inf) + dx / 4, found.get("offset_y", math.inf) + dy / 4)
        if outcome.status != "ok" or math.hypot(ex, ey) > GROSS:
            tally.fail()
        else:
            tally.add(place=ex)
            tally.add(place=ey)


def _worth_teaching(
    whole: NDArray[np.float64], rng: np.random.Generator, size: tuple[int, int] = (40, 32)
) -> tuple[int, int]:
    """Return left and top of a part (w, h) at random whose structure allows half the goal in either direction, by its Cramer-Rao bound.

    Both pictures are noisy, so the bound is that of sqrt(2) times the noise. What lies at the rim does not count: a template whose
    place is told there alone is refused.
    """
    gx, gy = (np.gradient(whole, axis=axis) for axis in (1, 0))
    least = 2 * (NOISE / BOUND) ** 2
    w, h = size
    for _ in range(10_000):
        left, top = int(rng.integers(4, whole.shape[1] - w - 4)), int(rng.integers(4, whole.shape[0] - h - 4))
        slopes = np.stack([g[top + RIM : top + h - RIM, left + RIM : left + w - RIM].ravel() for g in (gx, gy)])
        if float(np.linalg.eigvalsh(slopes @ slopes.T).min()) >= least:
            return left, top
    raise ValueError("nothing in the picture is worth teaching")


def _quartered(picture: NDArray[np.float64], dx: int, dy: int) -> NDArray[np.float64]:
    """Return a picture without its first dx columns and dy rows, each 4 x 4 of its pixels made one, of a size that does not change."""
    height, width = ((n - 12) // 4 * 4 for n in picture.shape)
    part = picture[dy : dy + height, dx : dx + width]
    small: NDArray[np.float64] = part.reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3))
    return small
