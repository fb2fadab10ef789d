"""Upper bounds of time a test may hold something to, on a computer that does other things as well.

A bound is told in CPU milliseconds of the computer the costs were fitted on. A fixed piece of work timed beside every try says how
much slower this computer is just now; the quickest of some tries counts, for what is too slow by itself is too slow every time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import process_time
from typing import TypeVar

import cv2
import numpy as np

# CPU milliseconds of `_yardstick` on the computer the costs were fitted on.
YARDSTICK_MS = 4.2
TRIES = 8

T = TypeVar("T")


def _yardstick() -> float:
    """Return the CPU milliseconds of a mixture of OpenCV and Python that never changes."""
    picture = np.arange(480 * 752, dtype=np.uint32).reshape(480, 752).astype(np.uint8)
    begun = process_time()
    for _ in range(8):
        cv2.medianBlur(picture, 5)
    total = 0
    for number in range(100_000):
        total += number & 7
    return (process_time() - begun) * 1000


def within(ms: float, act: Callable[[], T]) -> T:
    """Return what `act` returned once a try of it took at most `ms` CPU milliseconds; fail when none of some tries does."""
    said: list[T] = []
    best = least(lambda: said.append(act()), enough=ms)
    assert best <= ms, f"the quickest of {TRIES} tries took {best:.1f} ms, more than {ms:.1f}"
    return said[-1]


def least(act: Callable[[], object], enough: float) -> float:
    """Return the CPU milliseconds of the quickest of some tries; the first that takes no more than `enough` is the last."""
    best = math.inf
    for _ in range(TRIES):
        slower = max(1.0, _yardstick() / YARDSTICK_MS)
        begun = process_time()
        act()
        best = min(best, (process_time() - begun) * 1000 / slower)
        if best <= enough:
            break
    return best
