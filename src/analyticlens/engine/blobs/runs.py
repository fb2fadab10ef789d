"""Run-length labelling: connected components from the runs of a mask, without a look at its pixels one by one.

A mask is a flat array whose rows have a stride of at least one pixel more than their width, which is never set: so no run reaches
from one row into the next, and the run below another lies a stride further on. A run is a start and a past-end position there. Runs
are joined by the forest of the earliest run each touches in the row above; what still differs is hooked to the smaller root until
nothing does, each round over all pairs at once (Shiloach & Vishkin, "An O(log n) parallel connectivity algorithm", 1982).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
NO_INTS: Ints = np.zeros(0, np.int64)


class Runs(NamedTuple):
    """Runs of set pixels in ascending order: `starts` and past-`ends` (m), positions row * stride + column."""

    starts: Ints
    ends: Ints
    stride: int

    @property
    def lengths(self) -> Ints:
        """Pixels of each run."""
        return self.ends - self.starts

    def places(self) -> tuple[Ints, Ints]:
        """Return row and first column of each run."""
        rows = self.starts // self.stride
        return rows, self.starts - rows * self.stride

    def only(self, chosen: NDArray[Any]) -> Runs:
        """Return some of the runs, by flags or ascending indices."""
        return Runs(self.starts[chosen], self.ends[chosen], self.stride)


class Pairs(NamedTuple):
    """Runs that touch: run `above` (k) and a run `below` (k) it in the next row, in the order of the lower ones."""

    above: Ints
    below: Ints


def runs_of(flat: NDArray[np.uint8], changes: NDArray[np.bool_], stride: int) -> Runs:
    """Return the runs of a mask (1 + rows * stride) whose first byte is 0; `changes` (rows * stride) is scratch memory."""
    np.not_equal(flat[1:], flat[:-1], out=changes)
    edges = np.flatnonzero(changes)
    return Runs(edges[::2], edges[1::2], stride)


def touching(runs: Runs, corners: bool) -> tuple[Ints, Ints]:
    """Return of each run the first and the past-last run that touch it in the row above; at corners too, or at sides only."""
    starts, ends, stride = runs
    first = np.searchsorted(ends, starts - stride, "left" if corners else "right")
    past = np.searchsorted(starts, ends - stride, "right" if corners else "left")
    return first, np.maximum(first, past)


def pairs_of(first: Ints, past: Ints) -> Pairs:
    """Return all pairs of runs that touch."""
    counts = past - first
    below = np.repeat(np.arange(len(first)), counts)
    return Pairs(spread(first, counts), below)


def spread(firsts: Ints, counts: Ints) -> Ints:
    """Return first, first + 1, ... so many of each, one after another.

    >>> spread(np.array([5, 9]), np.array([3, 1])).tolist()
    [5, 6, 7, 9]
    """
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(firsts - ends + counts, counts) + np.arange(total)


def joined(runs: Runs, corners: bool) -> Ints:
    """Return of each run the first run of its component."""
    first, past = touching(runs, corners)
    root = np.where(past > first, first, np.arange(len(first)))
    root = shortened(root)
    more = np.flatnonzero(past - first > 1)
    counts = past[more] - first[more] - 1
    above = spread(first[more] + 1, counts)
    below = np.repeat(more, counts)
    return hooked(root, above, below)


def hooked(root: Ints, one: Ints, other: Ints) -> Ints:
    """Return roots, each an element of its own component, after `one` and `other` (k) were joined pair by pair."""
    one, other = root[one], root[other]
    while True:
        apart = np.flatnonzero(one != other)
        if not len(apart):
            return root
        low, high = np.minimum(one[apart], other[apart]), np.maximum(one[apart], other[apart])
        np.minimum.at(root, high, low)
        root = shortened(root)
        one, other = root[low], root[high]


def shortened(root: Ints) -> Ints:
    """Return roots of roots until nothing changes."""
    while True:
        further = root[root]
        if (further == root).all():
            return root
        root = further


def numbered(root: Ints) -> tuple[Ints, int]:
    """Return a number from 0 for each element's component, in the order of their first elements, and how many there are."""
    heads = np.flatnonzero(root == np.arange(len(root)))
    number = np.empty(len(root), np.int64)
    number[heads] = np.arange(len(heads))
    return number[root], len(heads)


def holes_of(runs: Runs, height: int, corners: bool) -> tuple[Runs, Ints]:
    """Return the runs of background that are enclosed, and of each the index of the run left of its hole's first one.

    `corners` says how the foreground is connected: the background is then connected the other way. `height` is the mask's rows.
    """
    if not len(runs.starts):
        return Runs(NO_INTS, NO_INTS, runs.stride), NO_INTS
    last = height * runs.stride
    gaps = Runs(np.append(0, runs.ends), np.append(runs.starts, last), runs.stride)
    root = joined(gaps, not corners)
    # A gap that holds the unused column of a row, or lies in the first or last row, is outside.
    row = gaps.starts // runs.stride
    outside = (gaps.ends - 1) // runs.stride != row
    outside |= gaps.ends % runs.stride == 0
    outside |= (row == 0) | (row == height - 1) | (gaps.ends <= gaps.starts)
    open_root = np.zeros(len(root), np.bool_)
    open_root[root[outside]] = True
    enclosed = np.flatnonzero(~open_root[root])
    return gaps.only(enclosed), root[enclosed] - 1
