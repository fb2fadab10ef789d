"""What tools find that others measure from: points, lines and circles, in image coordinates (x right, y down, pixels, degrees)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


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


class Places(NamedTuple):
    """Edges by ray as they lie in the picture: `x`, `y` and `strength` (rays, some), nan and 0 where a ray has no more.

    `whole`: the rays go all round. `tolerance` is how far an edge may lie from its circle, in pixels, and `off` how far those of all rays
    lie from the one found in the picture.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    strength: NDArray[np.float64]
    whole: bool
    tolerance: float
    off: float


class FoundCircle(NamedTuple):
    """A circle about (x, y); `sigma` is that of each centre coordinate, `r_sigma` that of the radius, in pixels.

    `places` are the edges it was found among: where a lens bends what is round, they are a circle on the plane alone.
    """

    x: float
    y: float
    r: float
    sigma: float = math.nan
    r_sigma: float = math.nan
    places: Places | None = None


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
