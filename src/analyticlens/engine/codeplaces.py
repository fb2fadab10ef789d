"""Where codes may be in a picture: busy places, and bars that all run one way.

Both from the structure tensor (J. Bigun, G. Granlund, "Optimal orientation detection of linear symmetry", 1987), averaged over blocks.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers

BLOCK = 8
# A block is busy with this share of the energy of the busiest.
BUSY = 0.2
# Bars: the share of a block's gradients that agree on one direction, and of the energy of the busiest.
AGREEING = 0.45
STRONG = 0.1
LEAST_BLOCKS = 4
MOST_STRIPS = 3
MOST_BOXES = 4


class Box(NamedTuple):
    """Columns x0 to x1 - 1 and rows y0 to y1 - 1 of a picture."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def area(self) -> int:
        """Its pixels."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)


class Strip(NamedTuple):
    """Bars about (x, y): `angle_deg` is the direction across them, `length` their extent along it, `height` that along the bars."""

    x: float
    y: float
    angle_deg: float
    length: float
    height: float


class Tensor(NamedTuple):
    """Means over blocks (rows, columns): gradient energy, and the doubled direction of the gradients times their agreement."""

    energy: NDArray[np.float32]
    along: NDArray[np.float32]
    across: NDArray[np.float32]


def structure(grey: NDArray[np.uint8], buffers: Buffers) -> Tensor | None:
    """Return the structure tensor of a picture (h, w) uint8 by blocks of 8 pixels; None where it is smaller than a few blocks."""
    rows, columns = grey.shape[0] // BLOCK, grey.shape[1] // BLOCK
    if rows < 2 or columns < 2:
        return None
    shape = (rows * BLOCK, columns * BLOCK)
    smooth = cv2.GaussianBlur(
        grey[: shape[0], : shape[1]], (5, 5), 1.0, dst=buffers.take("code smooth", shape, np.uint8)
    )
    gx, gy, product = (buffers.take(f"code {name}", shape, np.float32) for name in ("gx", "gy", "product"))
    cv2.Sobel(smooth, cv2.CV_32F, 1, 0, dst=gx)
    cv2.Sobel(smooth, cv2.CV_32F, 0, 1, dst=gy)
    cross = _blocks(np.multiply(gx, gy, out=product), rows, columns)
    xx = _blocks(np.multiply(gx, gx, out=product), rows, columns)
    yy = _blocks(np.multiply(gy, gy, out=product), rows, columns)
    return Tensor(xx + yy, xx - yy, 2 * cross)


def _blocks(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    means = cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(means, (3, 3), borderType=cv2.BORDER_REPLICATE))


def busy(tensor: Tensor | None, shape: tuple[int, int], room: int) -> list[Box]:
    """Return the busiest places, that with most energy first, as many as have at most `room` pixels together."""
    height, width = shape
    if tensor is None:
        return []
    mask = (tensor.energy > BUSY * tensor.energy.max()).astype(np.uint8)
    boxes = []
    for x, y, w, h in _heaviest(mask, tensor.energy, MOST_BOXES, LEAST_BLOCKS):
        margin = 2 * BLOCK
        box = Box(
            max(0, x * BLOCK - margin),
            max(0, y * BLOCK - margin),
            min(width, (x + w) * BLOCK + margin),
            min(height, (y + h) * BLOCK + margin),
        )
        if box.area <= room:
            room -= box.area
            boxes.append(box)
    return boxes


def _heaviest(mask: NDArray[np.uint8], weight: NDArray[np.float32], most: int, least: int) -> list[list[int]]:
    """Return x, y, w, h of the heaviest connected parts of a mask."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    weights = np.bincount(labels.ravel(), weight.ravel(), count)
    weights[0] = 0
    weights[stats[:, cv2.CC_STAT_AREA] < least] = 0
    order = np.argsort(-weights, kind="stable")[:most]
    return [stats[number, :4].tolist() for number in order if weights[number] > 0]


def strips(tensor: Tensor | None) -> list[Strip]:
    """Return where bars all run one way, the strongest first."""
    if tensor is None:
        return []
    agreement = np.hypot(tensor.along, tensor.across)
    mask = (agreement > AGREEING * tensor.energy) & (tensor.energy > STRONG * tensor.energy.max())
    if not mask.any():
        return []
    found = []
    for angle in _directions(tensor, agreement * mask):
        turn = np.arctan2(tensor.across, tensor.along) - 2 * angle
        alike = (mask & (np.cos(turn) > math.cos(math.radians(30)))).astype(np.uint8)
        found += _strips_along(alike, tensor, agreement)
    found.sort(key=lambda pair: -pair[0])
    return [strip for _, strip in found[:MOST_STRIPS]]


def slants(tensor: Tensor | None) -> list[Strip]:
    """Return busy places, the strongest first, each as a strip across its commonest direction: PDF417, whose bars are broken by rows."""
    if tensor is None or not tensor.energy.max() > 0:
        return []
    strong = (tensor.energy > STRONG * tensor.energy.max()).astype(np.uint8)
    return [strip for _, strip in _strips_along(strong, tensor, np.hypot(tensor.along, tensor.across))]


def _directions(tensor: Tensor, weight: NDArray[Any]) -> list[float]:
    """Return the one or two commonest directions, in radians."""
    bins = 36
    doubled = np.arctan2(tensor.across, tensor.along)
    votes = np.bincount(((doubled + math.pi) / (2 * math.pi) * bins).astype(int).ravel() % bins, weight.ravel(), bins)
    votes = votes + np.roll(votes, 1) + np.roll(votes, -1)
    first = int(np.argmax(votes))
    others = votes.copy()
    others[[(first + step) % bins for step in range(-4, 5)]] = 0
    second = int(np.argmax(others))
    chosen = [first] + ([second] if others[second] > 0.25 * votes[first] else [])
    return [((number + 0.5) / bins * 2 * math.pi - math.pi) / 2 for number in chosen]


def _strips_along(alike: NDArray[np.uint8], tensor: Tensor, agreement: NDArray[Any]) -> list[tuple[float, Strip]]:
    """Return the strips of blocks that are alike, each with its weight."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(alike, connectivity=8)
    found = []
    order = np.argsort(-np.bincount(labels.ravel(), agreement.ravel(), count)[1:], kind="stable")[:MOST_STRIPS] + 1
    for number in order.tolist():
        if stats[number, cv2.CC_STAT_AREA] < LEAST_BLOCKS:
            continue
        rows, columns = np.nonzero(labels == number)
        angle = 0.5 * math.atan2(tensor.across[rows, columns].sum(), tensor.along[rows, columns].sum())
        x, y = (columns + 0.5) * BLOCK - 0.5, (rows + 0.5) * BLOCK - 0.5
        u = x * math.cos(angle) + y * math.sin(angle)
        v = y * math.cos(angle) - x * math.sin(angle)
        mu, mv = float(u.min() + u.max()) / 2, float(v.min() + v.max()) / 2
        place = mu * math.cos(angle) - mv * math.sin(angle), mu * math.sin(angle) + mv * math.cos(angle)
        extents = float(np.ptp(u)) + BLOCK, float(np.ptp(v)) + BLOCK
        found.append((float(agreement[rows, columns].sum()), Strip(*place, math.degrees(angle), *extents)))
    return found
