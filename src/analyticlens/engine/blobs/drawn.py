"""Outlines of the first blobs as people see them: traced on the pixels, simplified, and capped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.components import Blobs
from analyticlens.engine.blobs.runs import Runs
from analyticlens.engine.build import built
from analyticlens.protocol.overlay import OverlayShape
from analyticlens.protocol.regions import Polygon

CHAINS = {
    "SIMPLE": cv2.CHAIN_APPROX_SIMPLE,
    "NONE": cv2.CHAIN_APPROX_NONE,
    "TC89_L1": cv2.CHAIN_APPROX_TC89_L1,
    "TC89_KCOS": cv2.CHAIN_APPROX_TC89_KCOS,
}
# A record of an inspection travels and is kept for ever: beyond these, blobs are counted, measured and listed, not outlined.
MAX_OUTLINES = 64
MAX_POINTS = 2000
# In a picture of noise, the outline of a blob in a larger box than this would take longer to trace than all the rest; its box says as
# much.
MOST_NOISE = 200_000


class Outliner:
    """Traces outlines by one tool's parameters: how they are stored, how far they may stray, how many points they keep."""

    def __init__(self, chain: str, epsilon_ratio: float, max_points: int) -> None:
        self._chain = CHAINS[chain]
        self._epsilon_ratio = epsilon_ratio
        self._max_points = max_points

    def draw(
        self, blobs: Blobs, listed: list[dict[str, Any]], origin: tuple[int, int], mask: NDArray[np.uint8] | None
    ) -> list[OverlayShape]:
        """Write `contour` and `contours` into the listed blobs and return the outlines as shapes, in image coordinates.

        `listed` has the bounding boxes of the first of `blobs` in their order; `origin` is the image place (x, y) of the mask's first
        pixel. `mask` is the mask itself where it holds little else than these blobs, each connected at corners too.
        """
        shapes: list[OverlayShape] = []
        points_left = MAX_POINTS
        for blob, outline in zip(listed, self._traced(blobs, listed[:MAX_OUTLINES], origin, mask), strict=False):
            points = self._simple(outline)
            points_left -= len(points)
            if points_left < 0:
                break
            blob["contour"] = corners = points.tolist()
            blob["contours"] = [corners]
            shapes.append(built(Polygon, shape="polygon", points=tuple([(float(x), float(y)) for x, y in corners])))
        return shapes

    def _traced(
        self, blobs: Blobs, listed: list[dict[str, Any]], origin: tuple[int, int], mask: NDArray[np.uint8] | None
    ) -> Iterator[NDArray[Any]]:
        """Yield the outline (n, 1, 2) of each blob: from the mask where nothing else lies in its box, else painted alone."""
        own: list[Runs] = []
        for number, blob in enumerate(listed):
            x, y, w, h = blob["bounding_box"]
            left, top = x - origin[0], y - origin[1]
            seen: NDArray[Any] | None = None
            if mask is not None:
                found, _ = self._found(mask[top : top + h, left : left + w], x, y)
                if len(found) == 1:
                    yield found[0]
                    continue
            if blobs.picture is not None:
                if w * h > MOST_NOISE:
                    yield np.array([[(x, y)], [(x + w - 1, y)], [(x + w - 1, y + h - 1)], [(x, y + h - 1)]], np.int32)
                    continue
                label = blobs.numbers[number]
                seen = (blobs.picture.labels[top : top + h, left : left + w] == label).view(np.uint8)
            else:
                own = own or _apart(blobs, len(listed))
                seen = _painted(own[number], (left, top, w, h))
            found, _ = self._found(seen, x, y)
            # One connected blob has one outer outline; the approximating chains may lose a speck's altogether.
            yield max(found, key=len) if found else np.array([[(x, y)]], np.int32)

    def _found(self, mask: NDArray[Any], x: int, y: int) -> Any:
        return cv2.findContours(mask, cv2.RETR_EXTERNAL, self._chain, offset=(x, y))

    def _simple(self, outline: NDArray[Any]) -> NDArray[Any]:
        """Return an outline's points (n, 2) within the tolerance and the number allowed."""
        if self._epsilon_ratio > 0 and len(outline) > 3:
            outline = cv2.approxPolyDP(outline, self._epsilon_ratio * cv2.arcLength(outline, True), True)
        points = outline.reshape(-1, 2)
        if len(points) > self._max_points:
            points = points[np.linspace(0, len(points) - 1, self._max_points).astype(int)]
        return points


def _apart(blobs: Blobs, count: int) -> list[Runs]:
    """Return the runs of each of the first `count` blobs."""
    mine = np.flatnonzero(blobs.labels < count)
    mine = mine[np.argsort(blobs.labels[mine], kind="stable")]
    ends = np.searchsorted(blobs.labels[mine], np.arange(count), "right").tolist()
    return [blobs.runs.only(mine[first:past]) for first, past in zip([0, *ends], ends, strict=False)]


def _painted(runs: Runs, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return runs as a mask (h, w) of their bounding box left, top, w, h."""
    left, top, w, h = box
    rows, columns = runs.places()
    edges = np.empty(2 * len(rows) + 2, np.int64)
    edges[0], edges[-1] = 0, w * h
    edges[1:-1:2] = (rows - top) * w + columns - left
    edges[2:-1:2] = edges[1:-1:2] + runs.lengths
    stretches = edges[1:] - edges[:-1]
    return np.repeat(np.arange(len(stretches), dtype=np.uint8) & 1, stretches).reshape(h, w)
