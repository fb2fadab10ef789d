"""Measures of small blobs, from the ellipse fitted to each."""

from __future__ import annotations

import numpy as np

from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.measures import Levels, Refined
from analyticlens.engine.blobs.near import Near
from analyticlens.engine.blobs.runs import Ints
from analyticlens.engine.blobs.small import Ellipses, Samples, fit_ellipses, perimeter_of

# Pixels up to so far from the rim are fitted.
REACH = 6.0
PART = 20
# The ellipse is believed where it leaves no more than this share of the contrast, or so many times the noise, unexplained.
UNLIKE, UNLIKELY = 0.03, 1.5


def fitted(result: Refined, small: Ints, near: Near, levels: Levels, stride: int) -> Refined:
    """Return the measures with those of the `small` blobs (ascending numbers) replaced by their ellipses', where they are ellipses."""
    mine = near.only(np.isin(near.labels, small) & (near.away <= REACH))
    mine = mine.only(np.argsort(mine.labels, kind="stable"))
    number = np.searchsorted(small, mine.labels)
    row = mine.pixels // stride
    samples = Samples((mine.pixels - row * stride).astype(np.float64), row.astype(np.float64), mine.grey, number)
    ellipses = _in_parts(samples, _start(result, small, levels))
    contrast = np.abs(ellipses.inside - ellipses.outside)
    like = ellipses.rest <= np.maximum(UNLIKE * contrast, UNLIKELY * levels.noise[small])
    like &= np.hypot(ellipses.x - result.x[small], ellipses.y - result.y[small]) < 1 + ellipses.a
    return _replaced(result, small[like], Ellipses(*(part[like] for part in ellipses)))


def _in_parts(samples: Samples, start: Floats) -> Ellipses:
    """Return all ellipses, some at a time: what a few of them need stays in the processor's cache."""
    parts = []
    for first in range(0, len(start), PART):
        past = min(first + PART, len(start))
        low, high = np.searchsorted(samples.labels, (first, past)).tolist()
        own = Samples(
            samples.x[low:high], samples.y[low:high], samples.grey[low:high], samples.labels[low:high] - first
        )
        parts.append(fit_ellipses(own, start[first:past], past - first))
    return Ellipses(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _start(result: Refined, small: Ints, levels: Levels) -> Floats:
    """Return rough parameters (k, 8) for the fit."""
    start = np.zeros((len(small), 8))
    radius = np.sqrt(np.maximum(result.area[small], 1.0) / np.pi)
    start[:, 0], start[:, 1], start[:, 2] = result.x[small], result.y[small], np.log(radius)
    spread, skew = result.xx[small] - result.yy[small], 2 * result.xy[small]
    # Of an ellipse the variances' difference over their sum is the stretch's hyperbolic tangent.
    total = np.maximum(result.xx[small] + result.yy[small], 1e-6)
    size = np.minimum(np.hypot(spread, skew) / total, 0.8)
    angle = np.arctan2(skew, spread)
    start[:, 3], start[:, 4] = np.arctanh(size) / 2 * np.cos(angle), np.arctanh(size) / 2 * np.sin(angle)
    start[:, 5] = np.log(np.clip(result.blur[small], 0.5, 1.5))
    start[:, 7] = levels.ground[small]
    start[:, 6] = levels.ground[small] + levels.contrast[small]
    return start


def _replaced(result: Refined, which: Ints, found: Ellipses) -> Refined:
    cos, sin = np.cos(np.radians(found.angle_deg)), np.sin(np.radians(found.angle_deg))
    long, short = found.a**2 / 4, found.b**2 / 4
    area, perimeter = np.pi * found.a * found.b, perimeter_of(found.a, found.b)
    new = {
        "area": area,
        "x": found.x,
        "y": found.y,
        "xx": long * cos**2 + short * sin**2,
        "xy": (long - short) * sin * cos,
        "yy": long * sin**2 + short * cos**2,
        "blur": found.blur,
        "area_sigma": 2 * area * found.rest * np.sqrt(found.cov[:, 2, 2]),
        "position_sigma": found.rest * np.sqrt((found.cov[:, 0, 0] + found.cov[:, 1, 1]) / 2),
        "perimeter": perimeter,
        "circularity": 4 * np.pi * area / perimeter**2,
    }
    changed = {}
    for name, values in new.items():
        changed[name] = getattr(result, name).copy()
        changed[name][which] = values
    return result._replace(**changed)
