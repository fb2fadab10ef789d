"""Touching parts of a blob told apart by how deep they are: a watershed of the distance from the rim.

Every pixel climbs to the neighbour that lies steepest above it, and so to the middle of its part; all pixels climb at once, by
doubling their steps (the watershed by rainfall, cf. Meyer, "Topographic distance and watershed lines", 1994). Middles that no narrow
neck divides are one part: where the pass between two is deeper than a share of the lower one, they are joined, the highest pass first.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.components import Blobs, MaskMemory, mask_memory
from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.runs import NO_INTS, Ints, Runs, holes_of, shortened, spread
from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import ToolFailed

# A blob that reaches no farther than so many times the radius of the largest disc in it, and so many pixels, has but one part.
ONE_DISC, ROUGH = 2.06, 2.0
# Parts whose middle is not deeper than this, in pixels, are the rim's own roughness.
SHALLOW = 1.5
# Depths are measured to pixel centres beyond the rim, which lies so far before them; a neck is deeper by so much: beside that, light
# blurred by about a pixel fills the corners at its sides.
RIM, ROUNDED = 0.5, 1.4
# Depths that differ by no more are one: rims are rough.
ROUGHNESS = 1.0
# Holes of at most so many pixels are noise.
PINHOLE = 9
MOST_RUNS = 300_000


def split(blobs: Blobs, memory: MaskMemory, neck: float, most: int, buffers: Buffers) -> Blobs:
    """Return blobs cut where parts touch: where the neck's breadth is at most `neck` times the smaller part's, to within 3 pixels of it.

    `memory` is their mask. Raises ToolFailed where more than `most` pixels may have to be split.
    """
    if blobs.most_runs > MOST_RUNS:
        raise ToolFailed(f"{blobs.total} blobs of noise are too many to split in a tool's time", "too_costly")
    shape = memory.mask.shape
    calm = _without_pinholes(blobs, memory, buffers)
    deep = cv2.distanceTransform(calm, cv2.DIST_L2, 5, dst=buffers.take("deep", shape, np.float32))
    chosen = _may_have_parts(blobs, deep)
    if not chosen.any():
        return blobs
    whole, doubtful = _parted(blobs, chosen)
    if (total := int(doubtful.runs.lengths.sum())) > most:
        raise ToolFailed(f"touching parts can be split in {most} pixels of blobs, and these have {total}", "too_costly")
    return _joined(whole, _cut(doubtful, deep, neck, buffers), blobs.corners)


def _without_pinholes(blobs: Blobs, memory: MaskMemory, buffers: Buffers) -> NDArray[np.uint8]:
    """Return the mask with the small holes of blobs filled: noise in a part would make it shallow all about."""
    height, width = memory.mask.shape
    calm = mask_memory((height, width), buffers, "calm")
    np.copyto(calm.mask, memory.mask)
    gaps, holes = holes_of(blobs.runs, height, blobs.corners)
    if len(holes):
        fine = np.bincount(holes, gaps.lengths)[holes] <= PINHOLE
        calm.flat[1 + spread(gaps.starts[fine], gaps.lengths[fine])] = 255
    return calm.mask


def _may_have_parts(blobs: Blobs, deep: NDArray[Any]) -> NDArray[np.bool_]:
    rows, columns = blobs.runs.places()
    long = blobs.runs.lengths
    at = spread(rows * deep.shape[1] + columns, long)
    depths = np.maximum.reduceat(deep.ravel()[at], np.cumsum(long) - long)
    deepest = np.zeros(blobs.total)
    np.maximum.at(deepest, blobs.labels, depths.astype(np.float64))
    return np.asarray(blobs.boxes()[2:].max(axis=0) > ONE_DISC * deepest + ROUGH)


def _parted(blobs: Blobs, chosen: NDArray[np.bool_]) -> tuple[Blobs, Blobs]:
    if chosen.all():
        nothing = Blobs(0, blobs.corners, (blobs.runs.only(NO_INTS), NO_INTS))
        return nothing, blobs
    return blobs.kept(~chosen), blobs.kept(chosen)


def _cut(blobs: Blobs, deep: NDArray[Any], neck: float, buffers: Buffers) -> Blobs:
    """Return every part of blobs as a blob."""
    runs, stride = blobs.runs, blobs.runs.stride
    pixels = spread(runs.starts, runs.lengths)
    rows = pixels // stride
    depth = deep.ravel()[rows * deep.shape[1] + pixels - rows * stride].astype(np.float64)
    neighbours = _neighbours(pixels, stride, deep.shape[0], buffers)
    top, height = _climbed(depth, neighbours)
    part = _merged(top, height, depth, neighbours, neck)
    # Runs are cut where the part changes.
    head = np.ones(len(pixels), np.bool_)
    head[1:] = (part[1:] != part[:-1]) | (pixels[1:] != pixels[:-1] + 1)
    first = np.flatnonzero(head)
    ends = pixels[np.append(first[1:], len(pixels)) - 1] + 1
    _, labels = np.unique(part[first], return_inverse=True)
    return Blobs(int(labels.max()) + 1, blobs.corners, (Runs(pixels[first], ends, stride), labels))


def _neighbours(pixels: Ints, stride: int, height: int, buffers: Buffers) -> list[tuple[Ints, float]]:
    """Return for each of the eight directions the index of each pixel's neighbour in `pixels` (itself where there is none), and how
    far it is."""
    # A row and a pixel to either side, so that every neighbour has a place.
    numbers = buffers.take("numbers", ((height + 2) * stride + 2,), np.int32)
    numbers[:] = -1
    at = pixels + stride + 1
    own = np.arange(len(pixels))
    numbers[at] = own
    found = []
    for dy, dx in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
        index = numbers[at + dy * stride + dx].astype(np.int64)
        found.append((np.where(index < 0, own, index), math.hypot(dx, dy)))
    return found


def _climbed(depth: Floats, neighbours: list[tuple[Ints, float]]) -> tuple[Ints, Floats]:
    """Return the top (an index) that each pixel climbs to, and the depth of it."""
    count = len(depth)
    best, goal = np.zeros(count), np.arange(count)
    for index, distance in neighbours:
        rise = (depth[index] - depth) / distance
        # On a plateau everything goes to the pixel that comes first.
        level = (rise == 0) & (index < goal) & (best == 0)
        steeper = (rise > best) | level
        best, goal = np.where(steeper, np.maximum(rise, best), best), np.where(steeper, index, goal)
    goal = shortened(goal)
    return goal, depth[goal]


def _merged(top: Ints, height: Floats, depth: Floats, neighbours: list[tuple[Ints, float]], neck: float) -> Ints:
    """Return the part of each pixel, as the index of a top, once tops without a narrow neck between them are one."""
    ones, others, passes = [], [], []
    # The second half of the directions has every pair of neighbours once.
    for index, _ in neighbours[4:]:
        apart = np.flatnonzero(top != top[index])
        ones.append(top[apart])
        others.append(top[index[apart]])
        passes.append(np.minimum(depth[apart], depth[index[apart]]))
    one, other, passing = (np.concatenate(part) for part in (ones, others, passes))
    root, peak = np.arange(len(top)), np.where(top == np.arange(len(top)), depth, 0.0)
    while len(one):
        lower = np.minimum(peak[one], peak[other])
        wide = (passing - ROUNDED > neck * (lower - RIM)) | (lower <= SHALLOW) | (lower - passing <= ROUGHNESS)
        if not wide.any():
            break
        root, peak = _round(root, peak, one[wide], other[wide], passing[wide])
        one, other = root[one], root[other]
        apart = one != other
        one, other, passing = one[apart], other[apart], passing[apart]
    return root[top]


def _round(root: Ints, peak: Floats, one: Ints, other: Ints, passing: Floats) -> tuple[Ints, Floats]:
    """Join each lower top to the higher one over its highest pass; the higher one of two is it by depth, then by place."""
    below = (peak[one] < peak[other]) | ((peak[one] == peak[other]) & (one > other))
    low, high = np.where(below, one, other), np.where(below, other, one)
    order = np.lexsort((high, passing, low))
    last = np.append(np.flatnonzero(np.diff(low[order])), len(order) - 1)
    goal = np.arange(len(root))
    goal[low[order[last]]] = high[order[last]]
    return shortened(goal)[root], peak


def _joined(one: Blobs, other: Blobs, corners: bool) -> Blobs:
    """Return the blobs of both, in one order of runs."""
    starts, ends = (
        np.concatenate((one.runs.starts, other.runs.starts)),
        np.concatenate((one.runs.ends, other.runs.ends)),
    )
    labels = np.concatenate((one.labels, other.labels + one.total))
    order = np.argsort(starts, kind="stable")
    return Blobs(one.total + other.total, corners, (Runs(starts[order], ends[order], other.runs.stride), labels[order]))
