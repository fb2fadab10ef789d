"""Regions in a picture: moved by a pose, and as the pixels they cover.

Pixel centres lie at whole numbers. A pixel belongs to a region when its centre does; a rectangle is half open, so that an unturned
one covers w x h pixels wherever it moves. What lies outside the picture is never cut off silently: the share inside is `coverage`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.build import built
from analyticlens.engine.masks import EPS, holds
from analyticlens.engine.masks import AreaRegion as AreaRegion
from analyticlens.engine.pose import Pose, turned
from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Point, Polygon, Rect, Ring

AnyRegion = AreaRegion | Arrow
R = TypeVar("R", Rect, Circle, Ellipse, Ring, Polygon, Arrow, AreaRegion, AnyRegion)
# First and past-last column, then first and past-last row.
Bounds = tuple[int, int, int, int]
# The contract's bound on coordinates.
FARTHEST = 100_000
# A region that only partly lies in the picture is counted in a grid of at most so many points at once.
COUNTED = 1 << 22
# Milliseconds that a million pixels of a mask take, by rows that enter and leave it.
MS_MASK = 6.0
# And in so many, band by band; beyond, the area tells.
MOST_COUNTED = 1 << 24


class Window(NamedTuple):
    """The pixels of a region: columns x0 to x1 - 1 and rows y0 to y1 - 1 where `mask` is not 0 (None: all of them).

    `area` is their number, `coverage` the share of the region's pixels that lie inside the picture.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    mask: NDArray[Any] | None
    area: int
    coverage: float = 1.0

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return the window's part of a picture (H, W) or (H, W, 3), as a view."""
        return picture[self.y0 : self.y1, self.x0 : self.x1]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y1 - self.y0, self.x1 - self.x0


def whole(height: int, width: int) -> Window:
    """Return the window of a whole picture."""
    return Window(0, 0, width, height, None, width * height)


def moved(region: R, pose: Pose) -> R:
    """Return the region where the pose brings it: its centre (or ends, or corners) moved, its angle turned.

    The result is not checked against the bounds of the contract: a region may be moved out of every picture.
    """
    if isinstance(region, Arrow):
        ends = [pose.apply(p.x, p.y) for p in (region.p0, region.p1)]
        p0, p1 = (built(Point, x=x, y=y) for x, y in ends)
        return region.model_copy(update={"p0": p0, "p1": p1})
    if isinstance(region, Polygon):
        return region.model_copy(update={"points": tuple(pose.apply(x, y) for x, y in region.points)})
    if isinstance(region, Rect):
        half_w, half_h = (region.w - 1) / 2, (region.h - 1) / 2
        x, y = pose.apply(region.x + half_w, region.y + half_h)
        angle = turned(region.angle + pose.angle_deg)
        return region.model_copy(update={"x": x - half_w, "y": y - half_h, "angle": angle})
    cx, cy = pose.apply(region.cx, region.cy)
    place: dict[str, float] = {"cx": cx, "cy": cy}
    if isinstance(region, Ellipse):
        place["angle"] = turned(region.angle + pose.angle_deg)
    if isinstance(region, Ring):
        place["start"] = turned(region.start + pose.angle_deg)
    return region.model_copy(update=place)


def _straight(region: AreaRegion) -> bool:
    return isinstance(region, Rect) and abs(math.remainder(region.angle, 360)) < EPS


def bounds_of(region: AreaRegion) -> Bounds:
    """Return the first and one past the last column, then row, whose pixel centres the region can hold."""
    if isinstance(region, Rect) and _straight(region):
        first = [math.ceil(v - 0.5 - EPS) for v in (region.x, region.y)]
        past = [math.ceil(v - 0.5 - EPS) for v in (region.x + region.w, region.y + region.h)]
        return first[0], past[0], first[1], past[1]
    x0, x1, y0, y1 = _extent(region)
    return math.ceil(x0 - EPS), math.floor(x1 + EPS) + 1, math.ceil(y0 - EPS), math.floor(y1 + EPS) + 1


def _extent(region: AreaRegion) -> tuple[float, float, float, float]:
    """Return the smallest and largest x, then y, of a region's outline."""
    if isinstance(region, Polygon):
        xs, ys = zip(*region.points, strict=True)
        return min(xs), max(xs), min(ys), max(ys)
    if isinstance(region, Ring) and region.sweep < 360:
        xs, ys = zip(*_sector(region), strict=True)
        return min(xs), max(xs), min(ys), max(ys)
    (cx, cy), (ex, ey) = _centre(region), _half_extents(region)
    return cx - ex, cx + ex, cy - ey, cy + ey


