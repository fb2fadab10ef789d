"""Blobs too small to show their own grey level: a blurred ellipse is fitted to the pixels of each, all of them at once.

Where the blur of the rims reaches across a blob, no pixel of it has the grey level that a larger one of the same matter would have, and
no cut at a level finds its area. What remains is a model: an evenly bright ellipse on an even ground, seen through a blur that is
unknown too. Its light is that of a blurred disc (`engine.disc`), stretched. Fitted by least squares with damped Gauss-Newton steps.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.runs import Ints
from analyticlens.engine.blobs.slender import light
from analyticlens.engine.disc import profile

# The table of a disc's light over (radius, place - radius), both in blurs.
RADII = np.arange(0.2, 18.0, 0.1)
PLACES = np.arange(-7.0, 7.0, 0.05)
ROUNDS = 12
# A step that moves nothing by more than this, in pixels or logarithms, is the last.
SETTLED = 2e-3
HOPELESS = 1e6
# Parameters: centre x, y, log of the radius, two of the stretch, log of the blur, level inside and outside.
CENTRE, RADIUS, STRETCH, BLUR, LEVELS = slice(0, 2), 2, slice(3, 5), 5, slice(6, 8)
LARGEST_STEP = np.array([1.0, 1.0, 0.3, 0.3, 0.3, 0.4, np.inf, np.inf])
SHARPEST, SOFTEST = 0.35, 4.0
ROUND_LIMIT = 1.0


class Ellipses(NamedTuple):
    """Fitted ellipses (n): centre, half axes `a` >= `b`, direction of the longer one in degrees, blur, level inside and outside.

    `rest` is the root mean square of what the model does not explain; `cov` (n, 8, 8) the parameters' covariance for noise of 1.
    """

    x: Floats
    y: Floats
    a: Floats
    b: Floats
    angle_deg: Floats
    blur: Floats
    inside: Floats
    outside: Floats
    rest: Floats
    cov: Floats


class Samples(NamedTuple):
    """Pixels (k): place x, y, grey, and the number (0 to n - 1) of the blob each belongs to, ascending."""

    x: Floats
    y: Floats
    grey: Floats
    labels: Ints


@cache
def light_table() -> tuple[Floats, Floats, Floats]:
    """Return the light of a disc (radii * places), and its derivatives by the place and by the radius."""
    rows = [profile(np.maximum(PLACES + radius, 0), float(radius), 1.0) for radius in RADII]
    rise, by_place, by_radius = (np.concatenate([row[i] for row in rows]) for i in range(3))
    return rise, by_place, by_radius


def _light(place: Floats, radius: Floats) -> tuple[Floats, Floats, Floats]:
    """Return a disc's light at places (k) for radii (k), both in blurs, and its derivatives by both."""
    row = np.clip((radius - RADII[0]) / 0.1, 0, len(RADII) - 1.001)
    column = np.clip((place - radius - PLACES[0]) / 0.05, 0, len(PLACES) - 1.001)
    i, j = row.astype(np.int64), column.astype(np.int64)
    u, v = row - i, column - j
    at = i * len(PLACES) + j
    below = at + len(PLACES)

    def between(table: Floats) -> Floats:
        upper = table.take(at) * (1 - v) + table.take(at + 1) * v
        lower = table.take(below) * (1 - v) + table.take(below + 1) * v
        return np.asarray(upper + (lower - upper) * u)

    rise, by_place, by_radius = light_table()
    return between(rise), between(by_place), between(by_radius)


def fit_ellipses(samples: Samples, start: Floats, total: int, slender: bool = False) -> Ellipses:
    """Return ellipses fitted from rough parameters (n, 8): centre x, y, log radius, stretch (2), log blur, level inside, outside.

    Of `slender` ones, which are no discs, the light is summed strip by strip: right, but ten times the work.
    """
    system = _strips_system if slender else _system
    at = start.copy()
    damping = np.full(total, 1e-3)
    rest, by = system(samples, at)
    live = np.arange(total)
    for _ in range(ROUNDS):
        # Only those that still move are looked at.
        mine = np.flatnonzero(np.isin(samples.labels, live))
        number = np.searchsorted(live, samples.labels[mine])
        own = Samples(samples.x[mine], samples.y[mine], samples.grey[mine], number)
        step = _solved(*_normal(own, by[:, mine], rest[mine], len(live)), damping[live])
        tried = _held(at[live] + np.clip(step, -LARGEST_STEP, LARGEST_STEP))
        new_rest, new_by = system(own, tried)
        before, after = (np.bincount(number, values**2, len(live)) for values in (rest[mine], new_rest))
        better = after <= before
        moved = np.abs(tried - at[live])[:, :6].max(axis=1)
        taken = better[number]
        at[live[better]] = tried[better]
        rest[mine[taken]] = new_rest[taken]
        by[:, mine[taken]] = new_by[:, taken]
        damping[live] *= np.where(better, 0.1, 10.0)
        live = live[(moved > SETTLED) & (damping[live] < HOPELESS)]
        if not len(live):
            break
    return _ellipses(at, np.bincount(samples.labels, rest * rest, total).astype(np.float64), samples, by, total)


def _held(at: Floats) -> Floats:
    at[:, BLUR] = np.clip(at[:, BLUR], np.log(SHARPEST), np.log(SOFTEST))
    at[:, STRETCH] = np.clip(at[:, STRETCH], -ROUND_LIMIT, ROUND_LIMIT)
    at[:, RADIUS] = np.clip(at[:, RADIUS], np.log(0.3), np.log(50.0))
    return at


