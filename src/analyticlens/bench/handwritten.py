"""The same work as somebody would write it by hand for one part: straight OpenCV calls, memory used again, nothing general.

It yields what the engine yields: count, areas, rounded centroids and boxes of the discs, the rims' places, and the verdict.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.scenes import CORNER, EDGE_LEAST, LEVEL, arrows, region


class Result(NamedTuple):
    """What was found: discs and rims (x, y), the area ratio, and whether the part is good."""

    areas: list[int]
    centroids: list[list[int]]
    boxes: list[list[int]]
    rims: list[tuple[float, float]]
    ratio: float
    good: bool


class Handwritten:
    """One part's inspection for pictures of one size."""

    def __init__(self, size: tuple[int, int], locates: int) -> None:
        width, height = size
        self._grey = np.empty((height, width), np.uint8)
        self._mask = np.empty(height * width, np.uint8)
        self._labels = np.empty(height * width, np.int32)
        self._arrows = arrows(size)[:locates]
        self._taught = [int(CORNER[0] * width) - 0.5, int(CORNER[1] * height) - 0.5]
        self._box = region(size) if locates else {"x": 0, "y": 0, "w": width, "h": height}
        at = np.arange(-9, 10) * 0.5
        kernel = np.exp(-((at - 1) ** 2) / 2.42) - np.exp(-((at + 1) ** 2) / 2.42)
        self._kernel = kernel / (kernel @ at)

    def __call__(self, frame: NDArray[np.uint8]) -> Result:
        """Inspect one picture (H, W, 3)."""
        cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY, dst=self._grey)
        rims, shift = [], [0.0, 0.0]
        for axis, arrow in enumerate(self._arrows):
            rim = self._rim(arrow, shift)
            shift[axis] += rim[axis] - self._taught[axis]
            rims.append(rim)
        x, y = math.ceil(self._box["x"] + shift[0] - 0.5), math.ceil(self._box["y"] + shift[1] - 0.5)
        w, h = self._box["w"], self._box["h"]
        part = self._grey[y : y + h, x : x + w]
        mask, labels = self._mask[: w * h].reshape(h, w), self._labels[: w * h].reshape(h, w)
        cv2.threshold(part, LEVEL - 1, 255, cv2.THRESH_BINARY, dst=mask)
        _, _, stats, centroids = cv2.connectedComponentsWithStatsWithAlgorithm(
            mask, 8, cv2.CV_32S, cv2.CCL_BBDT, labels=labels
        )
        kept = 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= 50)
        areas = stats[kept, cv2.CC_STAT_AREA].tolist()
        boxes = (stats[kept, :4] + np.array([x, y, 0, 0])).tolist()
        centres = np.rint(centroids[kept] + np.array([x, y])).astype(int).tolist()
        return Result(areas, centres, boxes, rims, sum(areas) / (w * h), len(areas) == 8)

    def _rim(self, arrow: dict[str, Any], shift: list[float]) -> tuple[float, float]:
        """Return the place of the strongest rise of light along an upright or level arrow, moved by the shift so far."""
        x0, y0 = arrow["p0"]["x"] + shift[0], arrow["p0"]["y"] + shift[1]
        x1, y1 = arrow["p1"]["x"] + shift[0], arrow["p1"]["y"] + shift[1]
        length = math.hypot(x1 - x0, y1 - y0)
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        left, top = int(min(x0, x1)) - 6, int(min(y0, y1)) - 6
        crop = self._grey[top : int(max(y0, y1)) + 7, left : int(max(x0, x1)) + 7].astype(np.float32)
        to_source = np.array([[ux / 2, -uy, x0 - left + 4 * uy], [uy / 2, ux, y0 - top - 4 * ux]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        band = cv2.warpAffine(crop, to_source, (int(2 * length) + 1, 9), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        profile = np.pad(band.mean(axis=0), 9, mode="edge")
        gradient = np.correlate(profile, self._kernel, "valid")
        peak = int(np.argmax(gradient))
        if gradient[peak] < EDGE_LEAST / 2 or not 0 < peak < len(gradient) - 1:
            return math.nan, math.nan
        low, high_, top_ = gradient[peak - 1], gradient[peak + 1], gradient[peak]
        t = (peak + 0.5 * (low - high_) / (low - 2 * top_ + high_)) / 2
        return x0 + t * ux, y0 + t * uy