def _sector(region: Ring) -> list[tuple[float, float]]:
    """Return the places of a part of a ring that lie farthest out: its four corners, and the outer rim where it crosses an axis."""
    ends = [(region.start, r) for r in (region.inner, region.outer)]
    ends += [(region.start + region.sweep, r) for r in (region.inner, region.outer)]
    axes = [(axis, region.outer) for axis in (0, 90, 180, 270) if (axis - region.start) % 360 <= region.sweep]
    directions = [(math.radians(angle), r) for angle, r in (*ends, *axes)]
    return [(region.cx + r * math.cos(angle), region.cy + r * math.sin(angle)) for angle, r in directions]


def _centre(region: Rect | Circle | Ellipse | Ring) -> tuple[float, float]:
    if isinstance(region, Rect):
        return region.x + (region.w - 1) / 2, region.y + (region.h - 1) / 2
    return region.cx, region.cy


def _half_extents(region: Rect | Circle | Ellipse | Ring) -> tuple[float, float]:
    if isinstance(region, Circle):
        return region.r, region.r
    if isinstance(region, Ring):
        return region.outer, region.outer
    angle = math.radians(region.angle)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    if isinstance(region, Rect):
        return (region.w * cos + region.h * sin) / 2, (region.w * sin + region.h * cos) / 2
    return math.hypot(region.rx * cos, region.ry * sin), math.hypot(region.rx * sin, region.ry * cos)


def inside(bounds: Bounds, height: int, width: int) -> bool:
    """Tell whether first and past-last column and row lie in a picture of this size."""
    x0, x1, y0, y1 = bounds
    return x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height


def window(
    region: AreaRegion,
    height: int,
    width: int,
    buffers: Buffers,
    name: str,
    exclude: Sequence[AreaRegion] = (),
    min_coverage: float = 1.0,
) -> Window | None:
    """Return the pixels of a region less those of `exclude` in a picture of this size.

    None when less than `min_coverage` of it lies inside. The mask lives in `buffers` under `name`, until that name is taken again. A
    region between the pixel centres has area 0.
    """
    bounds = bounds_of(region)
    if not inside(bounds, height, width):
        # What lies outside may be what is left out.
        whole_wanted = min_coverage >= 1 and not exclude
        return None if whole_wanted else _partial(region, exclude, (height, width), buffers, name, min_coverage)
    x0, x1, y0, y1 = bounds
    if x1 <= x0 or y1 <= y0:
        return Window(x0, y0, x0, y0, None, 0)
    if _straight(region) and not exclude:
        return Window(x0, y0, x1, y1, None, (x1 - x0) * (y1 - y0))
    mask = buffers.take(name, (y1 - y0, x1 - x0), np.uint8)
    _fill(mask, region, exclude, x0, y0)
    return Window(x0, y0, x1, y1, mask, cv2.countNonZero(mask))


def _partial(
    region: AreaRegion, exclude: Sequence[AreaRegion], size: tuple[int, int], buffers: Buffers, name: str, least: float
) -> Window | None:
    """Return the pixels of a region that leaves the picture, or None when too little of it is left."""
    height, width = size
    x0, x1, y0, y1 = bounds_of(region)
    left, right, top, bottom = max(x0, 0), min(x1, width), max(y0, 0), min(y1, height)
    if right <= left or bottom <= top:
        return None
    mask = buffers.take(name, (bottom - top, right - left), np.uint8)
    _fill(mask, region, exclude, left, top)
    area = cv2.countNonZero(mask)
    coverage = min(1.0, area / max(1, _count(region, exclude)))
    return Window(left, top, right, bottom, mask, area, coverage) if area and coverage >= least else None


