"""How noisy a picture is, told from the picture itself."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# The median of the absolute values of normal noise, in standard deviations.
MEDIAN = 0.6745
# Neighbours one pixel apart are told apart by this mask, whose weights have a root sum of squares of 6.
NORM = 6.0


def noise_of(values: NDArray[np.float32], stride: int = 1) -> float:
    """Return the standard deviation of a picture's (h, w) own noise, from its second differences: the median passes over edges.

    Only every `stride`-th row is looked at. Source of the differences: Immerkaer, "Fast noise variance estimation" (1996).
    """
    above, middle, below = values[:-2:stride], values[1:-1:stride], values[2::stride]
    if middle.size == 0 or values.shape[1] < 3:
        return 0.0
    bends = above[:, :-2] + above[:, 2:] + below[:, :-2] + below[:, 2:] + 4 * middle[:, 1:-1]
    bends = bends - 2 * (above[:, 1:-1] + below[:, 1:-1] + middle[:, :-2] + middle[:, 2:])
    return float(np.median(np.abs(bends))) / MEDIAN / NORM


# Sixth differences of independent noise of 1 have this root mean square; they see what is finer than about three pixels.
SIXTH = np.array([1.0, -6.0, 15.0, -20.0, 15.0, -6.0, 1.0], np.float32)
LOCAL = 9
# The quietest of so many neighbourhoods tells the noise: its mean square lies below that of all by about this share.
QUIET, QUIETER = 0.05, 0.45


def fine_detail(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Return the root mean square about each pixel (h, w) of what is too fine to be sampled between pixels, and the noise, which is in it.

    The noise is what is finest both ways in the quietest parts: where a picture is sharp and has texture everywhere, the two are not told
    apart.
    """
    kernel, one = SIXTH / np.sqrt(np.square(SIXTH).sum()), np.ones(1, np.float32)
    across, down, both = (_power(values, *kernels) for kernels in ((kernel, one), (one, kernel), (kernel, kernel)))
    noise = float(np.sqrt(np.quantile(both, QUIET) / QUIETER))
    return np.asarray(np.sqrt(np.maximum(across, down)), np.float32), min(noise, noise_of(values))


def _power(values: NDArray[np.float32], across: NDArray[np.float32], down: NDArray[np.float32]) -> NDArray[np.float32]:
    border = cv2.BORDER_REFLECT_101
    fine = cv2.sepFilter2D(values, cv2.CV_32F, across, down, borderType=border)
    return np.asarray(cv2.blur(fine * fine, (LOCAL, LOCAL), borderType=border), np.float32)
