"""Medians of any window for 8 and 16 bits, exact.

A median keeps its place under any mapping of levels that keeps their order. So the median of 16-bit pixels is found in two steps of
8 bits, for which OpenCV has a fast one: first that of the coarse levels, then, for each coarse level it came to, that of the fine
levels within it, all others cut to the ends. In a small tile few coarse levels come up, and often one step is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.errors import ToolFailed

# OpenCV's own median of more than eight bits goes so far, and that of eight bits so far.
LARGEST_DEEP, LARGEST = 5, 255
TILE = 64
# So many levels of 16 bits become one coarse level.
FINE, DEEPEST = 256, 65535


def median(source: NDArray[Any], ksize: int, target: NDArray[Any], late: Callable[[], bool] = lambda: False) -> None:
    """Fill target with the medians of ksize x ksize windows of source, (h, w) or (h, w, 3) of the same dtype; ksize odd, to 255.

    The border is continued by its own pixels. Raises ToolFailed when `late` says that time is over: how long more than 8 bits take
    depends on the picture, and the longer the more of the scale a tile of it spreads over.
    """
    if source.dtype == np.uint8 or ksize <= LARGEST_DEEP:
        cv2.medianBlur(source, ksize, dst=target)
    elif source.ndim == 3:
        for channel in range(source.shape[2]):
            plane = np.empty(source.shape[:2], source.dtype)
            _deep(np.ascontiguousarray(source[:, :, channel]), ksize, plane, late)
            target[:, :, channel] = plane
    else:
        _deep(source, ksize, target, late)


def _deep(source: NDArray[Any], ksize: int, target: NDArray[Any], late: Callable[[], bool]) -> None:
    """The same for (h, w) of uint16, tile by tile: each with the neighbours its windows reach."""
    height, width = source.shape
    reach, size = ksize // 2, max(TILE, 2 * ksize)
    for top in range(0, height, size):
        for left in range(0, width, size):
            if late():
                raise ToolFailed("the median of this 16-bit picture takes too long", "timeout")
            first, start = max(top - reach, 0), max(left - reach, 0)
            patch = source[first : top + size + reach, start : left + size + reach]
            own = target[top : top + size, left : left + size]
            inner = (slice(top - first, top - first + own.shape[0]), slice(left - start, left - start + own.shape[1]))
            _tile(patch, ksize, own, inner, late)


def _tile(
    patch: NDArray[Any], ksize: int, own: NDArray[Any], inner: tuple[slice, slice], late: Callable[[], bool]
) -> None:
    """Fill `own` with the medians of the `inner` part of a patch."""
    low, high = int(patch.min()), int(patch.max())
    if high - low < FINE:
        np.copyto(own, cv2.medianBlur((patch - np.uint16(low)).astype(np.uint8), ksize)[inner])
        own += np.uint16(low)
        return
    coarse = cv2.medianBlur(((patch - np.uint16(low)) // FINE).astype(np.uint8), ksize)[inner]
    for level in np.unique(coarse).tolist():
        if late():
            raise ToolFailed("the median of this 16-bit picture takes too long", "timeout")
        _refine(patch, ksize, own, inner, coarse == level, low + level * FINE)


def _refine(
    patch: NDArray[Any],
    ksize: int,
    own: NDArray[Any],
    inner: tuple[slice, slice],
    wanted: NDArray[np.bool_],
    first: int,
) -> None:
    """Fill `own` where wanted, knowing that the median there lies in the FINE levels from `first` on."""
    reach = ksize // 2
    x, y, w, h = cv2.boundingRect(wanted.view(np.uint8))
    top, left = y + inner[0].start, x + inner[1].start
    above, before = min(reach, top), min(reach, left)
    near = patch[top - above : top + h + reach, left - before : left + w + reach]
    fine = (np.clip(near, first, min(first + FINE - 1, DEEPEST)) - np.uint16(first)).astype(np.uint8)
    found = cv2.medianBlur(fine, ksize)[above : above + h, before : before + w]
    np.copyto(own[y : y + h, x : x + w], found + np.uint16(first), where=wanted[y : y + h, x : x + w])
