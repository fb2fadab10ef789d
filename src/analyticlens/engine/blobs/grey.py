"""Blobs below a pixel: each pixel about a rim counts by how much of its light is the blob's.

The grey of the background is taken some way outside each rim and the blob's own some way inside (`light`); a pixel between counts by its
share of the way from one to the other. Blur moves light but loses none, so the sum of the shares is the area, and their moments are the
blob's plus the blur's variance. How far the rim is blurred is read off the rim itself: along a straight edge the integral of
share * (1 - share) across it is blur / sqrt(pi). Where to cut the picture into blobs has no influence, as long as they are found.
Blobs that never reach a level of their own are fitted instead (`small`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.components import Blobs
from analyticlens.engine.blobs.fitted import REACH as FITTED
from analyticlens.engine.blobs.fitted import fitted
from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.light import LEVEL_FROM, LEVEL_SHARE, light_of
from analyticlens.engine.blobs.measures import Levels, Refined
from analyticlens.engine.blobs.near import Near
from analyticlens.engine.blobs.outlines import DX, DY, Cracks, Outlines, cracks_of, outer_only, smoothed
from analyticlens.engine.blobs.runs import Ints, Runs, joined, numbered
from analyticlens.engine.blobs.thin import bands
from analyticlens.engine.errors import ToolFailed

SOFTEST = 2.5
# Fewer pixels than this beyond the band inside a blob do not tell its level: it is small.
FEW = 60
# So many of them can be fitted, of so many pixels with those about them, and none of more than this, which is no small one's.
MOST_SMALL, MOST_FITTED, LARGEST_FITTED = 80, 30_000, 2000
# A level that is too low by what a straight rim takes from it is uncertain by so many times that: thin parts lose more.
DOUBT = 2.0
# A level taken nowhere deeper than this may be so much too low that the rim seems less blurred than it is, by so many times.
SHALLOW, SHARPENED = 3.2, 1.5
# Where nothing tells the light, the rim lies anywhere within so many pixels of where it was cut.
WHOLE = 0.5
TAUBIN = 10
CURVED = 2 * math.pi**2


class Band(NamedTuple):
    """Which pixels' shares count: those within so many blurs of the rim, and a little more."""

    blurs: float
    slack: float


# About a cut that may not be half way, and about the rim.
WIDE, NARROW = Band(2.6, 0.7), Band(2.0, 0.5)


def refined(blobs: Blobs, near: Near, holed: NDArray[np.bool_]) -> Refined:
    """Return what the pixels about the rims say of blobs; `holed` (n) says which have holes. Raises ToolFailed for too many small ones."""
    light = light_of(near, blobs.total, blobs.runs.stride)
    contrast = np.where(light.blind, np.inf, np.abs(light.levels.contrast))
    pixels = blobs.sums(blobs.runs.lengths)
    noise = light.levels.noise / contrast
    band = bands(near, light.bare(near.grey), noise, pixels, light.blind, blobs.runs.stride)
    if band.known.any():
        light = light.brighter(band.factor, near)
        contrast = contrast * band.factor
    levels = light.levels
    shares = light.shares(near, near.grey)
    outlines = _outlines(blobs, near, light.shares(near, near.smooth), holed)
    blur = _blur(near, shares, levels.noise / contrast, outlines.lengths, blobs.total)
    deep = np.bincount(near.labels[-near.away > WIDE.blurs * blur[near.labels]], minlength=blobs.total)
    # How far outside the cut the rim lies: about the rim itself a narrower band tells as much, and has less of the noise.
    beyond = (_area(near, shares, blur, pixels) - pixels) / np.maximum(outlines.lengths, 1)
    sums = _Sums(blobs, near, shares, blur, beyond)
    result = _measured(sums, levels, contrast, blur, outlines)
    # Where the level is not taken so deep that the blur of the rim is not seen in it, nor told by a band, it lies higher than seen.
    soft = blur * np.where(light.depth < SHALLOW, SHARPENED, 1.0)
    short = np.where(light.blind | band.known, band.sigma, DOUBT * _missing(light.depth / soft))
    result = result._replace(
        area_sigma=np.where(
            light.blind, WHOLE * outlines.lengths, np.hypot(result.area_sigma, short * sums.held(near.filled))
        ),
        position_sigma=np.where(light.blind, WHOLE, result.position_sigma),
    )
    small = _small(deep, near, light.blind)
    if not len(small):
        return result
    even = levels.ground[near.labels] + shares * levels.contrast[near.labels]
    return fitted(result, small, near._replace(grey=even), levels, blobs.runs.stride)


