"""What lies about a rim: how blurred it is, how far from it nothing else is, and which of its rays are to be believed."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.rays import Sector, Unrolled, spread
from analyticlens.engine.roundfit import Round

Floats = NDArray[np.float64]

# Pixels this near to the rim are fitted, unless something else is nearer.
BAND = 9.0
# Another edge is one whose slope is at least this share of the rim's, past where that has fallen to half of this share, and, on one
# ray, so many standard deviations of the noise.
OTHER = 0.2
SURE = 6.0
# Fewer samples than these away from the rim say nothing about the noise.
FEWEST_SAMPLES = 50
SHARPEST = 0.4


class Surroundings(NamedTuple):
    """What lies about a rim: its `blur` (roughly, in pixels), and how far `inner` and `outer` of it (rays) nothing else is, in pixels.

    `stands_out` tells whether its edges are steeper than what is away from it, as noise of any grain goes.
    """

    blur: float
    inner: Floats
    outer: Floats
    stands_out: bool


def surroundings(unrolled: Unrolled, circle: Round, sector: Sector, min_snr: float, buffers: Buffers) -> Surroundings:
    """Return what lies about a circle, at most BAND pixels from it on the rays of a sector that hold to it."""
    step = float(unrolled.radii[1] - unrolled.radii[0])
    reach = math.ceil(BAND / step)
    signed, inside = _beside(unrolled, circle, sector, reach, buffers)
    slopes = np.abs(signed)
    mean = slopes.sum(axis=0) / np.maximum(inside.sum(axis=0), 1)
    peak = float(mean[reach])
    low = _valley(mean[reach::-1], peak), _valley(mean[reach:], peak)
    area = float(mean[reach - low[0] : reach + low[1] + 1].sum()) * step
    wide = area / (math.sqrt(2 * math.pi) * peak) if peak > 0 else 0.0
    blur = math.sqrt(max(wide**2 - unrolled.sigma**2, SHARPEST**2))
    # Other rims about the same centre are in the mean; what differs from ray to ray is noise.
    away = np.r_[0 : max(0, reach - low[0]), reach + low[1] + 1 : 2 * reach + 1]
    known = inside[:, away]
    count = np.maximum(known.sum(axis=0), 1).astype(np.float32)
    apart = signed[:, away] - signed[:, away].sum(axis=0) / count
    noise = spread(apart[known]) if np.count_nonzero(known) >= FEWEST_SAMPLES else 0.0
    least = max(OTHER * peak, SURE * unrolled.noise)
    inner, outer = np.full(len(circle.holds), BAND), np.full(len(circle.holds), BAND)
    inner[circle.holds] = _free(slopes[:, reach::-1], mean[reach::-1], low[0], least, peak) * step
    outer[circle.holds] = _free(slopes[:, reach:], mean[reach:], low[1], least, peak) * step
    return Surroundings(blur, inner, outer, peak >= min_snr * max(noise, unrolled.noise))


def _beside(
    unrolled: Unrolled, circle: Round, sector: Sector, reach: int, buffers: Buffers
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the slopes outwards (rays that hold, 2 reach + 1) about the circle, 0 beyond the region, and where they are known."""
    step = unrolled.radii[1] - unrolled.radii[0]
    dx, dy = circle.x - sector.x, circle.y - sector.y
    cos, sin = np.cos(unrolled.angles[circle.holds]), np.sin(unrolled.angles[circle.holds])
    # Where each ray meets the rim.
    meets = dx * cos + dy * sin + np.sqrt(np.maximum(circle.r**2 - np.square(dx * sin - dy * cos), 0))
    meets = meets + circle.waves[circle.holds]
    at = np.rint((meets - unrolled.radii[0]) / step)
    shape = (len(at), 2 * reach + 1)
    across, down, slopes = (buffers.take(f"rim {name}", shape, np.float32) for name in ("x", "y", "slopes"))
    np.add(at[:, None], np.arange(-reach, reach + 1), out=across, casting="same_kind")
    down[:] = np.flatnonzero(circle.holds)[:, None]
    cv2.remap(
        unrolled.gradient, across, down, cv2.INTER_NEAREST, dst=slopes, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return slopes, (across >= 0) & (across < unrolled.gradient.shape[1])


def _valley(mean: NDArray[Any], peak: float) -> int:
    """Return how many samples from a peak outwards its slope has fallen away."""
    fallen = np.flatnonzero(mean < OTHER * peak / 2)
    return int(fallen[0]) if len(fallen) else int(np.argmin(mean))


def _free(slopes: NDArray[Any], mean: NDArray[Any], low: int, least: float, peak: float) -> Floats:
    """Return how many samples from the rim outwards (rays) lie before half-way to the next edge: one of the mean, or of the ray itself."""
    other = (slopes[:, low:] > least) | (mean[low:] > OTHER * peak)
    first = np.where(other.any(axis=1), np.argmax(other, axis=1) / 2, slopes.shape[1])
    return np.asarray(np.maximum(2.0, low + first))


def believed(holds: NDArray[np.bool_], stretch: float, reach: float, sector: Sector) -> NDArray[np.bool_]:
    """Return which rays (n) are believed: those that hold, less what is within `reach` of a stretch at least so long that does not.

    Both are in radians. A shorter stretch is a few edges missed in noise, and says nothing about those beside it.
    """
    lost = ~holds
    if not lost.any():
        return holds
    spread = math.radians(sector.sweep) / len(holds)
    length, beside = max(2, math.ceil(stretch / spread)), max(1, math.ceil(reach / spread))
    pad = min(len(lost), beside + length)
    ends = (lost[-pad:], lost[:pad]) if sector.sweep >= 360 else (np.zeros(pad, bool), np.zeros(pad, bool))
    line = np.concatenate((ends[0], lost, ends[1])).astype(np.uint8)[None]
    # What is left after wearing away and growing again are the long stretches.
    long = cv2.morphologyEx(line, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    wide = cv2.dilate(long, np.ones((1, 2 * beside + 1), np.uint8))
    lost = np.asarray(wide)[0].astype(bool) | (line[0] > 0)
    return np.asarray(~lost[pad : line.shape[1] - pad])
