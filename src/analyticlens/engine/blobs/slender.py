"""The light of slender blurred ellipses: exact where that of a stretched disc (`small`) is not.

A blur that is the same in every direction is not so in the space where an ellipse is a disc. Here the light is summed over the strips that
lie across the longer axis, each a blurred band as broad as the ellipse is there, weighed by how much of it the blur brings along the axis
to a pixel. By the angle from the middle (place = a sin, half breadth = b cos) the sum is smooth up to the tips, and few strips do.
"""

from __future__ import annotations

import math

import numpy as np

from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.thin import below, density

# Strips up to so many blurs away bring light, and so many are summed.
REACH, STRIPS = 3.6, 9
NODES, WEIGHTS = np.polynomial.legendre.leggauss(STRIPS)


def light(along: Floats, across: Floats, long: Floats, short: Floats, blur: Floats) -> tuple[Floats, Floats]:
    """Return the light (k) of ellipses at places along and across their longer axis, for half axes and blurs (k), all in pixels, and its
    derivatives (5, k) by all five."""
    low, high = (np.arcsin(np.clip((along + side * REACH * blur) / long, -1, 1)) for side in (-1, 1))
    share, by = np.zeros(len(along)), np.zeros((5, len(along)))
    for node, weight in zip(NODES.tolist(), WEIGHTS.tolist(), strict=True):
        sine = np.sin(low + (high - low) * ((node + 1) / 2))
        cosine = np.sqrt(np.maximum(1 - sine * sine, 0.0))
        off = (along - long * sine) / blur
        brought = np.exp(-off * off / 2) * ((high - low) * (weight / 2 / math.sqrt(2 * math.pi)) * long * cosine / blur)
        half = short * cosine
        upper, lower = (half + across) / blur, (half - across) / blur
        band = below(upper) + below(lower) - 1
        rise, fall = density(upper), density(lower)
        broader = brought * (rise + fall) / blur
        share += brought * band
        by[0] -= brought * band * off / blur
        by[1] += brought * (rise - fall) / blur
        # Of the breadth at a place: short * place**2 / (long**3 * cosine) more for a longer ellipse.
        by[2] += broader * short * sine * sine / (long * np.maximum(cosine, 1e-9))
        by[3] += broader * cosine
        by[4] += brought * ((off * off - 1) * band - upper * rise - lower * fall) / blur
    return share, by
