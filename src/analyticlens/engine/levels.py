"""Grey levels: cuts in a picture's own levels, whatever its depth, and what histograms say. uint8 and uint16 alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import ToolFailed
from analyticlens.engine.regions import Window

# The kinds of pixels that are inspected, each with the highest level it can hold.
HOLDS: dict[Any, int] = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
FEWEST_BITS, MOST_BITS = 8, 16
EXACT_COUNT = 1 << 24


@dataclass(frozen=True, slots=True)
class Depth:
    """How many bits of a pixel are used: a camera of 12 bits fills the lower ones of uint16.

    `stated` tells that somebody said so; otherwise uint16 is taken for 16 bits.
    """

    bits: int
    stated: bool = False

    @property
    def full(self) -> int:
        """Full scale: the highest level, which is white."""
        return (1 << self.bits) - 1


def depth_of(dtype: Any, bits: int | None = None) -> Depth:
    """Return the depth of pixels of a kind, uint8 or uint16; `bits` are those used of uint16, None where nobody said."""
    if np.dtype(dtype) == np.uint8:
        return Depth(8, True)
    return Depth(MOST_BITS if bits is None else bits, bits is not None)


def check_depth(depth: Depth, levels: list[float]) -> None:
    """Raise ToolFailed when the levels people set were set for pictures of another depth.

    That is so when all lie above full scale, where nothing reaches them, or all end at 255 and the picture has 16 bits that nobody
    stated: there they mean black. A count of what is brighter would be a verdict nobody meant.
    """
    if levels and min(levels) > depth.full:
        raise ToolFailed(f"its grey levels are those of deeper pictures, and this picture has {depth.bits} bits")
    if levels and not depth.stated and max(levels) <= HOLDS[np.dtype(np.uint8)]:
        raise ToolFailed("its grey levels are those of 8-bit pictures, and this picture has 16 bits")


def cut(grey: NDArray[Any], low: float, high: float, out: NDArray[Any]) -> NDArray[Any]:
    """Set out (h, w) uint8 to 255 where low <= grey <= high, both ends inclusive, else to 0; return it."""
    full = HOLDS[grey.dtype]
    first, last = math.ceil(max(low, 0)), math.floor(min(high, full))
    if last < first:
        out[:] = 0
    elif last == full and grey.dtype == np.uint8:
        # The one-sided cut is twice as fast as the two-sided one.
        cv2.threshold(grey, first - 1, 255, cv2.THRESH_BINARY, dst=out)
    else:
        cv2.inRange(grey, first, last, dst=out)
    return out


def histogram(grey: NDArray[Any], mask: NDArray[Any] | None, full: int | None = None) -> NDArray[np.float64]:
    """Return how many pixels (of the mask) have each level from 0 to full scale (None: all that the pixels can hold)."""
    size = (HOLDS[grey.dtype] if full is None else full) + 1
    # OpenCV counts in single precision, which ends at 2^24: in pieces below that, every count is exact.
    counts = np.zeros(size)
    rows = max(1, EXACT_COUNT // grey.shape[1])
    for top in range(0, grey.shape[0], rows):
        part = None if mask is None else mask[top : top + rows]
        counts += cv2.calcHist([grey[top : top + rows]], [0], part, [size], [0, size]).ravel()
    return counts


def parted(grey: NDArray[Any], mask: NDArray[Any] | None) -> int | None:
    """Return Otsu's level of a picture's pixels (of the mask), or None where they are all alike: then there is nothing to part."""
    counts = histogram(grey, mask)
    return otsu(counts) if np.count_nonzero(counts) > 1 else None


def otsu(counts: NDArray[np.float64]) -> int:
    """Return the lowest level of the brighter class that Otsu's method finds in a histogram.

    One level alone has no brighter class: the level above it is returned, which no pixel reaches.

    >>> otsu(np.array([5.0, 0, 0, 5]))
    1
    >>> otsu(np.array([0.0, 7, 0]))
    2
    """
    used = np.flatnonzero(counts)
    if len(used) < 2:
        return int(used[0]) + 1 if len(used) else 0
    # Between two used levels nothing changes: of 65536, most pictures use few.
    below = np.cumsum(counts[used])
    weighted = np.cumsum(counts[used] * used)
    total, moment = below[-1], weighted[-1]
    above = total - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (moment * below - total * weighted) ** 2 / (below * above)
    between[above == 0] = -1
    return int(used[np.argmax(between)]) + 1


def stretch(grey: NDArray[Any], mask: NDArray[Any] | None, full_scale: int) -> None:
    """Stretch grey in place so that its darkest pixel (of the mask) is 0 and its brightest full scale; a flat one stays."""
    low, high, _, _ = cv2.minMaxLoc(grey, mask)
    if high > low:
        scale = full_scale / (high - low)
        table = np.clip(np.rint((np.arange(HOLDS[grey.dtype] + 1) - low) * scale), 0, full_scale).astype(grey.dtype)
        if grey.dtype == np.uint8:
            cv2.LUT(grey, table, dst=grey)
        else:
            np.copyto(grey, table[grey])


def share_above(grey: NDArray[Any], window: Window, level: float, depth: Depth, buffers: Buffers) -> float:
    """Return the share of the window's pixels strictly above a level, 0 to 1. `grey` is the window's own part."""
    check_depth(depth, [level])
    bright = cut(grey, math.floor(level) + 1, math.inf, buffers.take("bright", window.shape, np.uint8))
    if window.mask is not None:
        cv2.bitwise_and(bright, window.mask, dst=bright)
    return cv2.countNonZero(bright) / window.area


def settle(exact: NDArray[Any], target: NDArray[Any], full: int) -> None:
    """Round exact grey levels to whole ones, cut them off at 0 and full scale, and fill target; `exact` is spent."""
    np.rint(exact, out=exact)
    np.clip(exact, 0, full, out=exact)
    np.copyto(target, exact, casting="unsafe")


def percentiles(counts: NDArray[np.float64], shares: Sequence[float]) -> list[int]:
    """Return, for each share in percent, the lowest level that at least so many of a histogram's pixels do not exceed.

    >>> percentiles(np.array([1.0, 0, 2, 1]), [0, 25, 26, 75, 100])
    [0, 0, 2, 2, 3]
    """
    below = np.cumsum(counts)
    # The first pixel of all, where the share is smaller than one pixel's.
    wanted = np.maximum(below[-1] * np.asarray(shares) / 100, 1)
    found: list[int] = np.searchsorted(below, wanted * (1 - 1e-12)).tolist()
    return found
