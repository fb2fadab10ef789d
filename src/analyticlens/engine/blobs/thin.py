"""Thin blobs, which nowhere reach a level of their own: scratches, wires, pins, letters. The level is told from their profiles.

Across a straight part of even breadth the light is that of a blurred band. How far its middle falls short of the level that a broad
part of the same matter would have depends on the breadth by the blur alone, and so does the form of the profile: many profiles of one
blob, each with the breadth that its own light gives it, are fitted together by one level and one blur. The light is taken pixel by
pixel along the row or the column that crosses the part more squarely, so that nothing is resampled; how squarely does not matter, as a
profile stretched along its axis has the same level. Which parts are straight the structure tensor tells (Foerstner & Guelch, 1987).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.near import Near
from analyticlens.engine.blobs.runs import Ints

# So many pixels deep, at most, is a thin blob; its area is at least so many times the square of that.
DEEPEST, LONGER = 5.2, 8.0
# So many pixels of all thin blobs are looked at, and of each at least so many, or none of any; they lie so deep, as a share of the deepest.
MOST_LOOKED, LEAST_EACH, AMID = 1200, 15, 0.4
# Half the side of the patch that tells the direction of a part, its weights' standard deviation, and how straight it must be.
HALF, WEIGHTS, STRAIGHT = 5, 2.5, 0.9
# A profile reaches so far to either side, ends where it comes so far from the rim, and must come so far.
REACH, END, CLEAR = 9, 5.0, 1.4
# So many standard deviations of the blur the profiles of a blob must come from its rim on average: half way to the next rim. What its blur
# brings across there makes the level uncertain by so many times as much.
BLURS, ACROSS = 1.05, 1.2
# Of a blob so many profiles tell a level, and fewer than `FEW` only where they tell it as well as `CERTAIN`, a share of it.
FEWEST, FEW, CERTAIN = 6, 20, 0.025
# The fit's own error is too small by so many times the square of blur by half breadth.
NARROW = 1.5
ROUNDS = 12
# The band is believed where it leaves no more than this share of the contrast, and so many times the noise, unexplained.
UNLIKE, UNLIKELY = 0.03, 1.5
# What the levels can come to, in those seen amid the blobs, and how well they must be known.
LEAST, MOST, SURE = 0.9, 4.0, 0.25


class Bands(NamedTuple):
    """Of each blob (n) whether a band was fitted to it (`known`), by how much its level exceeds the one seen amid it (`factor`, 1 where
    none was), and the standard deviation of that, as a share of it."""

    known: NDArray[np.bool_]
    factor: Floats
    sigma: Floats


class _Profiles(NamedTuple):
    """Samples (k) of profiles: place across the band from its middle, share, the profile each belongs to; of each profile (p) the light
    in it, how broad it was cut, how far from that rim it comes, and the blob."""

    place: Floats
    share: Floats
    profile: Ints
    light: Floats
    cut: Floats
    clear: Floats
    blob: Ints


def bands(near: Near, shares: Floats, noise: Floats, areas: Floats, blind: NDArray[np.bool_], stride: int) -> Bands:
    """Return what the profiles of thin blobs say of their levels.

    `shares` (k) of the pixels `near` and the `noise` (n) are in the contrast seen amid each blob, which `blind` (n) ones have none of;
    `areas` (n) are in whole pixels.
    """
    total = len(areas)
    known, factor, sigma = np.zeros(total, np.bool_), np.ones(total), np.zeros(total)
    nothing = Bands(known, factor, sigma)
    deep = np.zeros(total)
    np.maximum.at(deep, near.labels, -near.bare)
    thin = ~blind & (deep <= DEEPEST) & (areas > LONGER * (deep + 0.5) ** 2)
    many = int(thin.sum())
    if not many or MOST_LOOKED // many < LEAST_EACH:
        return nothing
    seen = _Seen(near, shares, stride)
    profiles = _profiles(seen, _some(seen, thin, deep), noise)
    of_each = np.bincount(profiles.blob, minlength=total)
    enough = of_each >= FEWEST
    if not enough.any():
        return nothing
    found, blur, spread, rest = _fitted(profiles, total)
    # Half the breadth lies as far from where it was cut as the rim itself does.
    beyond = (profiles.light / found[profiles.blob] - profiles.cut) / 2
    clear = np.bincount(profiles.blob, profiles.clear - beyond, total) / np.maximum(of_each, 1) / blur
    like = (clear >= BLURS) & (rest <= np.hypot(UNLIKE * found, UNLIKELY * noise))
    known = enough & like & (found >= LEAST) & (found <= MOST) & (spread <= np.where(of_each < FEW, CERTAIN, SURE))
    # The narrower a band by its blur, the less straight is the way from what was seen to its level: the fit's own error is too small then.
    half = np.bincount(profiles.blob, profiles.light, total) / np.maximum(of_each, 1) / (2 * found)
    spread = np.hypot(spread * (1 + NARROW * (blur / np.maximum(half, 0.1)) ** 2), ACROSS * below(-clear))
    return Bands(known, np.where(known, found, 1.0), np.where(known, spread, 0.0))


class _Seen:
    """The pixels about the rims in the order of their places, and what they hold."""

    def __init__(self, near: Near, shares: Floats, stride: int) -> None:
        order = np.argsort(near.pixels, kind="stable")
        self.pixels, self.labels, self.away = near.pixels[order], near.labels[order], near.bare[order]
        self.shares, self.stride = shares[order], stride

    def at(self, pixels: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Return the indices of pixels, and which of them there are."""
        index = np.minimum(np.searchsorted(self.pixels, pixels), len(self.pixels) - 1)
        return index, self.pixels[index] == pixels


