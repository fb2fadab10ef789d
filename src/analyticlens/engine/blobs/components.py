"""Connected components of a mask, as runs of pixels that each know their component.

Most pictures are mostly background, and their runs are few: they are joined in arrays as long as the runs are many, whatever the size
of the picture. Where a picture is nothing but noise OpenCV labels its pixels, and runs are made only for what is measured of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.runs import NO_INTS, Ints, Runs, joined, numbered, runs_of
from analyticlens.engine.buffers import Buffers

WORD = 8
# From one run in so many pixels on, labelling every pixel is faster.
CROWDED = 40


class MaskMemory(NamedTuple):
    """Memory for a mask (h, w): `mask` is a view into `flat` (1 + h * stride), whose first byte and unused columns are 0.

    `filled` holds, where holes were filled, what was filled of the mask (h, w; 255 or 0), and nothing else.
    """

    mask: NDArray[np.uint8]
    flat: NDArray[np.uint8]
    stride: int
    filled: list[NDArray[np.uint8]]


class Labelled(NamedTuple):
    """A mask labelled pixel by pixel: `memory` it lies in, `labels` (h, stride) of int32, and OpenCV's statistics of each label: `stats`
    (n + 1, 5) left, top, width, height, area and `centres` (n + 1, 2) x, y; label 0 is the background. It has `runs` runs."""

    memory: MaskMemory
    labels: NDArray[np.int32]
    stats: NDArray[np.int32]
    centres: NDArray[np.float64]
    runs: int


class Blobs:
    """Components, numbered from 0 to `total` - 1, as runs: `runs` (m) in ascending order, and in `labels` (m) whose each one is.

    `corners` says whether pixels that touch at a corner belong together. Where the mask was labelled pixel by pixel, `picture` holds
    that, `numbers` (total) the label each component has there, and runs are looked for only once somebody asks for them.
    """

    def __init__(
        self,
        total: int,
        corners: bool,
        found: tuple[Runs, Ints] | None = None,
        picture: Labelled | None = None,
        numbers: Ints = NO_INTS,
    ) -> None:
        self.total = total
        self.corners = corners
        self.picture = picture
        self.numbers = numbers
        self._found = found

    @property
    def runs(self) -> Runs:
        """The runs of all components."""
        return self._runs()[0]

    @property
    def labels(self) -> Ints:
        """The component of each run."""
        return self._runs()[1]

    def _runs(self) -> tuple[Runs, Ints]:
        if self._found is None:
            assert self.picture is not None
            memory = self.picture.memory
            runs = runs_of(memory.flat, np.empty(len(memory.flat) - 1, np.bool_), memory.stride)
            number = np.full(len(self.picture.stats), -1)
            number[self.numbers] = np.arange(self.total)
            labels = number[self.picture.labels.ravel()[runs.starts]]
            mine = labels >= 0
            self._found = runs.only(mine), labels[mine]
        return self._found

    @property
    def most_runs(self) -> int:
        """How many runs there are, or can be at most where nobody has looked for them yet."""
        if self._found is None and self.picture is not None:
            return min(self.picture.runs, int(self.areas().sum()))
        return len(self.labels)

    def sums(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum over each component (total) of a value for each run (m)."""
        return np.bincount(self.labels, values, self.total).astype(np.float64, copy=False)

    def areas(self) -> NDArray[np.float64]:
        """Return the pixels of each component (total)."""
        if self.picture is not None:
            return self._stats()[:, cv2.CC_STAT_AREA].astype(np.float64)
        return self.sums(self.runs.lengths)

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean x and y of each component's pixels."""
        if self.picture is not None:
            x, y = self._of_each(self.picture.centres).T
            return x, y
        rows, columns = self.runs.places()
        long = self.runs.lengths
        area = self.sums(long)
        return self.sums(long * columns + long * (long - 1) / 2) / area, self.sums(long * rows) / area

    def boxes(self) -> Ints:
        """Return left, top, width and height (4, total) of each component."""
        if self.picture is not None:
            return self._stats()[:, :4].T.astype(np.int64)
        rows, columns = self.runs.places()
        # `at` is quick where both sides are of one type.
        left = np.full(self.total, columns.max(), np.int64)
        right, bottom = np.zeros(self.total, np.int64), np.zeros(self.total, np.int64)
        np.minimum.at(left, self.labels, columns)
        np.maximum.at(right, self.labels, columns + self.runs.lengths)
        np.maximum.at(bottom, self.labels, rows + 1)
        top = rows[self.firsts()]
        return np.array((left, top, right - left, bottom - top))

    def _stats(self) -> NDArray[np.int32]:
        """Return OpenCV's statistics (total, 5) of each component that was labelled pixel by pixel."""
        assert self.picture is not None
        return self._of_each(self.picture.stats)

    def _of_each(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the rows of OpenCV's tables that are the components', without copying them where that is all of them."""
        return rows[1:] if self.total == len(rows) - 1 else rows[self.numbers]

    def firsts(self) -> Ints:
        """Return the index of each component's first run."""
        first = np.empty(self.total, np.int64)
        first[self.labels[::-1]] = np.arange(len(self.labels) - 1, -1, -1)
        return first

    def heights(self) -> Ints:
        """Return numbers (total) that grow from the uppermost component to the lowest."""
        if self.picture is not None:
            stats = self._stats()
            heights = stats[:, cv2.CC_STAT_TOP] * np.int64(self.picture.memory.stride)
            heights += stats[:, cv2.CC_STAT_LEFT]
            return np.asarray(heights)
        return self.firsts()

    def uppermost(self, most: int) -> Ints:
        """Return the numbers of the first `most` components, from the uppermost down."""
        heights = self.heights()
        if self.total > most:
            first = np.argpartition(heights, most - 1)[:most]
            first.sort()
            return first[np.argsort(heights[first], kind="stable")]
        return np.argsort(heights, kind="stable")

    def kept(self, chosen: NDArray[np.bool_]) -> Blobs:
        """Return the chosen (total) components alone, numbered anew in their order."""
        return self if chosen.all() else self.ranked(np.flatnonzero(chosen))

    def ranked(self, order: Ints) -> Blobs:
        """Return some components, by their numbers (k), numbered in this order."""
        if self.picture is not None:
            return Blobs(len(order), self.corners, None, self.picture, self.numbers[order])
        number = np.full(self.total, -1)
        number[order] = np.arange(len(order))
        labels = number[self.labels]
        mine = labels >= 0
        return Blobs(len(order), self.corners, (self.runs.only(mine), labels[mine]))


def mask_memory(shape: tuple[int, int], buffers: Buffers, name: str = "mask") -> MaskMemory:
    """Return memory for a mask that `components` can look at quickly; its pixels are not set to anything."""
    height, width = shape
    stride = -(-(width + 1) // WORD) * WORD
    # One byte before the first pixel, which starts a whole word.
    memory = buffers.take(name, (WORD + height * stride,), np.uint8)
    memory[:WORD] = 0
    rows = memory[WORD:].reshape(height, stride)
    rows[:, width:] = 0
    return MaskMemory(rows[:, :width], memory[WORD - 1 :], stride, [])


def components(memory: MaskMemory, corners: bool, buffers: Buffers) -> Blobs:
    """Return the connected components of a mask (0: background), numbered in no order that means anything."""
    changes = buffers.take("changes", (len(memory.flat) - 1,), np.bool_)
    np.not_equal(memory.flat[1:], memory.flat[:-1], out=changes)
    many = int(np.count_nonzero(changes)) // 2
    if many * CROWDED < memory.mask.size:
        edges = np.flatnonzero(changes)
        runs = Runs(edges[::2], edges[1::2], memory.stride)
        labels, total = numbered(joined(runs, corners))
        return Blobs(total, corners, (runs, labels))
    # The unused columns are labelled with the rest, so that a run's place is that of its label.
    rows = memory.flat[1:].reshape(-1, memory.stride)
    image = buffers.take("labels", rows.shape, np.int32)
    way, algorithm = (8, cv2.CCL_BBDT) if corners else (4, cv2.CCL_WU)
    count, _, stats, centres = cv2.connectedComponentsWithStatsWithAlgorithm(
        rows, way, cv2.CV_32S, algorithm, labels=image
    )
    picture = Labelled(memory, image, np.asarray(stats, np.int32), np.asarray(centres, np.float64), many)
    return Blobs(count - 1, corners, None, picture, np.arange(1, count))
