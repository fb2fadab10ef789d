"""What lies between points, lines and circles: distances, angles and their standard deviations, in pixels and degrees.

Standard deviations are carried through to first order, the things measured being independent of one another; nan where one has none.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from analyticlens.engine.entities import FoundCircle, FoundLine, FoundPair, FoundPoint
from analyticlens.engine.pose import turned

Place = tuple[float, float]
# Lines that differ by more than this have no distance.
PARALLEL = 45.0


class Span(NamedTuple):
    """A straight way from one place (x, y) to another, with the standard deviation of its length, nan where it is not known."""

    start: Place
    end: Place
    sigma: float = math.nan

    @property
    def length(self) -> float:
        """Its length."""
        return math.dist(self.start, self.end)

    @property
    def angle_deg(self) -> float:
        """Its direction, from +x towards +y; 0 where it has no length."""
        return math.degrees(math.atan2(self.end[1] - self.start[1], self.end[0] - self.start[0]))


def centre(entity: FoundPoint | FoundCircle | FoundPair) -> FoundPoint:
    """Return a point itself, a circle's centre, and the middle of a pair."""
    return FoundPoint(entity.x, entity.y, entity.sigma)


def foot(point: FoundPoint, line: FoundLine) -> Place:
    """Return the point of a line nearest to a point.

    >>> foot(FoundPoint(3, 5), FoundLine(0, 1, 0, 10))
    (3.0, 1.0)
    """
    cos, sin = _direction(line)
    along = (point.x - line.x) * cos + (point.y - line.y) * sin
    return line.x + along * cos, line.y + along * sin


def points(first: FoundPoint, second: FoundPoint) -> Span:
    """Return the way from one point to another."""
    return Span((first.x, first.y), (second.x, second.y), math.hypot(first.sigma, second.sigma))


def to_line(point: FoundPoint, line: FoundLine) -> Span:
    """Return the way from a point straight to a line; farther along the line, its direction's error counts more."""
    end = foot(point, line)
    return Span((point.x, point.y), end, math.hypot(point.sigma, _at(line, end)))


def lines(first: FoundLine, second: FoundLine) -> Span | None:
    """Return the way from one line to another, square to their common direction, half-way between their middles.

    None where they are far from parallel.

    >>> lines(FoundLine(0, 0, 0, 10), FoundLine(4, 6, 180, 10)).length
    6.0
    """
    between = math.remainder(second.angle_deg - first.angle_deg, 180)
    if abs(between) > PARALLEL:
        return None
    across = math.radians(first.angle_deg + between / 2 + 90)
    x, y = (first.x + second.x) / 2, (first.y + second.y) / 2
    start, end = (_met(line, x, y, across) for line in (first, second))
    # One turns against the other about the middle, so that both levers count.
    return Span(start, end, math.hypot(_at(first, start), _at(second, end)))


def angle(first: FoundLine, second: FoundLine) -> tuple[float, float]:
    """Return the angle between the directions of two lines, 0 to 180 degrees, and its standard deviation.

    >>> angle(FoundLine(0, 0, 10, 5), FoundLine(0, 0, -80, 5))[0]
    90.0
    """
    return abs(turned(second.angle_deg - first.angle_deg)), math.hypot(first.angle_sigma, second.angle_sigma)


def crossing(first: FoundLine, second: FoundLine) -> tuple[FoundPoint, float] | None:
    """Return where two lines cross, and the sine of the angle there; None where they are parallel to the last digits.

    >>> crossing(FoundLine(0, 2, 0, 9), FoundLine(5, 0, 90, 9))[0][:2]
    (5.0, 2.0)
    """
    (c1, s1), (c2, s2) = _direction(first), _direction(second)
    sine = c1 * s2 - s1 * c2
    if abs(sine) < 1e-9:
        return None
    along = ((second.x - first.x) * s2 - (second.y - first.y) * c2) / sine
    at = first.x + along * c1, first.y + along * s1
    # Each line moves the crossing along the other by its own error over the sine; per coordinate, half the sum of squares.
    sigma = math.hypot(_at(first, at), _at(second, at)) / abs(sine) / math.sqrt(2)
    return FoundPoint(*at, sigma), abs(sine)


def gap(first: FoundCircle, second: FoundCircle) -> tuple[float, float]:
    """Return the least distance between two rims and its standard deviation.

    It is negative where they overlap; of circles inside one another it is the thinnest wall.

    >>> gap(FoundCircle(0, 0, 5), FoundCircle(20, 0, 5))[0], gap(FoundCircle(0, 0, 9), FoundCircle(1, 0, 5))[0]
    (10.0, 3.0)
    """
    distance = math.dist(first[:2], second[:2])
    apart = distance - first.r - second.r
    wall = abs(first.r - second.r) - distance
    sigma = math.hypot(first.sigma, second.sigma, first.r_sigma, second.r_sigma)
    return (wall if wall > 0 else apart), sigma


def _direction(line: FoundLine) -> Place:
    turn = math.radians(line.angle_deg)
    return math.cos(turn), math.sin(turn)


def _at(line: FoundLine, place: Place) -> float:
    """Return the standard deviation of a line's place across itself, at one of its points."""
    lever = math.dist(place, (line.x, line.y))
    return math.hypot(line.sigma, lever * math.radians(line.angle_sigma))


def _met(line: FoundLine, x: float, y: float, across: float) -> Place:
    """Return where a line meets the one through (x, y) in a direction."""
    cos, sin = _direction(line)
    u, v = math.cos(across), math.sin(across)
    along = ((line.x - x) * sin - (line.y - y) * cos) / (u * sin - v * cos)
    return x + along * u, y + along * v
