"""Edges along rays from a centre: the grey picture unrolled about it, its derivative outwards, and the peaks of that on each ray.

Rays lie about a pixel apart half-way out and are sampled every half pixel (a parabola through samples a pixel apart is wrong by up to
0.05 px). What counts as an edge is told by the noise of the picture itself, unless a least contrast is asked for.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.regions import Window

Floats = NDArray[np.float64]

STEP = 0.5
FEWEST, MOST = 24, 1440
# Neighbouring rays are averaged by a Gaussian of so many rays: on the unrolled picture a circle is straight.
ACROSS = 1.5
# The weakest gradient that is an edge, in grey levels a pixel: rounding alone makes smaller ones.
FLOOR = 0.75
# Edges kept on one ray.
PER_RAY = 8
# Extrema this many samples from an end of a ray, or from what is left out, are the border's.
MARGIN = 2
# The lower quartile of the absolute values of normal noise, in standard deviations.
QUARTILE = 0.3186
# Noise is told from about so many samples.
ENOUGH = 20_000
# The variance of the second difference, a pixel apart, of samples interpolated from pixels of independent noise 1.
BEND = 1.78


class Sector(NamedTuple):
    """Where rays go: from (x, y) between two distances, from direction `start` on for `sweep` degrees."""

    x: float
    y: float
    inner: float
    outer: float
    start: float = 0.0
    sweep: float = 360.0


class Unrolled(NamedTuple):
    """The gradient outwards (rays, samples) in grey levels a pixel, and where its rays and samples lie.

    `angles` (rays) are directions in radians, `radii` (samples) distances from the centre; `sound` (rays, samples) tells which samples
    belong to the region (None: all); `noise` is the standard deviation of the gradient where nothing is but noise of a fine grain, and
    `sigma` what it was smoothed by, in pixels.
    """

    gradient: NDArray[np.float32]
    angles: Floats
    radii: Floats
    sound: NDArray[np.bool_] | None
    noise: float
    sigma: float


class Edges(NamedTuple):
    """Edges by ray: distance and gradient (rays, at most PER_RAY), nan and 0 where a ray has no more, in order outwards."""

    radii: Floats
    strength: Floats


def ray_count(sector: Sector) -> int:
    """Return how many rays a sector has."""
    length = math.radians(sector.sweep) * (sector.inner + sector.outer) / 2
    return min(MOST, max(FEWEST, round(length)))


def sample_count(sector: Sector) -> int:
    """Return how many samples each ray of a sector has."""
    return max(2, math.ceil((sector.outer - sector.inner) / STEP)) + 1


def unroll(grey: NDArray[Any], window: Window, sector: Sector, sigma: float, buffers: Buffers) -> Unrolled:
    """Return the gradient of grey (H, W) outwards along the rays of a sector, smoothed by `sigma` pixels along them.

    `window` holds the sector's pixels that count. Where its mask leaves some out, or the picture ends, samples are not sound.
    """
    rays, samples = ray_count(sector), sample_count(sector)
    around = sector.sweep >= 360
    angles = np.radians(sector.start) + (np.arange(rays) + 0.5) * (math.radians(sector.sweep) / rays)
    radii = np.linspace(sector.inner, sector.outer, samples)
    crop = buffers.take("rays crop", window.shape, np.float32)
    np.copyto(crop, window.of(grey))
    across = buffers.take("rays x", (rays, samples), np.float32)
    down = buffers.take("rays y", (rays, samples), np.float32)
    np.multiply(np.cos(angles)[:, None], radii, out=across, casting="same_kind")
    np.multiply(np.sin(angles)[:, None], radii, out=down, casting="same_kind")
    across += sector.x - window.x0
    down += sector.y - window.y0
    light = buffers.take("rays light", (rays, samples), np.float32)
    cv2.remap(crop, across, down, cv2.INTER_LINEAR, dst=light, borderMode=cv2.BORDER_REPLICATE)
    sound = None if window.mask is None else _sound(window.mask, across, down, buffers)
    gradient, gain = _derived(light, radii[1] - radii[0], sigma, around, buffers)
    return Unrolled(gradient, angles, radii, sound, _noise(light, gain), sigma)


def _sound(mask: NDArray[Any], across: NDArray[Any], down: NDArray[Any], buffers: Buffers) -> NDArray[np.bool_]:
    hit = buffers.take("rays sound", across.shape, np.uint8)
    cv2.remap(mask, across, down, cv2.INTER_NEAREST, dst=hit, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    # The outermost samples lie on the region's own rim, where the nearest pixel may not belong to it.
    hit[:, :MARGIN], hit[:, -MARGIN:] = hit[:, MARGIN : MARGIN + 1], hit[:, -MARGIN - 1 : -MARGIN]
    worn = cv2.erode(hit, np.ones((1, 2 * MARGIN + 1), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(worn > 0)


def _derived(
    light: NDArray[np.float32], step: float, sigma: float, around: bool, buffers: Buffers
) -> tuple[NDArray[np.float32], float]:
    """Return the derivative along the rows of light (rays, samples), and how much of a pixel's noise is left in it."""
    half = math.ceil(4 * sigma / step)
    at = np.arange(-half, half + 1) * step
    along = at * np.exp(-(at**2) / (2 * sigma**2))
    along /= float(along @ at)
    reach = math.ceil(3 * ACROSS)
    over = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * ACROSS**2))
    over /= float(over.sum())
    rays, samples = light.shape
    padded = buffers.take("rays padded", (rays + 2 * reach, samples), np.float32)
    padded[reach:-reach] = light
    padded[:reach] = light[-reach:] if around else light[:1]
    padded[-reach:] = light[:reach] if around else light[-1:]
    out = buffers.take("rays gradient", padded.shape, np.float32)
    cv2.sepFilter2D(padded, cv2.CV_32F, along, over, dst=out, borderType=cv2.BORDER_REPLICATE)
    gain = math.sqrt(float(along @ along) / step * float(over @ over))
    return out[reach:-reach], gain


