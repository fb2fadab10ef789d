"""Convex hulls and smallest boxes of many point sets at once.

A hull is found by taking away every point that lies on the inner side of the line between its neighbours along one side, again and
again until none does: such a point can be no corner, whatever else is taken away with it. The smallest box lies along an edge of the
hull (Freeman & Shapira, "Determining the minimum-area encasing rectangle for an arbitrary closed curve", 1975), and the points it
touches are found by the directions of the edges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.runs import Ints

Floats = NDArray[np.float64]
TURN = 2 * np.pi


class Hulls(NamedTuple):
    """Corners x, y (k) of convex hulls, set by set, each in order of growing angle of the edge that begins there; `sets` (k)
    says whose they are and `following` (k) which corner comes next."""

    x: Floats
    y: Floats
    sets: Ints
    following: Ints


class Boxes(NamedTuple):
    """The smallest turned box of each set (n): its longer and shorter side, the longer one's direction in degrees, its centre."""

    length: Floats
    breadth: Floats
    angle_deg: Floats
    x: Floats
    y: Floats


def hulls(x: Floats, y: Floats, sets: Ints, total: int) -> Hulls:
    """Return the convex hulls of the points x, y (m) of each set (m, numbers from 0 to total - 1), none of which is empty."""
    top, tall = float(y.min()), float(np.ptp(y)) + 2
    key = sets * tall + (y - top)
    order = np.argsort(key)
    heads = np.flatnonzero(np.diff(key[order], prepend=-1.0))
    own, height = sets[order[heads]], y[order[heads]]
    # Of points of one height only the outermost two can be corners.
    rightmost, leftmost = np.maximum.reduceat(x[order], heads), np.minimum.reduceat(x[order], heads)
    # Down the right side, up the left one: y grows downwards, so the edges' angles grow.
    right = _side(rightmost, height, own, 1.0)
    left = _side(leftmost, height, own, -1.0)[::-1]
    level, side = np.concatenate((right, left)), np.repeat((0, 1), (len(right), len(left)))
    at_x = np.concatenate((rightmost[right], leftmost[left]))
    order = np.argsort(2 * own[level] + side, kind="stable")
    return _ring(at_x[order], height[level[order]], own[level[order]], total)


def _ring(x: Floats, y: Floats, sets: Ints, total: int) -> Hulls:
    """Return corners in order, each once: where top or bottom are one point, both sides have it."""
    ends = np.searchsorted(sets, np.arange(total), "right")
    fresh = np.ones(len(x), np.bool_)
    fresh[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1]) | (sets[1:] != sets[:-1])
    starts = np.append(0, ends[:-1])
    doubled = (ends - starts > 1) & (x[starts] == x[ends - 1]) & (y[starts] == y[ends - 1])
    fresh[ends[doubled] - 1] = False
    # A set of one point was both doubled and not fresh: it keeps its first.
    fresh[starts] = True
    x, y, sets = x[fresh], y[fresh], sets[fresh]
    last = np.append(np.flatnonzero(sets[1:] != sets[:-1]), len(sets) - 1)
    following = np.arange(1, len(sets) + 1)
    following[last] = np.append(0, last[:-1] + 1)
    return Hulls(x, y, sets, following)


def _side(x: Floats, y: Floats, sets: Ints, sign: float) -> Ints:
    """Return the indices of the corners on one side, of points in order of set and y; sign 1 for the right side."""
    at = np.arange(len(x))
    while len(at) > 2:
        before, here, after = at[:-2], at[1:-1], at[2:]
        ax, ay = x[here] - x[before], y[here] - y[before]
        bx, by = x[after] - x[here], y[after] - y[here]
        inward = (sets[before] == sets[after]) & (sign * (ax * by - ay * bx) <= 0)
        if not inward.any():
            break
        at = np.delete(at, 1 + np.flatnonzero(inward))
    return at


def areas_of(hull: Hulls, count: int) -> Floats:
    """Return the area of each hull (count)."""
    x, y, after = hull.x, hull.y, hull.following
    return np.abs(np.bincount(hull.sets, x * y[after] - x[after] * y, count)) / 2


def boxes_of(hull: Hulls, count: int) -> Boxes:
    """Return the smallest turned box about each hull (count)."""
    x, y, after, sets = hull.x, hull.y, hull.following, hull.sets
    dx, dy = x[after] - x, y[after] - y
    long = np.hypot(dx, dy)
    # A set of one point has an edge without a direction.
    ux, uy = (
        np.where(long > 0, dx / np.maximum(long, 1e-12), 1.0),
        np.where(long > 0, dy / np.maximum(long, 1e-12), 0.0),
    )
    angle = np.arctan2(uy, ux) % TURN
    first = np.searchsorted(sets, np.arange(count))
    many = np.append(first[1:], len(sets)) - first
    # Angles grow around each hull from its first edge on.
    grown = (angle - angle[first][sets]) % TURN
    grown[first] = 0.0
    grown = np.maximum.accumulate(grown + 4 * TURN * sets)
    extent = []
    for quarter in (1, 2, 3):
        wanted = (grown - 4 * TURN * sets + quarter * TURN / 4) % TURN + 4 * TURN * sets
        at = np.searchsorted(grown, wanted - 1e-9)
        # Past the last edge of its hull the first corner comes again.
        extent.append(np.where(at >= first[sets] + many[sets], first[sets], at))
    ahead, across, behind = extent
    along = (x[ahead] - x[behind]) * ux + (y[ahead] - y[behind]) * uy
    height = np.abs((x[across] - x) * -uy + (y[across] - y) * ux)
    order = np.lexsort((np.arange(len(sets)), along * height, sets))
    best = order[first]
    middle_u = ((x[ahead] + x[behind]) * ux + (y[ahead] + y[behind]) * uy)[best] / 2
    middle_v = ((x[across] + x) * -uy + (y[across] + y) * ux)[best] / 2
    ux, uy, along, height = ux[best], uy[best], along[best], height[best]
    turned = np.where(along >= height, np.arctan2(uy, ux), np.arctan2(ux, -uy))
    degrees = np.degrees(turned)
    degrees = degrees - 180 * np.ceil((degrees - 90) / 180)
    return Boxes(
        np.maximum(along, height),
        np.minimum(along, height),
        degrees,
        middle_u * ux - middle_v * uy,
        middle_u * uy + middle_v * ux,
    )
