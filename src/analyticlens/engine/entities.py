"""What tools find that others measure from: points, lines and circles, in image coordinates (x right, y down, pixels, degrees)."""

from __future__ import annotations

import math
from typing import NamedTuple


class FoundPoint(NamedTuple):
    """A place (x, y); `sigma` is the standard deviation of each coordinate in pixels, nan where nobody estimated it."""

    x: float
    y: float
    sigma: float = math.nan


class FoundLine(NamedTuple):
    """A straight line through (x, y), its middle as found, along `angle_deg` (from +x towards +y), `length` pixels of it seen.

    `sigma` is that of the line's place across itself, in pixels, `angle_sigma` that of its direction, in degrees.
    """

    x: float
    y: float
    angle_deg: float
    length: float
    sigma: float = math.nan
    angle_sigma: float = math.nan


class FoundCircle(NamedTuple):
    """A circle about (x, y); `sigma` is that of each centre coordinate, `r_sigma` that of the radius, in pixels."""

    x: float
    y: float
    r: float
    sigma: float = math.nan
    r_sigma: float = math.nan


class FoundPair(NamedTuple):
    """Two edges that face one another: `first` and `second` (x, y), and the middle (x, y) with its sigma, which stands for it elsewhere.

    `width` is their distance square to themselves, `width_sigma` its standard deviation, both in pixels.
    """

    x: float
    y: float
    sigma: float
    first: tuple[float, float]
    second: tuple[float, float]
    width: float
    width_sigma: float


Entity = FoundPoint | FoundLine | FoundCircle | FoundPair
