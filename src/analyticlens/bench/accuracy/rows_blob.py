"""Blobs: area, place, outline and form of discs, ellipses and rectangles; counts and holes.

The cut is drawn anywhere in the middle quarter of the contrast where it is not the condition itself, and the blur is told to nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from analyticlens.bench.accuracy import crb
from analyticlens.bench.accuracy.camera import GAIN, expose
from analyticlens.bench.accuracy.render import Sdf, disc, ellipse, minus, rectangle, render, union
from analyticlens.bench.accuracy.table import Row, Tally
from analyticlens.engine import Inspection, inspect, prepare
from analyticlens.protocol.recipe import Recipe

LOW, HIGH = 60.0, 180.0
# The cut lies so far about the middle, as a share of the contrast.
ASIDE = 0.12
FORM = ("perimeter", "circularity", "elongation", "orientation_deg")
SIZES = {"disc R 20-60": (20.0, 60.0), "disc R 6-12": (6.0, 12.0), "disc R 3-6": (3.0, 6.0)}
AREA_SD = {"disc R 20-60": 0.06, "disc R 6-12": 0.6, "disc R 3-6": 1.2}
CENTRE_SD = {"disc R 20-60": 0.010, "disc R 6-12": 0.020, "disc R 3-6": 0.040}


class Drawn(NamedTuple):
    """A shape, the picture's (width, height), and the truth by measure."""

    sdf: Sdf
    size: tuple[int, int]
    truth: dict[str, float]


@dataclass(frozen=True)
class View:
    """How a shape is seen: blur, noise, light, bits, JPEG, and where it is cut (a share of the contrast; None: about the middle)."""

    psf: float = 1.0
    snr: float | None = 40.0
    shading: float = 0.0
    bits: int = 8
    jpeg: int | None = None
    cut: float | None = None
    subpixel: bool = True


Draw = Callable[[np.random.Generator], Drawn]
PLAIN = View()


def rows(seed: int, n: int) -> Iterator[Row]:
    """Yield the rows of blob, about n pictures each."""
    yield from _disc_rows(np.random.default_rng([seed, 31]), n)
    yield from _seen_rows(np.random.default_rng([seed, 32]), n)
    yield from _form_rows(np.random.default_rng([seed, 33]), n)
    yield from _border_rows(np.random.default_rng([seed, 34]), n)
    yield from _count_rows(np.random.default_rng([seed, 35]), n)


def _disc_rows(rng: np.random.Generator, n: int) -> Iterator[Row]:
    for name, span in SIZES.items():
        large = name == "disc R 20-60"
        tally = _measured(_disc(*span), PLAIN, rng, n)
        bound = _area_bound(span, 40.0)
        yield tally.row("blob", name, "area", "%", bound, sd=AREA_SD[name], bias=0.03, fails=0)
        yield tally.row("blob", name, "x", "px", None, sd=CENTRE_SD[name], bias=0.01, fails=0)
        yield tally.row("blob", name, "perimeter", "%", None, **({"bias": 0.3} if large else {}))
        yield tally.row("blob", name, "circularity", "%", None, **({"bias": 0.5} if large else {}))
    for snr in (None, 100.0, 20.0, 10.0, 5.0):
        for name in ("disc R 20-60", "disc R 6-12"):
            tally = _measured(_disc(*SIZES[name]), View(snr=snr), rng, n)
            condition = f"{name}, SNR {'inf' if snr is None else f'{snr:g}'}"
            yield tally.row(
                "blob", condition, "area", "%", None if snr is None else _area_bound(SIZES[name], snr), fails=0
            )
            yield tally.row("blob", condition, "perimeter", "%", None)


