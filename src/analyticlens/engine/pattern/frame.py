"""The part of a picture that a region covers, in a frame of its own: upright, its first pixel at (0, 0), wherever the region was turned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.masks import AreaRegion, holds
from analyticlens.engine.pose import Pose
from analyticlens.engine.regions import moved
from analyticlens.protocol.regions import Circle, Ellipse, Polygon, Rect, Ring


class Frame(NamedTuple):
    """`pose` brings the frame's `width` x `height` pixels (x, y) into the picture; those of the region are where `mask` is not 0."""

    pose: Pose
    width: int
    height: int
    mask: NDArray[np.uint8] | None = None

    @property
    def centre(self) -> tuple[float, float]:
        """The centre (x, y) in the frame's pixels."""
        return (self.width - 1) / 2, (self.height - 1) / 2


def frame_of(region: AreaRegion, exclude: Sequence[AreaRegion] = ()) -> Frame:
    """Return the frame of a region: its own axes for a rectangle, an upright rectangle about it for other shapes."""
    pose, width, height = placed(region)
    back = inverse(pose)
    inner = [moved(area, back) for area in (region, *exclude)]
    plain = isinstance(region, Rect) and not exclude and region.w == width and region.h == height
    return Frame(pose, width, height, None if plain else _held(inner[0], inner[1:], width, height))


def placed(region: AreaRegion) -> tuple[Pose, int, int]:
    """Return where a region's frame lies, and its width and height, without making it."""
    return _rectangle(region) if isinstance(region, Rect) else _around(region)


def inverse(pose: Pose) -> Pose:
    """Return the motion that undoes another."""
    c, s = pose.cos, pose.sin
    return Pose(c, -s, -(c * pose.dx + s * pose.dy), s * pose.dx - c * pose.dy)


def _rectangle(region: Rect) -> tuple[Pose, int, int]:
    width, height = max(1, round(region.w)), max(1, round(region.h))
    middle = (region.x + (region.w - 1) / 2, region.y + (region.h - 1) / 2)
    return Pose.carry(((width - 1) / 2, (height - 1) / 2), middle, region.angle), width, height


def _around(region: Circle | Ellipse | Ring | Polygon) -> tuple[Pose, int, int]:
    x0, x1, y0, y1 = _extent(region)
    left, top = math.floor(x0), math.floor(y0)
    return Pose.shift(left, top), max(1, math.ceil(x1) - left + 1), max(1, math.ceil(y1) - top + 1)


def _extent(region: Circle | Ellipse | Ring | Polygon) -> tuple[float, float, float, float]:
    if isinstance(region, Polygon):
        xs, ys = zip(*region.points, strict=True)
        return min(xs), max(xs), min(ys), max(ys)
    if isinstance(region, Ellipse):
        angle = math.radians(region.angle)
        rx = math.hypot(region.rx * math.cos(angle), region.ry * math.sin(angle))
        ry = math.hypot(region.rx * math.sin(angle), region.ry * math.cos(angle))
    else:
        rx = ry = region.outer if isinstance(region, Ring) else region.r
    return region.cx - rx, region.cx + rx, region.cy - ry, region.cy + ry


def _held(region: AreaRegion, exclude: Sequence[AreaRegion], width: int, height: int) -> NDArray[np.uint8]:
    """Return a mask (height, width) of the frame's pixels that belong to a region given in the frame."""
    columns, rows = np.arange(width, dtype=float), np.arange(height, dtype=float)
    held = holds(region, columns, rows) > 0
    for hole in exclude:
        held &= holds(hole, columns, rows) == 0
    return np.where(held, 255, 0).astype(np.uint8)
