"""Which pixel centres lie in a region, row by row: where a row enters and leaves it follows from its equation, not from every pixel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.protocol.regions import Circle, Ellipse, Polygon, Rect, Ring

AreaRegion = Rect | Circle | Ellipse | Ring | Polygon
Places = NDArray[np.float64]
Flags = NDArray[np.uint8]
# Where a row (by its index) crosses an outline, as x. A row is inside from its first crossing to its second, third to fourth ...
Crossings = tuple[NDArray[Any], Places]
# A place computed in floating point may miss a pixel centre by this much and still cover it.
EPS = 1e-6


def holds(region: AreaRegion, x: Places, y: Places) -> Flags:
    """Return 1 for the places, columns x (w) by rows y (h), both rising, that lie in a region, else 0, as (h, w)."""
    if isinstance(region, Polygon):
        return _between(_of_polygon(np.asarray(region.points, float), y), x, y)
    if isinstance(region, Rect) and math.remainder(region.angle, 360) == 0:
        return _upright(region, x, y)
    if isinstance(region, Rect):
        return _between(_of_rectangle(region, y), x, y)
    if isinstance(region, Ring):
        return _of_ring(region, x, y)
    rx, ry, angle = (region.r, region.r, 0.0) if isinstance(region, Circle) else (region.rx, region.ry, region.angle)
    # As much farther out at the rim as elsewhere.
    grown = math.sqrt(1 + EPS / max(rx, ry))
    return _between(_of_ellipse((region.cx, region.cy), (rx * grown, ry * grown), angle, y), x, y)


def _between(crossings: Crossings, x: Places, y: Places) -> Flags:
    """Return 1 from each row's first crossing to its second, and so on: each turns inside into outside from there to the row's end."""
    row, at = crossings
    turns = np.zeros((len(y), len(x) + 1), np.uint8)
    np.bitwise_xor.at(turns, (row, np.searchsorted(x, at)), np.uint8(1))
    return np.bitwise_xor.accumulate(turns, axis=1)[:, :-1]


def _of_polygon(ends: Places, y: Places) -> Crossings:
    """Return where rows cross a closed outline, by the even-odd rule: every edge with all the rows it passes, at once."""
    (xa, ya), (xb, yb) = ends.T, np.roll(ends, -1, axis=0).T
    # An edge crosses the rows from its upper end on, that of its lower end not among them.
    first = np.searchsorted(y, np.minimum(ya, yb))
    counts = np.searchsorted(y, np.maximum(ya, yb)) - first
    edge = np.repeat(np.arange(len(ends)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    at = xa[edge] + (y[row] - ya[edge]) * (xb[edge] - xa[edge]) / (yb[edge] - ya[edge])
    return row, at - EPS


def _of_rectangle(region: Rect, y: Places) -> Crossings:
    """Return where rows enter and leave a turned rectangle: what two bands across one another share."""
    angle = math.radians(region.angle)
    cos, sin = math.cos(angle), math.sin(angle)
    cx, dy = region.x + (region.w - 1) / 2, y - (region.y + (region.h - 1) / 2)
    along = _band(cos, dy * sin, region.w / 2)
    across = _band(-sin, dy * cos, region.h / 2)
    enter, leave = np.maximum(along[0], across[0]), np.minimum(along[1], across[1])
    return _pairs(cx + enter, cx + leave)


def _upright(region: Rect, x: Places, y: Places) -> Flags:
    """Return an unturned rectangle: whole stretches of columns and rows."""
    held = np.zeros((len(y), len(x)), np.uint8)
    left, right = np.searchsorted(x, (region.x - 0.5 - EPS, region.x + region.w - 0.5 - EPS)).tolist()
    top, bottom = np.searchsorted(y, (region.y - 0.5 - EPS, region.y + region.h - 0.5 - EPS)).tolist()
    held[top:bottom, left:right] = 1
    return held


def _band(slope: float, shift: Places, half: float) -> tuple[Places, Places]:
    """Return from which dx on, and up to which, -half <= slope dx + shift < half; all or nothing where the row runs along the band."""
    low, high = -half - EPS - shift, half - EPS - shift
    if abs(slope) < 1e-12:
        inside = (low <= 0) & (high > 0)
        return np.where(inside, -np.inf, np.inf), np.where(inside, np.inf, -np.inf)
    ends = low / slope, high / slope
    return ends if slope > 0 else ends[::-1]


def _of_ellipse(centre: tuple[float, float], radii: tuple[float, float], angle_deg: float, y: Places) -> Crossings:
    """Return where rows enter and leave an ellipse: the roots of its equation in x."""
    angle = math.radians(angle_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    p, q = 1 / radii[0] ** 2, 1 / radii[1] ** 2
    a, b, c = p * cos**2 + q * sin**2, (p - q) * sin * cos, p * sin**2 + q * cos**2
    dy = y - centre[1]
    inside = (b * dy) ** 2 - a * (c * dy**2 - 1)
    half = np.sqrt(np.maximum(inside, 0)) / a
    middle = centre[0] - b * dy / a
    enter, leave = np.where(inside >= 0, middle - half, np.inf), np.where(inside >= 0, middle + half, -np.inf)
    # A centre on the rim belongs to it on both sides.
    return _pairs(enter, np.nextafter(leave, np.inf))


def _pairs(enter: Places, leave: Places) -> Crossings:
    """Return one entry and one exit a row as crossings, of the rows that have both."""
    rows = np.flatnonzero(enter < leave)
    return np.concatenate([rows, rows]), np.concatenate([enter[rows], leave[rows]])


def _of_ring(ring: Ring, x: Places, y: Places) -> Flags:
    """Return a disc less a smaller one, and of it the part within the sweep."""
    centre = ring.cx, ring.cy
    rows, at = _of_ellipse(centre, (ring.outer + EPS,) * 2, 0, y)
    if ring.inner > EPS:
        hole_rows, hole_at = _of_ellipse(centre, (ring.inner - EPS,) * 2, 0, y)
        rows, at = np.concatenate([rows, hole_rows]), np.concatenate([at, hole_at])
    held = _between((rows, at), x, y)
    if ring.sweep < 360:
        held &= _of_wedge(centre, ring.start, ring.sweep, x, y)
    return held


def _of_wedge(centre: tuple[float, float], start: float, sweep: float, x: Places, y: Places) -> Flags:
    """Return 1 between two directions from a centre, both of them included within EPS."""
    if sweep > 180:
        # What is left out is a narrower wedge: that without its own two sides.
        return 1 - _of_half_planes(centre, start + sweep, 360 - sweep, -EPS, x, y)
    return _of_half_planes(centre, start, sweep, EPS, x, y)


def _of_half_planes(
    centre: tuple[float, float], start: float, sweep: float, wider: float, x: Places, y: Places
) -> Flags:
    """Return 1 on the right of one direction and on the left of another at most 180 degrees on, moved outwards by `wider`."""
    dy = y - centre[1]
    first, last = math.radians(start), math.radians(start + sweep)
    # cross((cos, sin) of the first, place) >= -wider, and the same for the opposite of the last.
    enter, leave = np.full(len(y), -np.inf), np.full(len(y), np.inf)
    for cos, sin in ((math.cos(first), math.sin(first)), (-math.cos(last), -math.sin(last))):
        low, high = _half(cos, sin, dy, wider)
        enter, leave = np.maximum(enter, low), np.minimum(leave, high)
    return _between(_pairs(centre[0] + enter, centre[0] + leave), x, y)


def _half(cos: float, sin: float, dy: Places, wider: float) -> tuple[Places, Places]:
    """Return from which dx on, and up to which, cos dy - sin dx >= -wider."""
    everywhere = np.full(len(dy), np.inf)
    if abs(sin) < 1e-12:
        inside = cos * dy >= -wider
        return np.where(inside, -np.inf, np.inf), np.where(inside, np.inf, -np.inf)
    end = (cos * dy + wider) / sin
    return (-everywhere, end) if sin > 0 else (end, everywhere)
