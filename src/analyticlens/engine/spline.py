"""Values of a picture between its pixels, by cubic B-splines: no coordinate is rounded, whatever OpenCV's version does.

Source of the method: Unser, Aldroubi and Eden, "B-spline signal processing" (1993); the prefilter's impulse response is cut where it
has fallen below 1e-5.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

POLE = math.sqrt(3) - 2
RADIUS = 9
PREFILTER = np.array([math.sqrt(3) * POLE ** abs(k) for k in range(-RADIUS, RADIUS + 1)], np.float32)
# Half way between two pixels the spline is these shares of the coefficients about it.
HALFWAY = np.array([1, 23, 23, 1], np.float32) / 48
# A point needs the coefficients of one pixel before it and two after it.
BEFORE, AFTER = 1, 2


class Spline:
    """A part of a picture made ready for sampling: columns x0 to x1 - 1 and rows y0 to y1 - 1 of grey (H, W).

    Beyond the picture its rim is continued. Points outside the part take the value of its nearest pixel. `smooth` is the standard
    deviation, in pixels, of a Gaussian that the picture is smoothed by first (0: none).
    """

    def __init__(self, grey: NDArray[Any], x0: int, y0: int, x1: int, y1: int, smooth: float = 0.0) -> None:
        height, width = grey.shape
        left, top = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
        right, bottom = max(min(x1, width), left + 1), max(min(y1, height), top + 1)
        inner = grey[top:bottom, left:right].astype(np.float32)
        pad = (BEFORE + max(0, top - y0), AFTER + max(0, y1 - bottom), BEFORE + max(0, left - x0))
        padded = cv2.copyMakeBorder(inner, *pad, AFTER + max(0, x1 - right), cv2.BORDER_REPLICATE)
        kernel = PREFILTER if smooth == 0 else np.convolve(PREFILTER, gaussian(smooth))
        self._coefficients = cv2.sepFilter2D(padded, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
        self._origin = (left - pad[2], top - pad[0])

    def at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values at places x, y (both of one shape), in the picture's own levels."""
        rows, columns = self._coefficients.shape
        u, v = x - self._origin[0], y - self._origin[1]
        np.clip(u, BEFORE, columns - AFTER - 1e-6, out=u)
        np.clip(v, BEFORE, rows - AFTER - 1e-6, out=v)
        i, j = u.astype(np.intp), v.astype(np.intp)
        across, down = _weights(u - i), _weights(v - j)
        flat = self._coefficients.ravel()
        corner = (j - BEFORE) * columns + (i - BEFORE)
        total = np.zeros(x.shape)
        for row in range(4):
            line = np.zeros(x.shape)
            for column in range(4):
                line += across[column] * flat.take(corner + (row * columns + column))
            total += down[row] * line
        return total


def halfway_kernel() -> NDArray[np.float32]:
    """Return the weights of pixels -(RADIUS + 2) to RADIUS + 2 for the spline's value half a pixel after pixel 0."""
    reach = RADIUS + 2
    weights = np.zeros(2 * reach + 1, np.float32)
    for share, place in zip(HALFWAY, range(-1, 3), strict=True):
        weights[reach + place - RADIUS : reach + place + RADIUS + 1] += share * PREFILTER
    return weights


def doubled(part: NDArray[np.float32], out: NDArray[np.float32]) -> NDArray[np.float32]:
    """Write a picture part (h, w) at twice its size into out (2 h, 2 w) and return it: pixel (x, y) becomes (2 x, 2 y).

    Between the pixels stand the spline's values; linear sampling of the result is then nearly the spline itself, whereas OpenCV's own
    cubic sampling moves a slope by up to 0.05 px.
    """
    kernel, one = halfway_kernel(), np.ones(1, np.float32)
    out[::2, ::2] = part
    for rows, columns, across, down in ((0, 1, kernel, one), (1, 0, one, kernel), (1, 1, kernel, kernel)):
        out[rows::2, columns::2] = cv2.sepFilter2D(part, cv2.CV_32F, across, down, borderType=cv2.BORDER_REPLICATE)
    return out


def gaussian(sigma: float) -> NDArray[np.float32]:
    """Return the weights of a Gaussian of a standard deviation in pixels, out to four of them; their sum is 1."""
    reach = math.ceil(4 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)


def _weights(t: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return the cubic B-spline at t + 1, t, 1 - t and 2 - t, for 0 <= t < 1."""
    s = 1 - t
    squared, other = t * t, s * s
    return other * s / 6, (4 - 6 * squared + 3 * squared * t) / 6, (4 - 6 * other + 3 * other * s) / 6, squared * t / 6
