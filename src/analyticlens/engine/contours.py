"""Where the grey values of a region change: their slope, the edges by it, and the contours these make."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers

# OpenCV's Canny takes slopes as 16-bit whole numbers, and compares the squares of two such in 32 bits.
STEEPEST = 23_000
# The median of the slopes of pure noise, in standard deviations of one of their two parts (Rayleigh's distribution).
RAYLEIGH_MEDIAN = math.sqrt(2 * math.log(2))
# Noise is estimated from at most about so many pixels.
SAMPLED = 1 << 16
# Rounding to whole grey levels alone makes slopes of this size.
FLATTEST = 2.0
# Lengths of a step along a row or column and of a slanting one, unbiased for lines of any direction: Z. Kulpa, "Area and perimeter
# measurement of blobs in discrete binary pictures", Computer Graphics and Image Processing 6, 1977.
STRAIGHT, SLANTED = 0.948, 1.343

# Continuing a curved region beyond its rim takes so long at most, a million pixels of its bounding rectangle.
CONTINUED_MS = 9.0


class Slopes(NamedTuple):
    """Grey levels a pixel (h, w) float32: across (to the right), down, and their size."""

    across: NDArray[np.float32]
    down: NDArray[np.float32]
    size: NDArray[np.float32]


class Contours(NamedTuple):
    """What is connected in an edge picture, numbered from 0: lengths in pixels, places in it (x, y, w, h), and labels (h, w) from 1.

    `pixels` are the flat indices of all edge pixels, `owners` the number of each one's contour.
    """

    lengths: NDArray[np.float64]
    boxes: NDArray[Any]
    labels: NDArray[np.int32]
    pixels: NDArray[np.int64]
    owners: NDArray[np.int64]


def continued(grey: NDArray[Any], mask: NDArray[np.uint8] | None, reach: int, buffers: Buffers) -> NDArray[Any]:
    """Return grey (h, w), uint8 or uint16, with the mean of the region's own nearby pixels wherever its mask is 0.

    What looks `reach` pixels about itself then sees nothing of what lies beside a curved region, nor a step at its rim. No mask: grey.
    """
    if mask is None:
        return grey
    own, held, near = (buffers.take(name, grey.shape, np.float32) for name in ("own", "held", "near"))
    np.minimum(mask, 1, out=held)
    np.multiply(grey, held, out=own)
    size = (2 * reach + 1, 2 * reach + 1)
    cv2.boxFilter(own, cv2.CV_32F, size, dst=near, borderType=cv2.BORDER_CONSTANT)
    cv2.boxFilter(held, cv2.CV_32F, size, dst=own, borderType=cv2.BORDER_CONSTANT)
    # Beyond reach there is nothing to continue, and nobody looks.
    np.maximum(own, np.float32(1e-6), out=own)
    np.divide(near, own, out=near)
    out = buffers.take("continued", grey.shape, grey.dtype)
    np.rint(near, out=near)
    np.copyto(out, near, casting="unsafe")
    cv2.copyTo(grey, mask, out)
    return out


def slopes(grey: NDArray[Any], ksize: int, sigma: float, buffers: Buffers) -> Slopes:
    """Return the slopes of grey (h, w), uint8 or uint16, after a Gaussian of that kernel; the border is continued by its own pixels."""
    exact, across, down, size = (
        buffers.take(name, grey.shape, np.float32) for name in ("exact", "across", "down", "steepness")
    )
    np.copyto(exact, grey)
    if ksize > 1:
        cv2.GaussianBlur(exact, (ksize, ksize), sigma, dst=size, borderType=cv2.BORDER_REPLICATE)
        exact, size = size, exact
    cv2.Sobel(exact, cv2.CV_32F, 1, 0, dst=across, ksize=3, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    cv2.Sobel(exact, cv2.CV_32F, 0, 1, dst=down, ksize=3, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    cv2.magnitude(across, down, magnitude=size)
    return Slopes(across, down, size)


def noise_slope(size: NDArray[np.float32], mask: NDArray[Any] | None) -> float:
    """Return the standard deviation of one part of the slope where there is no edge; right while less than half of the region is edge."""
    step = max(1, math.isqrt(size.size // SAMPLED))
    sample = size[::step, ::step]
    chosen = sample if mask is None else sample[mask[::step, ::step] > 0]
    return float(np.median(chosen)) / RAYLEIGH_MEDIAN if chosen.size else 0.0


def thin_edges(found: Slopes, low: float, high: float, buffers: Buffers) -> NDArray[np.uint8]:
    """Return Canny's edges (h, w), 255 or 0, of slopes of any depth: ridges down to `low` that somewhere reach `high`."""
    edges = buffers.take("edges", found.size.shape, np.uint8)
    steepest = max(abs(value) for part in found[:2] for value in cv2.minMaxLoc(part)[:2])
    if steepest <= 0 or high > steepest * math.sqrt(2):
        edges[:] = 0
        return edges
    scale = STEEPEST / steepest
    scaled = buffers.take("above", edges.shape, np.float32)
    across, down = (buffers.take(name, edges.shape, np.int16) for name in ("across", "down"))
    for slope, whole in ((found.across, across), (found.down, down)):
        np.rint(np.multiply(slope, np.float32(scale), out=scaled), out=scaled)
        np.copyto(whole, scaled, casting="unsafe")
    cv2.Canny(across, down, low * scale, high * scale, edges=edges, L2gradient=True)
    return edges