def _some(seen: _Seen, thin: NDArray[np.bool_], deep: Floats) -> Ints:
    """Return indices of pixels amid thin blobs, as many of each, evenly chosen."""
    inside = np.flatnonzero(thin[seen.labels] & (-seen.away >= AMID * deep[seen.labels]))
    inside = inside[np.argsort(seen.labels[inside], kind="stable")]
    whose = seen.labels[inside]
    counts = np.bincount(whose, minlength=len(thin))
    each = MOST_LOOKED // int(thin.sum())
    rank = np.arange(len(inside)) - (np.cumsum(counts) - counts)[whose]
    # The first pixel of every further step of count / each.
    step = np.maximum(counts / each, 1.0)[whose]
    return inside[np.floor(rank / step) > np.floor((rank - 1) / step)]


def _profiles(seen: _Seen, middle: Ints, noise: Floats) -> _Profiles:
    """Return the profiles through those pixels that lie amid a straight part."""
    straight, along_rows, square = _directions(seen, middle, noise)
    middle, along_rows, square = middle[straight], along_rows[straight], square[straight]
    steps = np.arange(-REACH, REACH + 1)
    stride = np.where(along_rows, 1, seen.stride)
    index, there = seen.at(seen.pixels[middle][:, None] + steps * stride[:, None])
    there &= seen.labels[index] == seen.labels[middle][:, None]
    away = np.where(there, seen.away[index], np.inf)
    there = _outwards(there, away)
    # Both ends are clear of the part.
    known = np.where(there, away, -np.inf)
    clear = np.minimum(known[:, :REACH].max(axis=1), known[:, REACH + 1 :].max(axis=1))
    share = np.where(there, seen.shares[index], 0.0)
    light = share.sum(axis=1)
    centre = (share * steps).sum(axis=1) / np.where(light > 0, light, 1.0)
    # Each part has one pixel amid it in every row or column that crosses it.
    amid = np.flatnonzero((clear >= CLEAR) & (light > 0) & (centre > -0.5) & (centre <= 0.5))
    place = ((steps - centre[:, None]) * square[:, None])[amid]
    held = there[amid]
    profile = np.nonzero(held)[0]
    whose = seen.labels[middle][amid]
    cut = (there & (away < 0)).sum(axis=1) * square
    return _Profiles(place[held], share[amid][held], profile, (light * square)[amid], cut[amid], clear[amid], whose)


def _outwards(there: NDArray[np.bool_], away: Floats) -> NDArray[np.bool_]:
    """Return which samples (p, 2 * REACH + 1) belong to a profile: from its middle outwards, until the next rim comes nearer."""
    held = there.copy()
    for side in (-1, 1):
        going = there[:, REACH]
        for step in range(1, REACH + 1):
            now, before = away[:, REACH + side * step], away[:, REACH + side * (step - 1)]
            going = going & there[:, REACH + side * step] & (now <= END) & ((now >= before - 0.2) | (before <= 0))
            held[:, REACH + side * step] = going
    return held