def _count(region: AreaRegion, exclude: Sequence[AreaRegion]) -> float:
    """Return how many pixels a region has, wherever it lies.

    Counted pixel by pixel, in bands of rows; where that would take too long, the region's own area, or with parts left out of it by
    sampling rows and columns.
    """
    x0, x1, y0, y1 = bounds_of(region)
    if _straight(region) and not exclude:
        return float((x1 - x0) * (y1 - y0))
    points = (x1 - x0) * (y1 - y0)
    if points > MOST_COUNTED and not exclude:
        return _area(region)
    stride = 1 if points <= MOST_COUNTED else math.ceil(math.sqrt(points / MOST_COUNTED))
    x = np.arange(x0, x1, stride, dtype=float)
    rows = max(1, COUNTED // max(1, len(x)))
    total = 0
    for top in range(y0, y1, rows * stride):
        y = np.arange(top, min(top + rows * stride, y1), stride, dtype=float)
        total += cv2.countNonZero(_less(region, exclude, x, y))
    return float(total) * stride**2


def _area(region: AreaRegion) -> float:
    """Return the area of a region, in pixels."""
    if isinstance(region, Polygon):
        x, y = (np.array(part) for part in zip(*region.points, strict=True))
        return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    if isinstance(region, Rect):
        return region.w * region.h
    if isinstance(region, Circle):
        return math.pi * region.r**2
    if isinstance(region, Ellipse):
        return math.pi * region.rx * region.ry
    return math.radians(region.sweep) / 2 * (region.outer**2 - region.inner**2)


def _fill(mask: NDArray[Any], region: AreaRegion, exclude: Sequence[AreaRegion], x0: int, y0: int) -> None:
    """Set the mask to 255 where pixel centres lie in the region and in nothing left out of it, else to 0."""
    x = np.arange(x0, x0 + mask.shape[1], dtype=float)
    y = np.arange(y0, y0 + mask.shape[0], dtype=float)
    np.multiply(_less(region, exclude, x, y), np.uint8(255), out=mask)


def _less(
    region: AreaRegion, exclude: Sequence[AreaRegion], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return 1 for the places, columns x by rows y, that lie in the region and in nothing left out of it, else 0."""
    held = holds(region, x, y)
    for hole in exclude:
        # It holds nothing outside its own bounds.
        x0, x1, y0, y1 = bounds_of(hole)
        (left, right), (top, bottom) = np.searchsorted(x, (x0, x1)).tolist(), np.searchsorted(y, (y0, y1)).tolist()
        if right > left and bottom > top:
            part = held[top:bottom, left:right]
            part &= 1 - holds(hole, x[left:right], y[top:bottom])
    return held


def mask_ms(region: AreaRegion, exclude: Sequence[AreaRegion], height: int, width: int, min_coverage: float) -> float:
    """Return the milliseconds that it can take at most to tell which pixels of a picture of this size lie in a region, wherever it is moved
    or turned, and in nothing left out of it."""
    areas = (region, *exclude)
    pixels = sum(_most_pixels(area, height, width) for area in areas)
    if exclude or min_coverage < 1:
        # Where it leaves the picture what lies outside is counted too.
        pixels += min(MOST_COUNTED, sum(_most_pixels(area, FARTHEST, FARTHEST) for area in areas))
    return MS_MASK * pixels / 1e6


def _most_pixels(region: AreaRegion, height: int, width: int) -> float:
    """Return how many pixels of a picture the upright rectangle about a region can have at most, however that is turned."""
    x0, x1, y0, y1 = bounds_of(region)
    across, down = x1 - x0, y1 - y0
    if isinstance(region, Circle):
        return float(min(across, width) * min(down, height))
    reach = math.hypot(across, down)
    return min(reach, width) * min(reach, height)


def corners(arrow: Arrow) -> list[tuple[float, float]]:
    """Return the corners of the band that an arrow averages: half a width less half a pixel to either side of its line."""
    dx, dy = arrow.p1.x - arrow.p0.x, arrow.p1.y - arrow.p0.y
    half = max(arrow.width - 1, 0) / 2 / math.hypot(dx, dy)
    nx, ny = -dy * half, dx * half
    return [(p.x + s * nx, p.y + s * ny) for p in (arrow.p0, arrow.p1) for s in (-1, 1)]


def arrow_inside(arrow: Arrow, height: int, width: int) -> bool:
    """Tell whether every sample of an arrow's band lies between pixel centres of a picture of this size."""
    return all(-EPS <= x <= width - 1 + EPS and -EPS <= y <= height - 1 + EPS for x, y in corners(arrow))


def drawable(region: AnyRegion) -> bool:
    """Tell whether a moved region is still within the coordinates the contract allows."""
    return all(abs(x) <= FARTHEST and abs(y) <= FARTHEST for x, y in _anchors(region))


def _anchors(region: AnyRegion) -> Sequence[tuple[float, float]]:
    if isinstance(region, Arrow):
        return [(region.p0.x, region.p0.y), (region.p1.x, region.p1.y)]
    if isinstance(region, Polygon):
        return region.points
    return [(region.x, region.y)] if isinstance(region, Rect) else [(region.cx, region.cy)]
