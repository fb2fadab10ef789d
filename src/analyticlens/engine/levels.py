"""Grey levels: cuts in a picture's own levels, whatever its depth, and what histograms say. uint8 and uint16 alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import ToolFailed
from analyticlens.engine.regions import Window

# The kinds of pixels that are inspected, each with its highest level.
FULL_SCALE: dict[Any, int] = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}


def check_depth(grey: NDArray[Any], levels: list[float]) -> None:
    """Raise ToolFailed when the levels people set all end at 255 and grey is uint16, or all lie above 255 and grey is uint8.

    They were set for pictures of another depth: in 16 bits the one mean black, in 8 bits nothing reaches the other, and a count of what
    is brighter would be a verdict nobody meant.
    """
    if levels and grey.dtype == np.uint8 and min(levels) > FULL_SCALE[grey.dtype]:
        raise ToolFailed("its grey levels are those of 16-bit pictures, and this picture has 8 bits")
    if levels and grey.dtype == np.uint16 and max(levels) <= FULL_SCALE[np.dtype(np.uint8)]:
        raise ToolFailed("its grey levels are those of 8-bit pictures, and this picture has 16 bits")


def cut(grey: NDArray[Any], low: float, high: float, out: NDArray[Any]) -> NDArray[Any]:
    """Set out (h, w) uint8 to 255 where low <= grey <= high, both ends inclusive, else to 0; return it."""
    full = FULL_SCALE[grey.dtype]
    first, last = math.ceil(max(low, 0)), math.floor(min(high, full))
    if last < first:
        out[:] = 0
    elif last == full and grey.dtype == np.uint8:
        # The one-sided cut is twice as fast as the two-sided one.
        cv2.threshold(grey, first - 1, 255, cv2.THRESH_BINARY, dst=out)
    else:
        cv2.inRange(grey, first, last, dst=out)
    return out


def histogram(grey: NDArray[Any], mask: NDArray[Any] | None) -> NDArray[np.float64]:
    """Return how many pixels (of the mask) have each level: 256 or 65536 counts."""
    size = FULL_SCALE[grey.dtype] + 1
    counts = cv2.calcHist([grey], [0], mask, [size], [0, size])
    return counts.ravel().astype(np.float64)


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


def stretch(grey: NDArray[Any], mask: NDArray[Any] | None) -> None:
    """Stretch grey in place so that its darkest pixel (of the mask) is 0 and its brightest full scale; a flat one stays."""
    low, high, _, _ = cv2.minMaxLoc(grey, mask)
    full_scale = FULL_SCALE[grey.dtype]
    if high > low:
        scale = full_scale / (high - low)
        table = np.clip(np.rint((np.arange(full_scale + 1) - low) * scale), 0, full_scale).astype(grey.dtype)
        if grey.dtype == np.uint8:
            cv2.LUT(grey, table, dst=grey)
        else:
            np.copyto(grey, table[grey])


def share_above(grey: NDArray[Any], window: Window, level: float, buffers: Buffers) -> float:
    """Return the share of the window's pixels strictly above a level, 0 to 1. `grey` is the window's own part."""
    check_depth(grey, [level])
    bright = cut(grey, math.floor(level) + 1, math.inf, buffers.take("bright", window.shape, np.uint8))
    if window.mask is not None:
        cv2.bitwise_and(bright, window.mask, dst=bright)
    return cv2.countNonZero(bright) / window.area


def settle(exact: NDArray[Any], target: NDArray[Any]) -> None:
    """Round exact grey levels to whole ones, cut them off at the ends of target's scale, and fill target; `exact` is spent."""
    np.rint(exact, out=exact)
    np.clip(exact, 0, FULL_SCALE[target.dtype], out=exact)
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