def _small(deep: Ints, near: Near, blind: NDArray[np.bool_]) -> Ints:
    """Return the numbers of the blobs to fit by ellipses. Raises ToolFailed for more than there is time for."""
    to_fit = np.bincount(near.labels[near.away <= FITTED], minlength=len(deep))
    small = np.flatnonzero((deep < FEW) & ~blind & (to_fit <= LARGEST_FITTED))
    if len(small) > MOST_SMALL or to_fit[small].sum() > MOST_FITTED:
        raise ToolFailed(
            f"{len(small)} blobs are so small that each must be fitted, and {MOST_SMALL} can be, of {MOST_FITTED} pixels",
            "too_costly",
        )
    return small


def _missing(depths: Floats) -> Floats:
    """Return what share of a straight rim's light is missing on average from so many (n) standard deviations of its blur inside on."""
    missing = [
        math.exp(-z * z / 2) / math.sqrt(2 * math.pi) - z * math.erfc(z / math.sqrt(2)) / 2 for z in depths.tolist()
    ]
    # As far in again as the level is from the rim, at its share, the blob ends.
    return np.minimum(0.5, np.array(missing) / np.maximum(depths * (1 / LEVEL_SHARE - 1), 1e-3))


def _outlines(blobs: Blobs, near: Near, shares: Floats, holed: NDArray[np.bool_]) -> Outlines:
    """Return the outlines where the smoothed shares cross half way."""
    order = np.argsort(near.pixels, kind="stable")
    pixels, shares, whose = near.pixels[order], shares[order], near.labels[order]
    seen = _half_way(blobs, pixels, shares > 0.5, whose)
    cracks = outer_only(cracks_of(seen), seen, holed)
    at = _crossings(cracks, seen.runs.stride, pixels, shares, whose)
    return smoothed(cracks, seen.runs.stride, blobs.total, at, TAUBIN)


def _half_way(blobs: Blobs, pixels: Ints, bright: NDArray[np.bool_], whose: Ints) -> Blobs:
    """Return the blobs as they are where cut half way: only the pixels about the rims change; of each its largest part."""
    runs = blobs.runs
    # What lies deep inside is left of the runs once the pixels about the rims are taken out.
    kept_starts, kept_lengths, kept_owner = _cut_out(runs, blobs.labels, pixels)
    there = np.zeros(blobs.total, np.bool_)
    there[kept_owner] = there[whose[bright]] = True
    if not there.all():
        # A blob that is nowhere above half way stays as it was found.
        bright = bright | (~there[whose] & _held(runs, blobs.labels, pixels, whose))
    starts = np.concatenate((kept_starts, pixels[bright]))
    owner = np.concatenate((kept_owner, whose[bright]))
    lengths = np.concatenate((kept_lengths, np.ones(int(bright.sum()), np.int64)))
    order = np.argsort(starts, kind="stable")
    starts, owner, ends = starts[order], owner[order], (starts + lengths)[order]
    head = np.ones(len(starts), np.bool_)
    head[1:] = (starts[1:] != ends[:-1]) | (owner[1:] != owner[:-1])
    first = np.flatnonzero(head)
    merged = Runs(starts[first], ends[np.append(first[1:], len(ends)) - 1], runs.stride)
    return _largest(Blobs(blobs.total, blobs.corners, (merged, owner[first])))


