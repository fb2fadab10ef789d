"""Rigid motions of the picture plane, SE(2): how a region moves with the datum it follows."""

from __future__ import annotations

import math
from typing import NamedTuple


class Pose(NamedTuple):
    """The motion (x, y) -> (cos x - sin y + dx, sin x + cos y + dy), in pixels, x right, y down, angles from +x towards +y.

    Two motions compose without rounding:

    >>> shift = Pose.shift(10, 50)
    >>> shift.apply(100, 100)
    (110.0, 150.0)
    >>> quarter = Pose.carry((5, 0), (5, 0), 90)
    >>> x, y = shift.then(quarter).apply(-4, -50)
    >>> round(x, 9), round(y, 9)
    (5.0, 1.0)
    """

    cos: float = 1.0
    sin: float = 0.0
    dx: float = 0.0
    dy: float = 0.0

    @classmethod
    def shift(cls, dx: float, dy: float) -> Pose:
        """Return the motion that moves everything by (dx, dy) pixels."""
        return cls(1.0, 0.0, float(dx), float(dy))

    @classmethod
    def carry(cls, taught: tuple[float, float], found: tuple[float, float], angle_deg: float) -> Pose:
        """Return the motion that brings the taught point (x, y) to the found one and turns by angle_deg about it."""
        cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
        (tx, ty), (fx, fy) = taught, found
        return cls(cos, sin, fx - cos * tx + sin * ty, fy - sin * tx - cos * ty)

    def apply(self, x: float, y: float) -> tuple[float, float]:
        """Return where the point (x, y) goes."""
        return self.cos * x - self.sin * y + self.dx, self.sin * x + self.cos * y + self.dy

    def then(self, later: Pose) -> Pose:
        """Return the motion that does self first and later after it."""
        dx, dy = later.apply(self.dx, self.dy)
        return Pose(
            later.cos * self.cos - later.sin * self.sin,
            later.sin * self.cos + later.cos * self.sin,
            dx,
            dy,
        )

    @property
    def angle_deg(self) -> float:
        """The turn in degrees, above -180 and up to 180; exactly 0 for a motion that never turned."""
        return math.degrees(math.atan2(self.sin, self.cos))


STILL = Pose()


def turned(angle_deg: float) -> float:
    """Return the same direction as an angle above -180 and up to 180 degrees.

    >>> turned(190), turned(-180), turned(360)
    (-170.0, 180.0, 0.0)
    """
    rest = math.fmod(angle_deg, 360.0)
    if rest > 180:
        return rest - 360
    return rest + 360 if rest <= -180 else rest