def _seen_rows(rng: np.random.Generator, n: int) -> Iterator[Row]:
    # The bound of an edge's place grows with the root of its blur, and so does its goal.
    off = {"disc R 20-60": 0.03, "disc R 6-12": 0.2, "disc R 3-6": 2.0}
    for cut in (0.5 - ASIDE, 0.5 + ASIDE):
        for name, span in SIZES.items():
            tally = _measured(_disc(*span), View(cut=cut), rng, n)
            yield tally.row("blob", f"{name}, cut at {100 * cut:.0f} %", "area", "%", None, bias=off[name], fails=0)
    for psf in (0.5, 1.5, 2.0):
        for name in ("disc R 20-60", "disc R 6-12"):
            tally = _measured(_disc(*SIZES[name]), View(psf=psf), rng, n)
            yield tally.row(
                "blob",
                f"{name}, PSF {psf:g}",
                "area",
                "%",
                None,
                sd=round(AREA_SD[name] * math.sqrt(max(1, psf)), 3),
                bias=0.03,
                fails=0,
            )
            yield tally.row("blob", f"{name}, PSF {psf:g}", "perimeter", "%", None)
    large = _disc(*SIZES["disc R 20-60"])
    for condition, view in (
        ("shading 20 %", View(shading=0.2)),
        ("JPEG 90", View(jpeg=90)),
        ("JPEG 75", View(jpeg=75)),
        ("12 bits, SNR 100", View(bits=12, snr=100.0)),
        ("whole pixels", View(subpixel=False)),
    ):
        tally = _measured(large, view, rng, n)
        for measure, unit in (("area", "%"), ("x", "px"), ("perimeter", "%"), ("circularity", "%")):
            yield tally.row("blob", f"disc R 20-60, {condition}", measure, unit, None)


def _form_rows(rng: np.random.Generator, n: int) -> Iterator[Row]:
    for psf in (1.0, 0.5, 1.5, 2.0):
        tally = _measured(_ellipse, View(psf=psf), rng, n)
        condition = f"ellipse, PSF {psf:g}"
        yield tally.row("blob", condition, "orientation_deg", "deg", None, sd=0.08, fails=0)
        yield tally.row("blob", condition, "elongation", "%", None, bias=0.1)
        yield tally.row("blob", condition, "circularity", "%", None, bias=0.5)
    tally = _measured(_rectangle, PLAIN, rng, n)
    for measure, unit in (
        ("area", "%"),
        ("orientation_deg", "deg"),
        ("perimeter", "%"),
        ("length", "%"),
        ("breadth", "%"),
    ):
        yield tally.row("blob", "rectangle 60-120 x 15-40", measure, unit, None)


def _border_rows(rng: np.random.Generator, n: int) -> Iterator[Row]:
    tally = _measured(_half_disc, PLAIN, rng, n)
    yield tally.row("blob", "half disc on the border", "area", "%", None, sd=0.12, fails=0)


