"""Outlines of many blobs at once: the cracks between pixels inside and outside, each knowing the next one along its outline.

An outline's points lie on the cracks, half way between two pixels or where the grey values between them cross half height. It is
smoothed by Taubin's filter ("Curve and surface smoothing without shrinkage", 1995), which takes the stairs of the pixel grid away but
not the shape: then its length and area are those of what was seen.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.components import Blobs
from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.runs import Ints, Pairs, pairs_of, spread, touching
from analyticlens.engine.errors import ToolFailed

# Directions of a crack, seen from its inner pixel: right, down, left, up.
DX, DY = np.array([1, 0, -1, 0]), np.array([0, 1, 0, -1])
# More cracks than these cannot be followed in a tool's time.
MOST_CRACKS = 220_000
SHRINK, GROW = 0.5, -0.53


class Cracks(NamedTuple):
    """Cracks (k) about blobs: the position of the inner pixel, the direction of the outer one, whose outline it is (`labels`), and the
    index of the crack that follows along the outline, with the blob on the right hand as pictures are seen (y down)."""

    pixels: Ints
    directions: Ints
    labels: Ints
    following: Ints


class Outlines(NamedTuple):
    """Smoothed outlines: points x, y (k) of blobs `labels` (k); by blob (n) their `lengths` and the `areas` within."""

    x: Floats
    y: Floats
    labels: Ints
    lengths: Floats
    areas: Floats

    def of(self, which: NDArray[Any], count: int) -> Outlines:
        """Return those of some of the `count` blobs, by flags or numbers, numbered anew."""
        kept = np.arange(count)[which]
        number = np.full(count, -1)
        number[kept] = np.arange(len(kept))
        labels = number[self.labels]
        mine = labels >= 0
        return Outlines(self.x[mine], self.y[mine], labels[mine], self.lengths[kept], self.areas[kept])


def cracks_of(blobs: Blobs) -> Cracks:
    """Return the cracks about all blobs, those of their holes too. Raises ToolFailed where they are too many for a tool's time."""
    # Every run has two cracks at least, and few have only these.
    _bounded(blobs, 2 * blobs.most_runs)
    runs, labels = blobs.runs, blobs.labels
    pairs = pairs_of(*touching(runs, corners=False))
    same = labels[pairs.above] == labels[pairs.below]
    pairs = Pairs(pairs.above[same], pairs.below[same])
    stride = runs.stride
    up = _uncovered(blobs, pairs.below, runs.starts[pairs.above] + stride, runs.ends[pairs.above] + stride)
    down = _uncovered(blobs, pairs.above, runs.starts[pairs.below] - stride, runs.ends[pairs.below] - stride)
    lists = (runs.ends - 1, down, runs.starts, up)
    pixels = np.concatenate(lists)
    _bounded(blobs, len(pixels))
    directions = np.repeat(np.arange(4), [len(part) for part in lists])
    whose = labels[np.searchsorted(runs.starts, pixels, "right") - 1]
    return Cracks(pixels, directions, whose, _following(blobs, lists, pixels, directions, whose))


def _bounded(blobs: Blobs, cracks: int) -> None:
    if cracks > MOST_CRACKS:
        raise ToolFailed(f"{blobs.total} blobs have outlines too long to follow in a tool's time", "too_costly")


def _uncovered(blobs: Blobs, owners: Ints, first: Ints, past: Ints) -> Ints:
    """Return the pixels of runs, ascending, over which none of the stretches first to past (k) lies; `owners` (k), ascending, says
    which run each stretch is laid over."""
    starts, ends = blobs.runs.starts, blobs.runs.ends
    count = len(starts)
    begins = np.searchsorted(owners, np.arange(count))
    # A stretch of a run that is left free begins with the run or after one that covers it, and ends before the next one or with the run.
    stops = np.append(first, 0)
    lone = begins == np.searchsorted(owners, np.arange(count), "right")
    left = np.concatenate((starts, past))
    last = np.ones(len(owners), np.bool_)
    last[:-1] = owners[1:] != owners[:-1]
    right = np.concatenate((np.where(lone, ends, stops[begins]), np.where(last, ends[owners], stops[1:])))
    free = right > left
    return np.sort(spread(left[free], right[free] - left[free]))


