"""The least standard deviation any unbiased method can have (Cramer-Rao), for edges and for whatever can be rendered.

An edge of contrast C, blurred by the optics (psf) and by the pixel itself, in white noise C / snr: the Fisher information of its
place is the integral of its slope squared over the noise's variance, which for a Gaussian slope is closed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

# Rounding to whole grey levels is noise of this size, in grey levels.
ROUNDING = 1 / math.sqrt(12)


def effective_snr(snr: float | None, contrast: float = 120.0, levels_per_dn: float = 1.0) -> float:
    """Return contrast over the noise's and the rounding's standard deviation; snr None is rounding alone.

    `levels_per_dn` is 16 for a camera of 12 bits.

    >>> round(effective_snr(None))
    416
    """
    noise = 0.0 if snr is None else contrast / snr
    return contrast / math.hypot(noise, ROUNDING / levels_per_dn)


def one_pixel(psf: float, snr: float) -> float:
    """Return the bound of an edge's place from one pixel's width of it, in pixels."""
    return math.sqrt(2 * math.sqrt(math.pi) * math.sqrt(psf**2 + 1 / 12)) / snr


def edge_place(width: float, psf: float, snr: float) -> float:
    """Return the bound of a straight edge's place, seen over `width` pixels of it, in pixels.

    >>> round(edge_place(20, 1.0, 40), 4)
    0.0107
    """
    return one_pixel(psf, snr) / math.sqrt(width)


def edge_pair(width: float, psf: float, snr: float) -> float:
    """Return the bound of the distance of two parallel edges far enough apart, each seen over `width` pixels, in pixels."""
    return math.sqrt(2) * edge_place(width, psf, snr)


def line_angle(length: float, psf: float, snr: float) -> float:
    """Return the bound of the direction of a straight edge seen over `length` pixels, in degrees."""
    return math.degrees(one_pixel(psf, snr) * math.sqrt(12 / length**3))


def circle_centre(radius: float, psf: float, snr: float, share: float = 1.0) -> float:
    """Return the bound of a circle's centre along one axis, in pixels, `share` of the rim being seen evenly round it."""
    return one_pixel(psf, snr) * math.sqrt(2 / (2 * math.pi * radius * share))


def circle_radius(radius: float, psf: float, snr: float, share: float = 1.0) -> float:
    """Return the bound of a circle's radius, in pixels."""
    return one_pixel(psf, snr) / math.sqrt(2 * math.pi * radius * share)


def disc_area(radius: float, psf: float, snr: float) -> float:
    """Return the bound of a disc's area, in square pixels."""
    return one_pixel(psf, snr) * math.sqrt(2 * math.pi * radius)


def fisher(
    rendered: Callable[..., NDArray[np.float64]], truth: Sequence[float], steps: Sequence[float], noise: float
) -> NDArray[np.float64]:
    """Return the bounds of all parameters of a rendered picture, in their units, each not knowing the others.

    `rendered(*parameters)` is the exact picture; it is differentiated at `truth` by central differences of `steps`. `noise` is the
    standard deviation of the camera's noise in grey levels.
    """
    slopes = []
    for index, step in enumerate(steps):
        up, down = list(truth), list(truth)
        up[index] += step
        down[index] -= step
        slopes.append(((rendered(*up) - rendered(*down)) / (2 * step)).ravel())
    slope = np.stack(slopes)
    bounds: NDArray[np.float64] = noise * np.sqrt(np.diag(np.linalg.inv(slope @ slope.T)))
    return bounds
