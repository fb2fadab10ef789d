"""The light about each blob and in it: two levels, each a plane where there are pixels enough to tell one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.measures import Levels
from analyticlens.engine.blobs.near import REACH, Near
from analyticlens.engine.blobs.runs import Ints

# Where the levels are taken: from so far from a rim on, or, between close neighbours and in small blobs, from this share of the
# largest distance there is.
LEVEL_FROM = 6.0
LEVEL_SHARE = 0.6
# Levels closer than this, in grey levels, are one.
LEAST_CONTRAST = 0.5
# A plane needs so many pixels; fewer say a level only.
PLANE = 200
# Both levels are told by at most about so many pixels of all that were looked at.
ENOUGH = 120_000
# No pixel lies nearer to a rim.
LEAST_AWAY = 0.1
# A background darker than this share of the blob says nothing about the light.
LIT = 0.1


class Light(NamedTuple):
    """The light of blobs (n) as `levels`, and what it is at each pixel (k): `ground` without the blob, `contrast` of the blob to it.

    `blind` (n) says of which blobs the light is not known; their pixels have no contrast (infinite). Each blob's own level was taken
    from a `depth` (n) in it on, in pixels.
    """

    levels: Levels
    ground: Floats
    contrast: Floats
    blind: NDArray[np.bool_]
    depth: Floats

    def shares(self, near: Near, grey: Floats) -> Floats:
        """Return how much of each pixel's `grey` (k) is its blob's, 0 to 1 but for noise."""
        # What a filled hole takes from the blob's light on its own side of the middle, it has in front of it of the outer rim's.
        return np.where(self.blind[near.labels] | near.filled, near.away < 0, self.bare(grey))

    def bare(self, grey: Floats) -> Floats:
        """Return how much of each pixel's `grey` (k) is the blob's where no hole counts as filled."""
        return np.asarray((grey - self.ground) / self.contrast)

    def brighter(self, factor: Floats, near: Near) -> Light:
        """Return the light with the blobs' contrasts so many times (n) what they are."""
        levels = self.levels._replace(contrast=self.levels.contrast * factor)
        return self._replace(levels=levels, contrast=self.contrast * factor[near.labels])


def light_of(near: Near, total: int, stride: int) -> Light:
    """Return the light about `total` blobs; `near` are the pixels about their rims, in a mask of that stride."""
    labels, away = near.labels, near.away
    far_out, far_in = np.zeros(total), np.zeros(total)
    np.maximum.at(far_out, labels, away)
    np.maximum.at(far_in, labels, -near.bare)
    depth = np.minimum(LEVEL_FROM, LEVEL_SHARE * far_in)
    # Of very many pixels some say as much.
    step = max(1, math.ceil(len(labels) / ENOUGH))
    out = np.flatnonzero(away >= np.maximum(np.minimum(LEVEL_FROM, LEVEL_SHARE * far_out), LEAST_AWAY)[labels])[::step]
    inside = np.flatnonzero(-near.bare >= np.maximum(depth, LEAST_AWAY)[labels])[::step]
    outside_many, inside_many = (
        np.bincount(labels[part], minlength=total).astype(np.float64) for part in (out, inside)
    )
    y = near.pixels // stride
    u, v = (_centred(part, labels, total) for part in (near.pixels - y * stride, y))
    ground, ground_at = _plane(out, near, (u, v), outside_many)
    level, level_at = _plane(inside, near, (u, v), inside_many)
    # Uneven light brightens both alike: a blob too small for a plane of its own has that of its background, unless that is black.
    likewise = (inside_many < PLANE) & (ground > LIT * level)
    slope = ground_at / np.where(likewise, ground, 1.0)[labels]
    level_at = np.where(likewise[labels], level[labels] * slope, level_at)
    quiet = np.concatenate((out[away[out] < REACH - 1.5], inside[near.bare[inside] < -LEVEL_FROM]))
    many = np.maximum(np.bincount(labels[quiet], minlength=total), 1)
    noise = np.sqrt(np.bincount(labels[quiet], np.square(near.right[quiet] - near.grey[quiet]), total) / many / 2)
    contrast = level - ground
    # Without a level on either side, or a difference between them, only whole pixels are left.
    blind = (inside_many < 1) | (outside_many < 1) | (np.abs(contrast) < LEAST_CONTRAST)
    contrast_at = level_at - ground_at
    # A plane that crosses the other one is no light.
    upright = contrast_at * contrast[labels] > 0.25 * contrast[labels] ** 2
    ground_at = np.where(upright, ground_at, ground[labels])
    contrast_at = np.where(blind[labels], np.inf, np.where(upright, contrast_at, contrast[labels]))
    outside_span, inside_span = (
        _span(part, labels, (u, v), many) for part, many in ((out, outside_many), (inside, inside_many))
    )
    follows = np.where(likewise, level / np.where(likewise, ground, 1.0), 0.0)
    levels = Levels(ground, contrast, noise, outside_many, inside_many, outside_span, inside_span, follows)
    return Light(levels, ground_at, contrast_at, blind, depth)


def _centred(values: Ints, labels: Ints, total: int) -> Floats:
    many = np.maximum(np.bincount(labels, minlength=total), 1)
    return np.asarray(values - (np.bincount(labels, values, total) / many)[labels])


def _span(chosen: Ints, labels: NDArray[np.int64], at: tuple[Floats, Floats], many: Floats) -> Floats:
    """Return the sums of squared places along one axis of each blob's chosen pixels; infinite where they are too few for a plane."""
    squares = np.bincount(labels[chosen], (at[0][chosen] ** 2 + at[1][chosen] ** 2) / 2, len(many))
    return np.where(many >= PLANE, squares, np.inf)


def _plane(chosen: Ints, near: Near, at: tuple[Floats, Floats], many: Floats) -> tuple[Floats, Floats]:
    """Return the level (n) amid each blob's pixels by its chosen ones, and at each pixel (k)."""
    labels, total = near.labels[chosen], len(many)
    u, v, grey = at[0][chosen], at[1][chosen], near.grey[chosen]
    columns = (np.ones(len(u)), u, v)
    matrix = np.empty((total, 3, 3))
    right = np.empty((total, 3))
    for i, one in enumerate(columns):
        right[:, i] = np.bincount(labels, one * grey, total)
        for j, other in enumerate(columns[: i + 1]):
            matrix[:, i, j] = matrix[:, j, i] = np.bincount(labels, one * other, total)
    mean = right[:, 0] / np.maximum(many, 1)
    found = np.zeros((total, 3))
    found[:, 0] = mean
    wide = many >= PLANE
    # A little of a level in every plane keeps a row of pixels solvable.
    ridge = np.einsum("n,ij->nij", matrix[wide, 0, 0], np.diag((0, 1e-3, 1e-3)))
    found[wide] = np.linalg.solve(matrix[wide] + ridge, right[wide][:, :, None])[:, :, 0]
    own = found[near.labels]
    return found[:, 0], own[:, 0] + own[:, 1] * at[0] + own[:, 2] * at[1]
