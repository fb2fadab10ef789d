"""The engine beside hand-written OpenCV, and the page faults it makes."""

from __future__ import annotations

import gc
import resource
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import thread_time_ns
from typing import Any

import cv2
import numpy as np

from analyticlens.bench.handwritten import Handwritten
from analyticlens.bench.scenes import SIZES, frames, recipe
from analyticlens.engine import Inspection, inspect, prepare

# Locate tools and whether a math tool follows.
SCENES = {
    "gray+blob": (0, False),
    "gray+locate+blob": (1, False),
    "gray+two locate+blob": (2, False),
    "gray+blob+math": (0, True),
}
GOALS = {"752x480": 1.30, "1920x1080": 1.10}
FRAMES = 6
WARM_UP = 20
# Runs of WARM_UP frames after which faults count, whether or not they have stopped.
LONGEST_SETTLING = 100
# Runs without a fault after which the heap has settled.
QUIET = 5


@dataclass(frozen=True)
class Figure:
    """One row: medians of both sides, the median of the pairs' ratios, and page faults a frame of the engine."""

    scene: str
    size: str
    engine_ms: float
    hand_ms: float
    ratio: float
    goal: float
    faults: float

    @property
    def held(self) -> bool:
        """Whether both goals are met; one fault in fifty frames is the interpreter's own."""
        return self.ratio <= self.goal and self.faults <= 0.02

    def cells(self) -> list[str]:
        """Return the row's figures as words."""
        ms = [f"{self.engine_ms:.3f}", f"{self.hand_ms:.3f}", f"{self.ratio:.2f}", f"{self.goal:.2f}"]
        return [self.scene, self.size, *ms, f"{self.faults:.2f}"]

    def __str__(self) -> str:
        row = f"{self.scene:<20} {self.size:<10} {self.engine_ms:>10.3f} {self.hand_ms:>9.3f} {self.ratio:>6.2f}"
        return f"{row} {self.goal:>6.2f} {self.faults:>13.2f}  {'' if self.held else 'MISSED'}"


def measure(scenes: Sequence[str], pairs: int, seed: int) -> Iterator[Figure]:
    """Yield a figure for each scene and picture size. OpenCV's threads are set to one for good."""
    cv2.setNumThreads(1)
    for scene in scenes:
        locates, math = SCENES[scene]
        for name, size in SIZES.items():
            pictures = frames(size, FRAMES, np.random.default_rng(seed))
            prepared, hand = prepare(recipe(size, locates, math)), Handwritten(size, locates)
            for picture in pictures:
                same(inspect(picture, prepared), hand(picture), locates)
            engine = partial(inspect, recipe=prepared)
            mine, other = _pairs(engine, hand, pictures, pairs)
            ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
            faults = _faults(engine, pictures, pairs)
            middle = statistics.median(mine) / 1e6, statistics.median(other) / 1e6
            yield Figure(scene, name, *middle, ratio, GOALS[name], faults)


def same(inspection: Inspection, hand: Any, locates: int) -> None:
    """Raise AssertionError unless both sides found the same discs and, within a tenth of a pixel, the same rims."""
    blobs = inspection.details[8]["blobs"]
    mine = sorted((blob["bounding_box"], blob["centroid"], int(blob["area"])) for blob in blobs)
    assert mine == sorted(zip(hand.boxes, hand.centroids, hand.areas, strict=True)), (mine, hand)
    assert (inspection.verdict == "ok") == hand.good
    for tool, (x, y) in zip(inspection.tools[1 : 1 + locates], hand.rims, strict=True):
        assert abs(tool.features["x"] - x) < 0.1, (tool.features, x)
        assert abs(tool.features["y"] - y) < 0.1, (tool.features, y)


def _pairs(
    one: Callable[[Any], object], other: Callable[[Any], object], pictures: list[Any], pairs: int
) -> tuple[list[int], list[int]]:
    """Return nanoseconds of thread CPU time of both, taken turn about on the same pictures."""
    times: tuple[list[int], list[int]] = ([], [])
    gc.collect()
    gc.disable()
    for turn in range(WARM_UP + pairs):
        picture = pictures[turn % len(pictures)]
        for side, function in enumerate((one, other) if turn % 2 else (other, one)):
            start = thread_time_ns()
            function(picture)
            spent = thread_time_ns() - start
            if turn >= WARM_UP:
                times[side if turn % 2 else 1 - side].append(spent)
    gc.enable()
    return times


def _faults(function: Callable[[Any], object], pictures: list[Any], count: int) -> float:
    """Return minor page faults a call, once some runs of calls made none: the interpreter's own heap takes a while to settle."""

    def run(calls: int) -> int:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        for turn in range(calls):
            function(pictures[turn % len(pictures)])
        return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

    quiet = 0
    for _ in range(LONGEST_SETTLING):
        quiet = quiet + 1 if run(WARM_UP) == 0 else 0
        if quiet == QUIET:
            break
    return run(count) / count
