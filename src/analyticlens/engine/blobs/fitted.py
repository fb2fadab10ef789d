"""Measures of small blobs, from the ellipse fitted to each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
# Ellipses longer than this by their breadth are fitted again as such, unless so many times more is unexplained than can be believed; of
# no more pixels than this, which is what there is time for. The others' areas are uncertain by so many times blur**2 / breadth**2.
SLENDER, HOPELESS, MOST_SLENDER, DOUBT = 1.25, 4.0, 5000, 0.45


def fitted(result: Refined, small: Ints, near: Near, levels: Levels, stride: int) -> Refined:
    """Return the measures with those of the `small` blobs (ascending numbers) replaced by their ellipses', where they are ellipses."""
    mine = near.only(np.isin(near.labels, small) & (near.away <= REACH))
    mine = mine.only(np.argsort(mine.labels, kind="stable"))
    number = np.searchsorted(small, mine.labels)
    row = mine.pixels // stride
    samples = Samples((mine.pixels - row * stride).astype(np.float64), row.astype(np.float64), mine.grey, number)
    ellipses = _in_parts(samples, _start(result, small, levels))
    noise = levels.noise[small]
    again = _slender(ellipses, number, HOPELESS * _believed(ellipses, noise))
    ellipses = _fitted_again(ellipses, samples, again)
    like = ellipses.rest <= _believed(ellipses, noise)
    like &= np.hypot(ellipses.x - result.x[small], ellipses.y - result.y[small]) < 1 + ellipses.a
    slim = 1 - ellipses.b / ellipses.a
    doubt = np.where(again | (slim < 1 - 1 / SLENDER), 0.0, DOUBT * slim * (ellipses.blur / ellipses.b) ** 2)
    return _replaced(result, small[like], Ellipses(*(part[like] for part in ellipses)), doubt[like])


def _believed(ellipses: Ellipses, noise: Floats) -> Floats:
    """Return how much each may leave unexplained, in grey levels."""
    return np.maximum(UNLIKE * np.abs(ellipses.inside - ellipses.outside), UNLIKELY * noise)


def _slender(ellipses: Ellipses, labels: Ints, most: Floats) -> NDArray[np.bool_]:
    """Return which of the ellipses are slender and leave at most so much (n) unexplained, as many as there is time for."""
    slender = (ellipses.a > SLENDER * ellipses.b) & (ellipses.rest <= most)
    costs = np.where(slender, np.bincount(labels, minlength=len(slender)), 0)
    return np.asarray(slender & (np.cumsum(costs) <= MOST_SLENDER))


def _fitted_again(ellipses: Ellipses, samples: Samples, again: NDArray[np.bool_]) -> Ellipses:
    """Return the ellipses with those to be fitted `again` (n) as slender ones."""
    if not again.any():
        return ellipses
    size = np.log(ellipses.a / ellipses.b) / 2
    angle = 2 * np.radians(ellipses.angle_deg)
    start = np.column_stack(
        (
            ellipses.x,
            ellipses.y,
            np.log(ellipses.a * ellipses.b) / 2,
            size * np.cos(angle),
            size * np.sin(angle),
            np.log(ellipses.blur),
            ellipses.inside,
            ellipses.outside,
        )
    )
    mine = again[samples.labels]
    number = (np.cumsum(again) - 1)[samples.labels[mine]]
    own = Samples(samples.x[mine], samples.y[mine], samples.grey[mine], number)
    found = fit_ellipses(own, start[again], int(again.sum()), slender=True)
    changed = []
    for old, new in zip(ellipses, found, strict=True):
        part = old.copy()
        part[again] = new
        changed.append(part)
    return Ellipses(*changed)


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


def _replaced(result: Refined, which: Ints, found: Ellipses, doubt: Floats) -> Refined:
    """Return the measures with those of `which` blobs from the ellipses `found`, whose areas are uncertain by a share `doubt` besides."""
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
        "area_sigma": area * np.hypot(2 * found.rest * np.sqrt(found.cov[:, 2, 2]), doubt),
        "position_sigma": found.rest * np.sqrt((found.cov[:, 0, 0] + found.cov[:, 1, 1]) / 2),
        "perimeter": perimeter,
        "circularity": 4 * np.pi * area / perimeter**2,
    }
    changed = {}
    for name, values in new.items():
        changed[name] = getattr(result, name).copy()
        changed[name][which] = values
    return result._replace(**changed)