def _count_rows(rng: np.random.Generator, n: int) -> Iterator[Row]:
    tally = Tally()
    prepared = _prepared(0.5, View(), ("hole_count",))
    for _ in range(max(n // 4, 5)):
        sdf, holes = _washers(rng)
        picture = expose(render(sdf, (320, 320)), rng, snr=40.0)
        found = tally.timed(inspect, picture, prepared).details[1]["blobs"]
        right = sum(blob["hole_count"] for blob in found) == holes
        if len(found) == 9 and right:
            tally.add(count=0.0)
        else:
            tally.fail()
    yield tally.row("blob", "9 discs, some with holes", "count", "", None, fails=0)
    tally = Tally()
    prepared = _prepared(0.5, View(subpixel=False), (), split=True)
    for _ in range(max(n // 4, 5)):
        picture = expose(render(_touching(rng), (320, 180)), rng, snr=40.0)
        count = tally.timed(inspect, picture, prepared).tools[0].features["blob_count"]
        tally.add(count=0.0) if count == 8 else tally.fail()
    yield tally.row("blob", "8 touching discs, split", "count", "", None, fails=0)


# Drawing


def _placed(rng: np.random.Generator, side: int) -> tuple[float, float]:
    x, y = side / 2 + rng.uniform(-0.5, 0.5, 2)
    return float(x), float(y)


def _disc(low: float, high: float) -> Draw:
    def draw(rng: np.random.Generator) -> Drawn:
        side = int(2 * high + 40)
        (x, y), r = _placed(rng, side), rng.uniform(low, high)
        truth = {"area": math.pi * r * r, "x": x, "perimeter": 2 * math.pi * r, "circularity": 1.0}
        return Drawn(disc(x, y, r), (side, side), truth)

    return draw


def _ellipse(rng: np.random.Generator) -> Drawn:
    (x, y), a = _placed(rng, 150), rng.uniform(25, 50)
    b, angle = a * rng.uniform(0.4, 0.7), rng.uniform(-90, 90)
    area, around = math.pi * a * b, _around(a, b)
    truth = {"area": area, "perimeter": around, "circularity": 4 * math.pi * area / around**2}
    return Drawn(ellipse(x, y, a, b, angle), (150, 150), truth | {"elongation": a / b, "orientation_deg": angle})


def _around(a: float, b: float) -> float:
    at = (np.arange(4000) + 0.5) * (math.pi / 8000)
    return float(np.hypot(a * np.sin(at), b * np.cos(at)).mean() * 2 * math.pi)


def _rectangle(rng: np.random.Generator) -> Drawn:
    (x, y), w, h, angle = _placed(rng, 180), rng.uniform(60, 120), rng.uniform(15, 40), rng.uniform(-90, 90)
    truth = {"area": w * h, "orientation_deg": angle, "perimeter": 2 * (w + h), "length": w, "breadth": h}
    return Drawn(rectangle(x, y, w, h, angle), (180, 180), truth)


def _half_disc(rng: np.random.Generator) -> Drawn:
    r, y = rng.uniform(20, 40), 60 + rng.uniform(-0.5, 0.5)
    # The picture begins half a pixel left of its first pixel's centre.
    return Drawn(disc(-0.5, y, r), (100, 120), {"area": math.pi * r * r / 2})


def _washers(rng: np.random.Generator) -> tuple[Sdf, int]:
    shapes, holes = [], 0
    for i in range(9):
        x, y = 55 + 105 * (i % 3) + rng.uniform(-5, 5), 55 + 105 * (i // 3) + rng.uniform(-5, 5)
        shape: Sdf = disc(x, y, rng.uniform(28, 40))
        for k in range(int(rng.integers(0, 3))):
            shape = minus(shape, disc(x + 12 * (2 * k - 1), y, rng.uniform(3, 6)))
            holes += 1
        shapes.append(shape)
    return union(*shapes), holes


def _touching(rng: np.random.Generator) -> Sdf:
    r, share = rng.uniform(20, 28), rng.uniform(1.8, 1.98)
    places = [(160 + (i % 4 - 1.5) * r * share, 90 + (i // 4 - 0.5) * r * share) for i in range(8)]
    return union(*(disc(x, y, r) for x, y in places))


# Measuring


def _prepared(cut: float, view: View, measure: tuple[str, ...], **params: Any) -> Any:
    level = (LOW + cut * (HIGH - LOW)) * GAIN[view.bits]
    params |= {"th_min": level, "th_max": 65535, "area_min": 10, "subpixel": view.subpixel, "measure": list(measure)}
    return prepare(Recipe.model_validate({"tools": [{"id": 1, "name": "blob", "type": "blob", "params": params}]}))


def _measured(draw: Draw, view: View, rng: np.random.Generator, n: int) -> Tally:
    tally = Tally()
    for _ in range(n):
        drawn = draw(rng)
        cut = rng.uniform(0.5 - ASIDE, 0.5 + ASIDE) if view.cut is None else view.cut
        measures = tuple(name for name in (*FORM, "length", "breadth") if name in drawn.truth)
        prepared = _prepared(cut, view, ("area", "x", *measures))
        exact = render(drawn.sdf, drawn.size, psf=view.psf, low=LOW, high=HIGH)
        picture = expose(exact, rng, snr=view.snr, shading=view.shading, bits=view.bits, jpeg=view.jpeg)
        _add(tally, tally.timed(inspect, picture, prepared), drawn.truth)
    return tally


def _add(tally: Tally, found: Inspection, truth: dict[str, float]) -> None:
    features = found.tools[0].features
    if features.get("blob_count") != 1 or abs(features["area"] / truth["area"] - 1) > 0.5:
        tally.fail()
        return
    errors = {name: features[name] - value for name, value in truth.items()}
    for name in errors.keys() & {"area", "perimeter", "circularity", "elongation", "length", "breadth"}:
        errors[name] *= 100 / truth[name]
    if "orientation_deg" in errors:
        errors["orientation_deg"] = math.remainder(errors["orientation_deg"], 180)
    tally.add(**errors)


def _area_bound(span: tuple[float, float], snr: float) -> float:
    """Return the bound of the area's standard deviation over radii drawn evenly, in percent."""
    radii = np.linspace(*span, 41)
    return float(np.sqrt(np.mean([(100 * crb.disc_area(r, 1.0, snr) / (math.pi * r * r)) ** 2 for r in radii])))
