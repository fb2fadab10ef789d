"""What was found in the picture, on a calibrated plane: each thing where it lies, and where it would lie moved by its standard deviations.

So a measure's own standard deviation follows, to first order and in its own direction: on a tilted plane a pixel is longer one way than
the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from analyticlens.engine.between import Span
from analyticlens.engine.entities import FoundCircle, FoundLine, FoundPair, FoundPoint, Places
from analyticlens.engine.plane import Plane
from analyticlens.engine.roundfit import fit_places

# A picture's circle whose distances spread by no more than this on the plane, in pixels, is a circle there as well.
ROUND = 0.05


def carried(value: Callable[..., float], *things: Sequence[Any]) -> tuple[float, float]:
    """Return a value of things on the plane and its standard deviation, nan where one has none.

    Each thing is given as itself, then moved by each of its standard deviations.
    """
    present = [thing[0] for thing in things]
    measured = value(*present)
    squares = 0.0
    for i, thing in enumerate(things):
        for moved in thing[1:]:
            squares += (value(*present[:i], moved, *present[i + 1 :]) - measured) ** 2
    return measured, math.sqrt(squares)


def point(entity: FoundPoint | FoundCircle | FoundPair, plane: Plane) -> list[FoundPoint]:
    """Return a point, or a circle's centre, on the plane."""
    if isinstance(entity, FoundCircle):
        return [FoundPoint(one.x, one.y) for one in circle(entity, plane)]
    if not math.isfinite(entity.sigma):
        return [_point(entity.x, entity.y, plane), FoundPoint(math.nan, math.nan)]
    moves = ((0.0, 0.0), (entity.sigma, 0.0), (0.0, entity.sigma))
    return [_point(entity.x + dx, entity.y + dy, plane) for dx, dy in moves]


def line(entity: FoundLine, plane: Plane) -> list[FoundLine]:
    """Return a line on the plane: through what its two ends show."""
    if not math.isfinite(entity.sigma + entity.angle_sigma):
        return [_line(entity, plane), FoundLine(math.nan, math.nan, math.nan, math.nan)]
    across = math.radians(entity.angle_deg + 90)
    dx, dy = entity.sigma * math.cos(across), entity.sigma * math.sin(across)
    moved = entity._replace(x=entity.x + dx, y=entity.y + dy)
    turned = entity._replace(angle_deg=entity.angle_deg + entity.angle_sigma)
    return [_line(one, plane) for one in (entity, moved, turned)]


def span(entity: Span, plane: Plane) -> list[Span]:
    """Return a way on the plane, between what its two ends show."""
    (ax, ay), (bx, by) = entity.start, entity.end
    if not math.isfinite(entity.sigma):
        return [_span(entity, plane), Span((math.nan, math.nan), (math.nan, math.nan))]
    turn = math.radians(entity.angle_deg)
    half = entity.sigma / 2
    dx, dy = half * math.cos(turn), half * math.sin(turn)
    longer = Span((ax - dx, ay - dy), (bx + dx, by + dy))
    return [_span(one, plane) for one in (entity, longer)]


def circle(entity: FoundCircle, plane: Plane) -> list[FoundCircle]:
    """Return a circle on the plane.

    Where lens or tilt make what is round there plainly no circle in the picture, it is fitted on the plane to the places of its edges, if
    these are a circle there rather than in the picture.
    """
    x, y, r, sigma, r_sigma = entity[:5]
    mapped = plane.circle(x, y, r)
    scale = plane.scale(x, y)
    if entity.places is not None and mapped.bent > ROUND * scale:
        fitted = _fitted(entity.places, (mapped.x, mapped.y, mapped.r), scale, plane)
        if fitted is not None:
            return fitted
    if not math.isfinite(sigma + r_sigma):
        return [FoundCircle(*mapped[:3]), FoundCircle(math.nan, math.nan, math.nan)]
    moved = ((x, y, r), (x + sigma, y, r), (x, y + sigma, r), (x, y, r + r_sigma))
    return [FoundCircle(*plane.circle(*one)[:3]) for one in moved]


def _fitted(places: Places, near: tuple[float, float, float], scale: float, plane: Plane) -> list[FoundCircle] | None:
    """Return the circle on the plane that the mapped edges agree on, about a place in millimetres; `scale` is that of a pixel there."""
    known = np.isfinite(places.x)
    on = plane.points(np.column_stack((places.x[known], places.y[known]))) / scale
    x, y = np.full(known.shape, np.nan), np.full(known.shape, np.nan)
    x[known], y[known] = on.T
    about = (near[0] / scale, near[1] / scale, near[2] / scale)
    found = fit_places(x, y, places.strength, places.whole, about, places.tolerance)
    if found is None:
        return None
    round_, covariance = found
    if round_.off(places.tolerance) >= places.off:
        return None
    base = np.array((round_.x, round_.y, round_.r))
    # Along the axes of the covariance the errors are independent of one another.
    sizes, axes = np.linalg.eigh(covariance)
    moves = axes * np.sqrt(np.maximum(sizes, 0))
    return [FoundCircle(*(one * scale).tolist()) for one in (base, *(base + moves.T))]


def _point(x: float, y: float, plane: Plane) -> FoundPoint:
    return FoundPoint(*plane.points(np.array([[x, y]]))[0].tolist())


def _line(entity: FoundLine, plane: Plane) -> FoundLine:
    turn = math.radians(entity.angle_deg)
    half = max(entity.length, 2.0) / 2
    dx, dy = half * math.cos(turn), half * math.sin(turn)
    ends = plane.points(np.array([[entity.x - dx, entity.y - dy], [entity.x + dx, entity.y + dy]]))
    (ax, ay), (bx, by) = ends.tolist()
    direction = math.degrees(math.atan2(by - ay, bx - ax))
    return FoundLine((ax + bx) / 2, (ay + by) / 2, direction, math.dist((ax, ay), (bx, by)))


def _span(entity: Span, plane: Plane) -> Span:
    (ax, ay), (bx, by) = plane.points(np.array([entity.start, entity.end])).tolist()
    return Span((ax, ay), (bx, by))