def _held(runs: Runs, labels: Ints, pixels: Ints, whose: Ints) -> NDArray[np.bool_]:
    at = np.searchsorted(runs.starts, pixels, "right") - 1
    return np.asarray((at >= 0) & (pixels < runs.ends[at]) & (labels[at] == whose))


def _cut_out(runs: Runs, labels: Ints, pixels: Ints) -> tuple[Ints, Ints, Ints]:
    """Return starts, lengths and labels of what is left of runs without some pixels, ascending."""
    at = np.searchsorted(runs.starts, pixels, "right") - 1
    mine = (at >= 0) & (pixels < runs.ends[at])
    at, pixels = at[mine], pixels[mine]
    starts = np.concatenate((runs.starts, pixels + 1))
    owner = np.concatenate((np.arange(len(labels)), at))
    order = np.argsort(starts, kind="stable")
    starts, owner = starts[order], owner[order]
    stops = np.sort(np.concatenate((runs.ends, pixels)))
    long = stops - starts
    held = long > 0
    return starts[held], long[held], labels[owner[held]]


def _largest(blobs: Blobs) -> Blobs:
    """Return the largest connected part of each blob."""
    part, _ = numbered(joined(blobs.runs, blobs.corners))
    pairs = part * blobs.total + blobs.labels
    kinds, which = np.unique(pairs, return_inverse=True)
    if len(kinds) == blobs.total:
        return blobs
    sizes = np.bincount(which, blobs.runs.lengths)
    owner = kinds % blobs.total
    best = np.zeros(blobs.total)
    np.maximum.at(best, owner, sizes)
    chosen = sizes == best[owner]
    # Of equals the first.
    chosen[np.setdiff1d(np.flatnonzero(chosen), _first_of(owner, chosen))] = False
    mine = chosen[which]
    return Blobs(blobs.total, blobs.corners, (blobs.runs.only(mine), blobs.labels[mine]))


def _first_of(owner: Ints, chosen: NDArray[np.bool_]) -> Ints:
    at = np.flatnonzero(chosen)
    _, first = np.unique(owner[at], return_index=True)
    return at[first]


def _crossings(cracks: Cracks, stride: int, pixels: Ints, shares: Floats, whose: Ints) -> Floats:
    """Return how far along each crack, from the inner pixel's centre to the outer one's, the share is a half."""
    beyond = cracks.pixels + (DX + DY * stride)[cracks.directions]
    if not len(pixels):
        return np.full(len(beyond), 0.5)
    last = len(pixels) - 1
    inner = np.minimum(np.searchsorted(pixels, cracks.pixels), last)
    outer = np.minimum(np.searchsorted(pixels, beyond), last)
    high, low = shares[inner], shares[outer]
    seen = (pixels[inner] == cracks.pixels) & (pixels[outer] == beyond) & (whose[outer] == cracks.labels)
    seen &= (high > 0.5) & (low <= 0.5)
    # A rim that is the region's own, or a neighbour's, lies between the pixels.
    return np.where(seen, (high - 0.5) / np.where(seen, high - low, 1.0), 0.5)


def _blur(near: Near, shares: Floats, noise: Floats, lengths: Floats, count: int) -> Floats:
    """Return how far each rim is blurred, as a standard deviation in pixels."""
    rim = np.abs(near.away) <= LEVEL_FROM
    whose = near.labels[rim]
    spread = np.bincount(whose, shares[rim] * (1 - shares[rim]), count)
    hidden = np.bincount(whose, minlength=count) * noise**2
    blur = math.sqrt(math.pi) * (spread + hidden) / np.maximum(lengths, 1)
    return np.clip(blur, math.sqrt(1 / 12), SOFTEST)


def _reach(near: Near, blur: Floats, band: Band, away: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.abs(away) <= (band.blurs * blur + band.slack)[near.labels])