def _following(blobs: Blobs, lists: tuple[Ints, ...], pixels: Ints, directions: Ints, whose: Ints) -> Ints:
    """Return of each crack the index of the next one: turning right where the blob ends, left where it goes on outwards."""
    offsets = np.array([1, blobs.runs.stride, -1, -blobs.runs.stride])
    ahead = pixels + offsets[(directions + 1) % 4]
    outward = ahead + offsets[directions]
    goes_on, goes_out = _belongs(blobs, ahead, whose), _belongs(blobs, outward, whose)
    if not blobs.corners:
        goes_out &= goes_on
    pixel = np.where(goes_out, outward, np.where(goes_on, ahead, pixels))
    direction = (directions + np.where(goes_out, 3, np.where(goes_on, 0, 1))) % 4
    following = np.empty(len(pixels), np.int64)
    begin = 0
    for turn, part in enumerate(lists):
        mine = np.flatnonzero(direction == turn)
        following[mine] = begin + np.searchsorted(part, pixel[mine])
        begin += len(part)
    return following


def _belongs(blobs: Blobs, pixels: Ints, whose: Ints) -> NDArray[np.bool_]:
    """Tell which pixels belong to the blob of that number."""
    at = np.searchsorted(blobs.runs.starts, pixels, "right") - 1
    held = (at >= 0) & (pixels < blobs.runs.ends[at])
    return np.asarray(held & (blobs.labels[at] == whose))


def outer_only(cracks: Cracks, blobs: Blobs, holed: NDArray[np.bool_]) -> Cracks:
    """Return the cracks without those about holes; `holed` (n) says which blobs may have any."""
    mine = np.flatnonzero(holed[cracks.labels])
    if not len(mine):
        return cracks
    at = np.empty(len(cracks.pixels), np.int64)
    at[mine] = np.arange(len(mine))
    leader, jump = np.arange(len(mine)), at[cracks.following[mine]]
    reach = 1
    while reach < len(mine):
        leader = np.minimum(leader, leader[jump])
        jump = jump[jump]
        reach *= 2
    # Above a blob's first pixel is its outer outline.
    tops = blobs.runs.starts[blobs.firsts()]
    begin = np.flatnonzero((cracks.directions == 3) & holed[cracks.labels])
    begin = begin[cracks.pixels[begin] == tops[cracks.labels[begin]]]
    outer = np.full(len(holed), -1)
    outer[cracks.labels[begin]] = leader[at[begin]]
    keep = np.ones(len(cracks.pixels), np.bool_)
    keep[mine] = leader == outer[cracks.labels[mine]]
    number = np.cumsum(keep) - 1
    return Cracks(cracks.pixels[keep], cracks.directions[keep], cracks.labels[keep], number[cracks.following[keep]])


def smoothed(cracks: Cracks, stride: int, count: int, shares: Floats | float, rounds: int) -> Outlines:
    """Return outlines through points that lie a share (k, 0 to 1) of the way from the inner pixel to the outer one, smoothed."""
    row = cracks.pixels // stride
    x = cracks.pixels - row * stride + DX[cracks.directions] * shares
    y = row + DY[cracks.directions] * shares
    after = cracks.following
    before = np.empty_like(after)
    before[after] = np.arange(len(after))
    for weight in (SHRINK, GROW) * rounds:
        x = x + weight * ((x[before] + x[after]) / 2 - x)
        y = y + weight * ((y[before] + y[after]) / 2 - y)
    lengths = np.bincount(cracks.labels, np.hypot(x[after] - x, y[after] - y), count).astype(np.float64)
    areas = np.abs(np.bincount(cracks.labels, x * y[after] - x[after] * y, count)) / 2
    return Outlines(x, y, cracks.labels, lengths, areas)