def _noise(light: NDArray[np.float32], gain: float) -> float:
    """Return the standard deviation of the gradient's noise, from second differences of the light a pixel apart: they see no edges."""
    if light.shape[1] <= 4:
        return 0.0
    some = light[:: max(1, light.size // ENOUGH)]
    return spread(some[:, 4:] - 2 * some[:, 2:-2] + some[:, :-4]) / math.sqrt(BEND) * gain


def spread(values: NDArray[np.float32]) -> float:
    """Return the standard deviation of normal noise, told from the smallest quarter of its absolute values: the others may be edges."""
    flat = np.abs(values).ravel()
    quarter = len(flat) // 4
    return float(np.partition(flat, quarter)[quarter]) / QUARTILE


def edges(unrolled: Unrolled, sign: int, least: float, choose: str, buffers: Buffers) -> Edges:
    """Return the edges of one polarity, `sign` +1 for light growing outwards and -1 for falling, at least so steep.

    `choose` is "first" or "last" for one edge a ray, outwards, or anything else for all.
    """
    gradient = unrolled.gradient
    rays, samples = gradient.shape
    steep = buffers.take("rays steep", (rays, samples - 2), np.bool_)
    if sign > 0:
        np.greater_equal(gradient[:, 1:-1], least, out=steep)
    else:
        np.less_equal(gradient[:, 1:-1], -least, out=steep)
    if unrolled.sound is not None:
        steep &= unrolled.sound[:, 1:-1]
    steep[:, : MARGIN - 1] = False
    steep[:, samples - 2 - MARGIN + 1 :] = False
    ray, sample = np.nonzero(steep)
    low, top, high = (sign * gradient[ray, sample + i].astype(float) for i in (0, 1, 2))
    peak = (top > low) & (top >= high)
    ray, sample, low, top, high = (values[peak] for values in (ray, sample, low, top, high))
    first = np.searchsorted(ray, np.arange(rays + 1))
    # Counted from the centre, or from outside.
    column = first[ray + 1] - 1 - np.arange(len(ray)) if choose == "last" else np.arange(len(ray)) - first[ray]
    kept = column < (1 if choose in ("first", "last") else PER_RAY)
    ray, sample, low, top, high, column = (values[kept] for values in (ray, sample, low, top, high, column))
    bend = low - 2 * top + high
    offset = np.where(bend < 0, 0.5 * (low - high) / np.where(bend < 0, bend, -1.0), 0.0)
    places, strength = np.full((rays, PER_RAY), np.nan), np.zeros((rays, PER_RAY))
    places[ray, column] = unrolled.radii[0] + (sample + 1 + offset) * (unrolled.radii[1] - unrolled.radii[0])
    strength[ray, column] = top
    return Edges(places, strength)
