"""The pixels about the rims of blobs: how far from the rim each lies, to which blob it is nearest, and its grey value."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.components import Blobs, MaskMemory
from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.runs import Ints
from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import ToolFailed

# Pixels up to so far from a rim are looked at: the background's level is taken there.
REACH = 11.0
# More pixels than these cannot be looked at, and weighed, in a tool's time.
MOST_LOOKED, MOST_NEAR = 1_500_000, 250_000
MARGIN = 13
# Of a filled hole so many pixels in from its rim are looked at too, where that is no farther than this from the blob's own rim.
IN_HOLE, DEEPEST_HOLE = 6.0, 15.0
# Standard deviation of the smoothing that outlines are traced on.
SMOOTHING = 0.8

Tile = tuple[int, int, int, int]


class Near(NamedTuple):
    """Pixels about rims, all of the region and nearest to a blob of those looked at.

    `pixels` (k) positions in the mask, ascending in each tile; `labels` the nearest blob; `away` the distance from its rim in pixels,
    negative inside; `grey` and `smooth` the grey value, raw and smoothed; `right` the raw grey of the pixel to the right; `bare` the
    distance from the nearest rim where that of a filled hole is one too, and positive in the hole.
    """

    pixels: Ints
    labels: Ints
    away: Floats
    grey: Floats
    smooth: Floats
    right: Floats
    bare: Floats

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Which pixels (k) of a blob are those of a filled hole or nearer to it than to the blob's own rim."""
        return np.asarray(self.bare > self.away)

    def only(self, chosen: NDArray[Any]) -> Near:
        """Return some of the pixels."""
        return Near(*(part[chosen] for part in self))


def near_pixels(
    blobs: Blobs, memory: MaskMemory, grey: NDArray[Any], region: NDArray[Any] | None, buffers: Buffers
) -> Near:
    """Return the pixels about the rims of blobs; `memory` has them and everything else that is no background, `grey` (h, w) is the
    raw picture, `region` (h, w) is 0 where the region is not."""
    height, width = memory.mask.shape
    # Every run has two rims at least, and about each lie as many pixels as are looked at.
    if REACH * blobs.most_runs > MOST_NEAR:
        raise _too_many(blobs)
    tiles = _tiles(blobs, height, width)
    if sum((bottom - top) * (right - left) for top, bottom, left, right in tiles) > MOST_LOOKED:
        raise _too_many(blobs)
    parts = [_tile(tile, blobs, memory, grey, region, buffers) for tile in _tiles(blobs, height, width)]
    if sum(len(part.pixels) for part in parts) > MOST_NEAR:
        raise _too_many(blobs)
    return Near(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _too_many(blobs: Blobs) -> ToolFailed:
    return ToolFailed(
        f"{blobs.total} blobs have rims too long to weigh their grey values in a tool's time", "too_costly"
    )


def _tiles(blobs: Blobs, height: int, width: int) -> list[Tile]:
    """Return rectangles (top, bottom, left, right), apart from one another, that hold all blobs with a margin."""
    rows, columns = blobs.runs.places()
    past = columns + blobs.runs.lengths
    breaks = np.flatnonzero(np.diff(rows) > 2 * MARGIN) + 1
    tiles = []
    for first, last in zip([0, *breaks.tolist()], [*breaks.tolist(), len(rows)], strict=True):
        order = np.argsort(columns[first:last], kind="stable")
        lefts, rights = columns[first:last][order], np.maximum.accumulate(past[first:last][order])
        cuts = np.flatnonzero(lefts[1:] - rights[:-1] > 2 * MARGIN) + 1
        top, bottom = max(0, int(rows[first]) - MARGIN), min(height, int(rows[last - 1]) + MARGIN + 1)
        for a, b in zip([0, *cuts.tolist()], [*cuts.tolist(), len(lefts)], strict=True):
            tiles.append((top, bottom, max(0, int(lefts[a]) - MARGIN), min(width, int(rights[b - 1]) + MARGIN)))
    return tiles


def _tile(
    tile: Tile, blobs: Blobs, memory: MaskMemory, grey: NDArray[Any], region: NDArray[Any] | None, buffers: Buffers
) -> Near:
    top, bottom, left, right = tile
    shape = (bottom - top, right - left)
    mask = memory.mask[top:bottom, left:right]
    empty = cv2.bitwise_not(mask, dst=buffers.take("empty", shape, np.uint8))
    inner = cv2.distanceTransform(mask, cv2.DIST_L2, 5, dst=buffers.take("inner", shape, np.float32))
    outer, nearest = cv2.distanceTransformWithLabels(
        empty,
        cv2.DIST_L2,
        5,
        dst=buffers.take("outer", shape, np.float32),
        labels=buffers.take("nearest", shape, np.int32),
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    close = np.less(outer, REACH, out=buffers.take("close", shape, np.bool_))
    close &= inner < REACH
    hole = None
    for filled in memory.filled:
        hole = _from_hole(filled[top:bottom, left:right], buffers)
        close |= (hole <= 0) & (hole > -IN_HOLE) & (inner < DEEPEST_HOLE)
    if region is not None:
        close &= region[top:bottom, left:right] != 0
    inside = np.flatnonzero(mask)
    y, x = np.divmod(inside, shape[1])
    owners = np.full(len(inside) + 1, -1)
    owners[nearest.ravel()[inside]] = _owners(blobs, (y + top) * memory.stride + x + left)
    at = np.flatnonzero(close)
    whose = owners[nearest.ravel()[at]]
    at, whose = at[whose >= 0], whose[whose >= 0]
    raw = grey[top:bottom, left:right].astype(np.float32)
    smooth = cv2.GaussianBlur(raw, (0, 0), SMOOTHING, borderType=cv2.BORDER_REPLICATE)
    away = np.where(outer.ravel()[at] > 0, outer.ravel()[at] - 0.5, 0.5 - inner.ravel()[at])
    y, x = np.divmod(at, shape[1])
    beside = raw.ravel()[np.where(x + 1 < shape[1], at + 1, at)]
    pixels = (y + top) * memory.stride + x + left
    bare = away if hole is None else np.maximum(away, -hole.ravel()[at])
    away, here, even, beside, bare = (
        part.astype(np.float64) for part in (away, raw.ravel()[at], smooth.ravel()[at], beside, bare)
    )
    return Near(pixels, whose, away, here, even, beside, bare)


def _from_hole(filled: NDArray[np.uint8], buffers: Buffers) -> NDArray[np.float32]:
    """Return how far each pixel lies from the rim of the nearest filled hole, negative in it."""
    rest = cv2.bitwise_not(filled, dst=buffers.take("unfilled", filled.shape, np.uint8))
    # Without a hole in the tile the distance is as large as OpenCV knows.
    beyond = cv2.distanceTransform(rest, cv2.DIST_L2, 5, dst=buffers.take("beyond", filled.shape, np.float32))
    within = cv2.distanceTransform(filled, cv2.DIST_L2, 5, dst=buffers.take("within", filled.shape, np.float32))
    np.subtract(beyond, within, out=beyond)
    np.subtract(beyond, np.copysign(np.float32(0.5), beyond, out=within), out=beyond)
    return np.asarray(beyond, np.float32)


def _owners(blobs: Blobs, pixels: Ints) -> Ints:
    """Return the number of the blob that each pixel belongs to, -1 for none of them."""
    starts, ends = blobs.runs.starts, blobs.runs.ends
    at = np.searchsorted(starts, pixels, "right") - 1
    return np.where((at >= 0) & (pixels < ends[at]), blobs.labels[at], -1)