def _system(samples: Samples, at: Floats) -> tuple[Floats, Floats]:
    """Return what the model leaves (k), and its derivatives by the parameters (8, k)."""
    own = at[samples.labels].T
    dx, dy = samples.x - own[0], samples.y - own[1]
    radius, blur = np.exp(own[RADIUS]), np.exp(own[BLUR])
    e1, e2 = own[3], own[4]
    h = np.hypot(e1, e2)
    cosh, sinh = np.cosh(2 * h), np.where(h > 1e-6, np.sinh(2 * h) / np.maximum(h, 1e-6), 2.0)
    mx = cosh * dx - sinh * (e1 * dx + e2 * dy)
    my = cosh * dy - sinh * (e2 * dx - e1 * dy)
    place = np.sqrt(np.maximum(dx * mx + dy * my, 1e-12))
    steep = np.maximum(np.hypot(mx, my) / place, 0.05)
    # In the stretched space, where the ellipse is a disc, the blur is shorter across the long axis.
    wide = blur * steep
    light, by_place, by_radius = _light(place / wide, radius / wide)
    contrast = own[6] - own[7]
    fall = contrast * by_place / wide
    by = np.empty((8, len(dx)))
    by[0], by[1] = -fall * mx / place, -fall * my / place
    by[RADIUS] = contrast * by_radius / wide * radius
    by[3] = fall * (dy * dy - dx * dx) / place
    by[4] = fall * -2 * dx * dy / place
    by[BLUR] = -contrast * (by_place * place + by_radius * radius) / wide
    by[6], by[7] = light, 1 - light
    return samples.grey - own[7] - contrast * light, by


def _strips_system(samples: Samples, at: Floats) -> tuple[Floats, Floats]:
    """Return what the model of strips leaves (k), and its derivatives by the parameters (8, k)."""
    own = at[samples.labels].T
    dx, dy = samples.x - own[0], samples.y - own[1]
    e1, e2 = own[3], own[4]
    h = np.maximum(np.hypot(e1, e2), 1e-3)
    angle = np.arctan2(e2, e1) / 2
    cos, sin = np.cos(angle), np.sin(angle)
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    long, short, blur = np.exp(own[RADIUS] + h), np.exp(own[RADIUS] - h), np.exp(own[BLUR])
    share, (by_along, by_across, by_long, by_short, by_blur) = light(along, across, long, short, blur)
    contrast = own[6] - own[7]
    stretched, turned = by_long * long - by_short * short, by_along * across - by_across * along
    by = np.empty((8, len(dx)))
    by[0], by[1] = by_across * sin - by_along * cos, -by_along * sin - by_across * cos
    by[RADIUS] = by_long * long + by_short * short
    by[3] = (stretched * e1 - turned * e2 / (2 * h)) / h
    by[4] = (stretched * e2 + turned * e1 / (2 * h)) / h
    by[BLUR] = by_blur * blur
    by[:6] *= contrast
    by[6], by[7] = share, 1 - share
    return samples.grey - own[7] - contrast * share, by


def _normal(samples: Samples, by: Floats, rest: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the matrices (n, 8, 8) and right sides (n, 8) of each blob's normal equations."""
    starts = np.searchsorted(samples.labels, np.arange(count))
    matrix = np.empty((count, 8, 8))
    for i in range(8):
        for j in range(i + 1):
            matrix[:, i, j] = matrix[:, j, i] = np.add.reduceat(by[i] * by[j], starts)
    return matrix, np.add.reduceat(by * rest, starts, axis=1).T


def _solved(matrix: Floats, right: Floats, damping: Floats) -> Floats:
    diagonal = np.einsum("nii->ni", matrix)
    scale = 1 / np.sqrt(np.maximum(diagonal, 1e-12))
    scaled = matrix * scale[:, :, None] * scale[:, None, :]
    scaled = scaled + (damping[:, None] + 1e-9)[:, :, None] * np.eye(8)
    solution: Floats = np.linalg.solve(scaled, (right * scale)[:, :, None])[:, :, 0] * scale
    return solution


def _ellipses(at: Floats, cost: Floats, samples: Samples, by: Floats, count: int) -> Ellipses:
    many = np.bincount(samples.labels, minlength=count)
    h = np.hypot(at[:, 3], at[:, 4])
    radius = np.exp(at[:, RADIUS])
    matrix, _ = _normal(samples, by, np.zeros(len(samples.x)), count)
    scale = 1 / np.sqrt(np.maximum(np.einsum("nii->ni", matrix), 1e-12))
    scaled = matrix * scale[:, :, None] * scale[:, None, :] + 1e-9 * np.eye(8)
    cov = np.linalg.inv(scaled) * scale[:, :, None] * scale[:, None, :]
    return Ellipses(
        at[:, 0],
        at[:, 1],
        radius * np.exp(h),
        radius * np.exp(-h),
        np.degrees(np.arctan2(at[:, 4], at[:, 3])) / 2,
        np.exp(at[:, BLUR]),
        at[:, 6],
        at[:, 7],
        np.sqrt(cost / np.maximum(many - 8, 1)),
        cov,
    )


def perimeter_of(a: Floats, b: Floats) -> Floats:
    """Return the perimeter of ellipses by their half axes (Ramanujan, 1914); its error is below 1e-5 of it up to 1 : 4."""
    h = ((a - b) / (a + b)) ** 2
    result: NDArray[np.float64] = np.pi * (a + b) * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h)))
    return result