def _directions(seen: _Seen, middle: Ints, noise: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]:
    """Return about each pixel (p) whether all slopes have one direction, whether rows cross the part more squarely than columns, and the
    cosine of the angle between the two."""
    window = np.arange(-HALF - 1, HALF + 2)
    offsets = window[:, None] * seen.stride + window
    index, there = seen.at((seen.pixels[middle][:, None, None] + offsets).reshape(len(middle), -1))
    own = seen.labels[middle]
    there &= seen.labels[index] == own[:, None]
    patch = np.where(there, seen.shares[index], 0.0).reshape(len(middle), len(window), len(window))
    across = (patch[:, 1:-1, 2:] - patch[:, 1:-1, :-2]) / 2
    down = (patch[:, 2:, 1:-1] - patch[:, :-2, 1:-1]) / 2
    bell = np.exp(-(window[1:-1] ** 2) / (2 * WEIGHTS**2))
    weights = np.outer(bell, bell)
    xx, xy, yy = (np.einsum("pij,ij->p", part, weights) for part in (across**2, across * down, down**2))
    # The noise's own slopes have every direction.
    half, root = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    level = np.maximum(half - weights.sum() * noise[own] ** 2 / 2, 1e-9)
    angle = np.arctan2(2 * xy, xx - yy) / 2
    cos, sin = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    return root >= STRAIGHT * level, cos >= sin, np.maximum(cos, sin)


@cache
def _normal() -> tuple[Floats, Floats]:
    """Return places and the normal distribution there: straight pieces between them are wrong by less than 1e-5."""
    places = np.linspace(-6, 6, 1201)
    return places, np.array([0.5 * (1 + math.erf(z / math.sqrt(2))) for z in places.tolist()])


def below(z: Floats) -> Floats:
    """Return how much of a normal distribution lies below z."""
    return np.interp(z, *_normal())


def density(z: Floats) -> Floats:
    """Return a normal distribution's density at z."""
    return np.asarray(np.exp(-z * z / 2) / math.sqrt(2 * math.pi))


def _model(profiles: _Profiles, level: Floats, blur: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the shares (k) of blurred bands, and their derivatives by the logarithms of level and blur of each blob (n)."""
    owner = profiles.blob[profiles.profile]
    high, wide = level[owner], blur[owner]
    half = profiles.light[profiles.profile] / (2 * high)
    left, right = (half + profiles.place) / wide, (half - profiles.place) / wide
    light = high * (below(left) + below(right) - 1)
    rise, fall = high * density(left), high * density(right)
    # More level makes the band narrower: its light is given.
    return light, light - (rise + fall) * half / wide, -(rise * left + fall * right)


def _fitted(profiles: _Profiles, total: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return of each blob (n) level, blur, the level's standard deviation as a share of it, and the root mean square left unexplained."""
    owner = profiles.blob[profiles.profile]
    at = np.zeros((2, total))
    damping = np.full(total, 1e-3)

    def summed(values: Floats) -> Floats:
        return np.bincount(owner, values, total).astype(np.float64)

    light, *by = _model(profiles, *np.exp(at))
    rest = profiles.share - light
    for _ in range(ROUNDS):
        step = _step(*_equations(by, rest, summed), damping)
        tried = np.clip(at + np.clip(step, -0.4, 0.4), np.log([[0.5], [0.28]]), np.log([[5.0], [4.0]]))
        light, *new_by = _model(profiles, *np.exp(tried))
        new_rest = profiles.share - light
        better = summed(new_rest**2) <= summed(rest**2)
        at = np.where(better, tried, at)
        rest = np.where(better[owner], new_rest, rest)
        by = [np.where(better[owner], new, old) for new, old in zip(new_by, by, strict=True)]
        damping = damping * np.where(better, 0.1, 10.0)
    # Each profile has a light and a middle of its own.
    freedom = np.bincount(owner, minlength=total) - 2 * np.bincount(profiles.blob, minlength=total) - 2
    root = np.sqrt(summed(rest**2) / np.maximum(freedom, 1))
    matrix, _ = _equations(by, rest, summed)
    determinant = matrix[0] * matrix[2] - matrix[1] ** 2
    told = determinant > 0
    spread = np.where(told, root * np.sqrt(np.where(told, matrix[2] / np.where(told, determinant, 1.0), 0.0)), np.inf)
    level, blur = np.exp(at)
    return level, blur, spread, root


def _equations(
    by: list[Floats], rest: Floats, summed: Any
) -> tuple[tuple[Floats, Floats, Floats], tuple[Floats, Floats]]:
    matrix = summed(by[0] ** 2), summed(by[0] * by[1]), summed(by[1] ** 2)
    return matrix, (summed(by[0] * rest), summed(by[1] * rest))


def _step(matrix: tuple[Floats, Floats, Floats], right: tuple[Floats, Floats], damping: Floats) -> Floats:
    xx, xy, yy = matrix
    xx, yy = xx * (1 + damping) + 1e-12, yy * (1 + damping) + 1e-12
    determinant = xx * yy - xy * xy
    return np.array((yy * right[0] - xy * right[1], xx * right[1] - xy * right[0])) / np.maximum(determinant, 1e-24)
