"""code: how many of the codes that other libraries made are read, at any angle, by size of module and noise; and no misreads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.codes import ENCODERS, drawn
from analyticlens.bench.accuracy.table import Row, Tally
from analyticlens.engine import Prepared, inspect, prepare
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome

TEXTS = {"qr_code": "ANALYTICLENS-{:05}", "data_matrix": "PART-{:06}", "code_128": "PART-{:06}"}
ALL = {"fails": 0.0}


@dataclass(frozen=True)
class Condition:
    """Format, pixels a module, noise, blur, and the share that may go unread; None is not held to any.

    size: rows and columns of a picture all of which is searched; else the picture is just as large as the code wants.
    """

    format: str
    module: float
    snr: float = 20.0
    psf: tuple[float, float] = (0.7, 0.7)
    shading: float = 0.0
    bits: int = 8
    contrast: float = 120.0
    size: tuple[int, int] | None = None
    goals: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the pictures are like."""
        blur = f" PSF {self.psf[0]:g}..{self.psf[1]:g}" if self.psf != (0.7, 0.7) else ""
        rest = [
            f" shading {100 * self.shading:.0f}%" if self.shading else "",
            f" {self.bits} bit" if self.bits > 8 else "",
        ]
        contrast = f" contrast {self.contrast:g}" if self.contrast != 120 else ""
        size = f" in {self.size[1]}x{self.size[0]}" if self.size else ""
        return f"{self.format} {self.module:g} px SNR {self.snr:g}{blur}{''.join(rest)}{contrast}{size}"


CONDITIONS = (
    *(Condition(word, module, goals=ALL) for word in ("qr_code", "data_matrix") for module in (4, 3, 2.5, 2)),
    *(Condition("code_128", module, goals={"fails": 0.05}) for module in (4, 3, 2.5, 2)),
    *(Condition(word, module, 5) for word in ENCODERS for module in (4, 3, 2)),
    *(Condition(word, 1.5) for word in ENCODERS),
    *(Condition(word, 3, psf=(0.5, 1.2), goals={"fails": 0.05}) for word in ENCODERS),
    *(Condition(word, 3, 10, shading=0.2, goals={"fails": 0.05}) for word in ENCODERS),
    *(Condition(word, 3, bits=12, goals={"fails": 0.05}) for word in ENCODERS),
    *(Condition(word, 4, 10, contrast=15, goals={"fails": 0.05}) for word in ENCODERS),
    *(Condition(word, 2, size=(480, 752), goals=goals) for word, goals in (("qr_code", ALL), ("data_matrix", ALL))),
    Condition("code_128", 2, size=(480, 752), goals={"fails": 0.05}),
)


def rows(seed: int, n: int) -> Iterator[Row]:
    """Yield the share not read in each condition with the errors of place and angle, then the misreads of all and of no code at all."""
    prepared = prepare(Recipe.model_validate({"tools": [{"id": 1, "name": "code", "type": "code"}]}))
    misread = Tally()
    for number, condition in enumerate(CONDITIONS):
        rng = np.random.default_rng([seed, 7, number])
        tally = Tally()
        for _ in range(n):
            _one(condition, prepared, rng, tally, misread)
        yield tally.row("code", condition.name, "read", "", **condition.goals)
        if condition.module == 3 and condition.snr == 20 and condition.goals in (ALL, {"fails": 0.05}):
            yield tally.row("code", condition.name, "angle", "deg", p95=2.0)
            yield tally.row("code", condition.name, "place", "px", p95=4.0)
    yield misread.row("code", "misread, all of the above", "misread", "", fails=0.0)
    yield _nothing(prepared, seed, n)


def _one(condition: Condition, prepared: Prepared, rng: np.random.Generator, tally: Tally, misread: Tally) -> None:
    text = TEXTS[condition.format].format(rng.integers(10**5))
    angle = float(rng.uniform(-180, 180))
    centre = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5)))
    levels = (120 - condition.contrast / 2, 120 + condition.contrast / 2)
    psf = float(rng.uniform(*condition.psf))
    modules = ENCODERS[condition.format](text)
    exact = drawn(
        modules,
        condition.module,
        angle,
        centre=centre,
        psf=psf,
        low=levels[0],
        high=levels[1],
        size=condition.size,
    )
    frame = expose(
        exact, rng, snr=condition.snr, contrast=condition.contrast, bits=condition.bits, shading=condition.shading
    )
    outcome = tally.timed(_outcome, frame, prepared)
    misread.add(misread=0.0) if outcome.texts.get("text", text) == text else misread.fail()
    if outcome.status != "ok" or outcome.texts["text"] != text:
        tally.fail()
        return
    middle = [(size - 1) / 2 + shift for size, shift in zip(frame.shape[::-1], centre, strict=True)]
    place = math.dist(middle, (outcome.features["x"], outcome.features["y"]))
    tally.add(read=0.0, angle=math.remainder(outcome.features["angle_deg"] - angle, 360), place=place)


def _outcome(frame: NDArray[Any], prepared: Prepared) -> ToolOutcome:
    return inspect(frame, prepared).tools[0]


def _nothing(prepared: Prepared, seed: int, n: int) -> Row:
    """Return the row of pictures without a code: bars and modules that mean nothing, noise of every grain."""
    rng = np.random.default_rng([seed, 8])
    tally = Tally()
    for number in range(n):
        outcome = tally.timed(_outcome, _meaningless(number % 4, rng), prepared)
        tally.add(read=0.0) if outcome.status == "not_found" else tally.fail()
    return tally.row("code", "bars, modules, noise without a code", "read", "", fails=0.0)


def _meaningless(kind: int, rng: np.random.Generator, size: tuple[int, int] = (240, 320)) -> NDArray[Any]:
    module = int(rng.integers(2, 6))
    if kind == 0:
        return expose(
            drawn(np.tile(rng.random(60) < 0.5, (20, 1)), module, rng.uniform(0, 360), size=size), rng, snr=20
        )
    if kind == 1:
        return expose(drawn(rng.random((24, 24)) < 0.5, module, rng.uniform(0, 360), size=size), rng, snr=20)
    if kind == 2:
        return rng.integers(0, 256, size).astype(np.uint8)
    grain = cv2.GaussianBlur(rng.normal(0, 1, size), (0, 0), rng.uniform(0.8, 4))
    return np.asarray(np.clip(128 + 60 * grain / grain.std(), 0, 255).astype(np.uint8))