def contours(edges: NDArray[np.uint8], thin: bool, buffers: Buffers) -> Contours:
    """Return what is 8-connected in an edge picture (h, w).

    The length of thin edges is that of their chain of pixels, of others the diagonal of their box.
    """
    height, width = edges.shape
    # A rim of one pixel, so that every edge pixel has all its neighbours.
    padded = buffers.take("rimmed", (height + 2, width + 2), np.uint8)
    padded[[0, -1]] = 0
    padded[:, [0, -1]] = 0
    padded[1:-1, 1:-1] = edges
    labels = buffers.take("labels", padded.shape, np.int32)
    count, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
        padded, 8, cv2.CV_32S, cv2.CCL_BBDT, labels=labels
    )
    places = np.flatnonzero(padded)
    owners = labels.ravel()[places].astype(np.int64) - 1
    boxes = stats[1:, :4]
    diagonals = np.hypot(boxes[:, 2], boxes[:, 3])
    lengths = _chain_lengths(padded.ravel(), width + 2, places, owners, count - 1) if thin else diagonals
    pixels = (places // (width + 2) - 1) * width + places % (width + 2) - 1
    return Contours(lengths, boxes - (1, 1, 0, 0), labels[1:-1, 1:-1], pixels, owners)


def _chain_lengths(
    on: NDArray[np.uint8], width: int, places: NDArray[np.int64], owners: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """Return the length of each contour; `on` is the flat edge picture with its rim, and is spent."""
    # The corner of a step from row to row is no part of a slanting line: without it the chain still holds.
    for along in (1, -1):
        for down in (width, -width):
            joined = (on[places + along] > 0) & (on[places + down] > 0)
            alone = (on[places - along] | on[places - down] | on[places - along - down]) == 0
            on[places[joined & alone]] = 0
    kept = on[places] > 0
    places, owners = places[kept], owners[kept]
    right, below = on[places + 1] > 0, on[places + width] > 0
    slanted_right = (on[places + width + 1] > 0) & ~right & ~below
    slanted_left = (on[places + width - 1] > 0) & ~below & (on[places - 1] == 0)
    straight, slanted = right.astype(np.int8) + below, slanted_right.astype(np.int8) + slanted_left
    return np.bincount(owners, STRAIGHT * straight + SLANTED * slanted, minlength=count).astype(np.float64)