def _area(near: Near, shares: Floats, blur: Floats, pixels: Floats) -> Floats:
    """Return roughly the areas of blobs (n) that have so many whole pixels."""
    rim = _reach(near, blur, WIDE, near.away)
    change = shares[rim] - (near.away[rim] < 0)
    return np.asarray(pixels + np.bincount(near.labels[rim], change, len(pixels)))


class _Sums:
    """Sums over each blob (n): of whole pixels by runs, corrected about the rims, `beyond` (n) the cut, by the pixels' shares."""

    def __init__(self, blobs: Blobs, near: Near, shares: Floats, blur: Floats, beyond: Floats) -> None:
        runs, self.total = blobs.runs, blobs.total
        rim = _reach(near, blur, NARROW, near.away - beyond[near.labels])
        self.rim, self.labels, self.shares = rim, near.labels[rim], shares[rim]
        change = self.shares - (near.away[rim] < 0)
        rows, columns = runs.places()
        y = near.pixels[rim] // runs.stride
        x = near.pixels[rim] - y * runs.stride
        long = runs.lengths
        middle = columns + (long - 1) / 2
        self.area = blobs.sums(long) + self._by(change)
        safe = np.maximum(self.area, 1e-9)
        self.x = (blobs.sums(long * middle) + self._by(change * x)) / safe
        self.y = (blobs.sums(long * rows) + self._by(change * y)) / safe
        self.u, self.v = x - self.x[self.labels], y - self.y[self.labels]
        dx, dy = middle - self.x[blobs.labels], rows - self.y[blobs.labels]
        own = (long * long - 1) / 12
        self.xx = (blobs.sums(long * (dx * dx + own)) + self._by(change * self.u**2)) / safe
        self.xy = (blobs.sums(long * dx * dy) + self._by(change * self.u * self.v)) / safe
        self.yy = (blobs.sums(long * dy * dy) + self._by(change * self.v**2)) / safe
        self.many = np.bincount(self.labels, minlength=self.total)

    def _by(self, values: Floats) -> Floats:
        return np.bincount(self.labels, values, self.total).astype(np.float64, copy=False)

    def held(self, filled: NDArray[np.bool_]) -> Floats:
        """Return how much of each blob's area is weighed, and would change as the level of the blob does; `filled` pixels count whole."""
        return self._by(np.where(filled[self.rim], 0.0, self.shares))

    def sigmas(self, levels: Levels, noise: Floats) -> tuple[Floats, Floats]:
        """Return standard deviations of area and place, for noise as a share of the contrast."""
        held, free = self._by(self.shares), self._by(1 - self.shares)
        outside, inside = np.maximum(levels.outside, 1), np.maximum(levels.inside, 1)
        area = noise * np.sqrt(self.many + free**2 / outside + held**2 / inside)
        # The pixels' own noise, and that of the slopes of both levels.
        squares = (self.u**2 + self.v**2) / 2
        bright, dim = self._by(self.shares * squares), self._by((1 - self.shares) * squares)
        slopes = (dim + bright * levels.follows) ** 2 / levels.outside_span + bright**2 / levels.inside_span
        place = noise * np.sqrt(self._by(squares) + slopes) / np.maximum(self.area, 1e-9)
        return area, place


def _measured(sums: _Sums, levels: Levels, contrast: Floats, blur: Floats, outlines: Outlines) -> Refined:
    area_sigma, position_sigma = sums.sigmas(levels, levels.noise / contrast)
    lengths = np.maximum(outlines.lengths, 1e-9)
    # A blurred outline lies further in where it is curved; for a whole turn this is what that takes from its length.
    perimeter = outlines.lengths + CURVED * (blur**2 + 0.64) / np.maximum(lengths, 10.0)
    circularity = np.minimum(1.0, 4 * math.pi * outlines.areas / lengths**2)
    least = 1 / 12
    return Refined(
        sums.area,
        sums.x,
        sums.y,
        np.maximum(sums.xx - blur**2, least),
        sums.xy,
        np.maximum(sums.yy - blur**2, least),
        blur,
        area_sigma,
        position_sigma,
        perimeter,
        circularity,
        outlines,
    )
