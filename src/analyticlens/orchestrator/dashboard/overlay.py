"""Overlays as drawings: the shapes of a result as SVG paths over its picture, and a badge with number and sign for each tool.

Image coordinates have pixel centres at whole numbers; a drawing's have them at the half, so every shape is moved by half a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from analyticlens.protocol.overlay import Overlay, OverlayShape
from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Polygon, Rect, Ring

HALF = 0.5
# What is drawn later lies on top: regions over what was found, a failing one over its neighbours.
ROLES = ("taught", "found", "region")
WORST_LAST = ("", "ok", "undecided", "nok", "error")
# Percent of the picture: the outermost places of a badge, and how far the next one stands from one at the same place.
MOST_LEFT, MOST_TOP, BESIDE, LINE = 95.0, 94.0, 5.0, 4.0
Place = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One path, and the classes that say how it looks."""

    look: str
    path: str


@dataclass(frozen=True)
class Badge:
    """A tool's number and verdict, placed in percent of the picture so that its size does not depend on the picture's."""

    left: str
    top: str
    number: int
    verdict: str
    width: int


@dataclass
class Drawing:
    """Everything over one picture, in the order it is drawn."""

    width: int
    height: int
    lines: list[Line] = field(default_factory=list)
    badges: list[Badge] = field(default_factory=list)


def drawing(width: int, height: int, overlay: Iterable[Any], tools: Sequence[Mapping[str, Any]]) -> Drawing | None:
    """Return the drawing of a stored result; None when the picture's size is not known. A shape that cannot be read is left out."""
    if width <= 0 or height <= 0:
        return None
    verdicts = {tool.get("id"): tool.get("verdict") or _calm(tool) for tool in tools}
    numbers = {tool_id: place for place, tool_id in enumerate(verdicts, start=1)}
    defective = {tool.get("id") for tool in tools if _too_much(tool)}
    made = Drawing(width, height)
    shapes = [shape for shape in map(_read, overlay) if shape is not None]
    said = [(shape.verdict or verdicts.get(shape.tool_id) or "", shape) for shape in shapes]
    for verdict, shape in sorted(said, key=lambda one: (ROLES.index(one[1].role), WORST_LAST.index(one[0]))):
        made.lines.extend(
            Line(_look(shape, verdict, shape.tool_id in defective), path) for path in _paths(shape.shape, width)
        )
        if shape.role == "region" and shape.tool_id in numbers:
            made.badges.append(_badge(made, shape.shape, numbers[shape.tool_id], verdict))
    return made


def _calm(tool: Mapping[str, Any]) -> str:
    """A tool that does not judge is in order as long as it could work."""
    return "" if tool.get("status") == "ok" else "undecided"


def _too_much(tool: Mapping[str, Any]) -> bool:
    """Whether there is more of something than may be: then what was found is the defect. Of what is missing nothing is found."""
    features = tool.get("features") or {}
    limits = [limit for limit in tool.get("limits") or () if isinstance(limit, Mapping)]
    over = (features.get(limit.get("feature"), 0) > limit["max"] for limit in limits if limit.get("max") is not None)
    return tool.get("verdict") == "nok" and any(over)


def _read(raw: Any) -> Overlay | None:
    try:
        return Overlay.model_validate(raw)
    except ValidationError:
        return None


def _look(overlay: Overlay, verdict: str, defective: bool) -> str:
    if overlay.role == "taught":
        return "ghost"
    if overlay.role == "found":
        return "defect" if isinstance(overlay.shape, Polygon) and defective else "found"
    kind = "datum" if isinstance(overlay.shape, Arrow) else "region"
    return f"{kind} {verdict}".strip()


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _polyline(points: Iterable[Place], closed: bool = True) -> str:
    inner = "L".join(f"{_n(x + HALF)} {_n(y + HALF)}" for x, y in points)
    return f"M{inner}{'Z' if closed else ''}"


def _paths(shape: OverlayShape, width: int) -> list[str]:
    """Return the paths of a shape; marks that show a direction grow with the picture's width."""
    unit = max(width / 750, 0.5)
    match shape:
        case Rect():
            return [_polyline(_corners(shape))]
        case Circle():
            return [_ellipse(shape.cx, shape.cy, shape.r, shape.r, 0)]
        case Ellipse():
            return [_ellipse(shape.cx, shape.cy, shape.rx, shape.ry, shape.angle)]
        case Arrow():
            return _arrow(shape, 11 * unit)
        case Polygon():
            return [_polyline(shape.points)]
        case Ring():
            return _ring(shape)
    return _cross((shape.at.x, shape.at.y), shape.angle_deg, 9 * unit)


def _turned(point: Place, centre: Place, degrees: float) -> Place:
    angle = math.radians(degrees)
    dx, dy = point[0] - centre[0], point[1] - centre[1]
    return (
        centre[0] + dx * math.cos(angle) - dy * math.sin(angle),
        centre[1] + dx * math.sin(angle) + dy * math.cos(angle),
    )


def _corners(rect: Rect) -> list[Place]:
    left, top, right, bottom = rect.x - HALF, rect.y - HALF, rect.x + rect.w - HALF, rect.y + rect.h - HALF
    centre = ((left + right) / 2, (top + bottom) / 2)
    return [
        _turned(corner, centre, rect.angle) for corner in ((left, top), (right, top), (right, bottom), (left, bottom))
    ]


def _ellipse(cx: float, cy: float, rx: float, ry: float, degrees: float) -> str:
    start, end = (_turned((cx + side * rx, cy), (cx, cy), degrees) for side in (-1, 1))
    arc = f"A{_n(rx)} {_n(ry)} {_n(degrees)} 0 1 "
    first, last = (f"{_n(x + HALF)} {_n(y + HALF)}" for x, y in (start, end))
    return f"M{first}{arc}{last}{arc}{first}Z"


# Corners a part of a ring is drawn with, for each degree of it.
PER_DEGREE = 0.25


def _ring(ring: Ring) -> list[str]:
    """Two circles, or the outline of a part between them."""
    if ring.sweep >= 360:
        return [_ellipse(ring.cx, ring.cy, r, r, 0) for r in (ring.inner, ring.outer) if r > 0]
    steps = max(2, round(ring.sweep * PER_DEGREE))
    turns = [math.radians(ring.start + ring.sweep * step / steps) for step in range(steps + 1)]
    arcs = [(ring.outer, turns), (ring.inner, turns[::-1])]
    points = [(ring.cx + r * math.cos(turn), ring.cy + r * math.sin(turn)) for r, arc in arcs for turn in arc]
    return [_polyline(points)]


def _arrow(arrow: Arrow, head: float) -> list[str]:
    start, end = (arrow.p0.x, arrow.p0.y), (arrow.p1.x, arrow.p1.y)
    direction = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
    wings = [_turned((end[0] - head, end[1] + side * head * 0.6), end, direction) for side in (-1, 1)]
    return [_polyline([start, end], closed=False), _polyline([wings[0], end, wings[1]], closed=False)]


def _cross(at: Place, degrees: float, arm: float) -> list[str]:
    ends = [_turned((at[0] + dx, at[1] + dy), at, degrees) for dx, dy in ((-arm, 0), (arm, 0), (0, -arm), (0, arm))]
    return [_polyline(ends[:2], closed=False), _polyline(ends[2:], closed=False)]


def _anchor(shape: OverlayShape) -> Place:
    """Where a shape's badge stands: at its upper left, at an arrow's start."""
    match shape:
        case Rect():
            corners = _corners(shape)
            return min(x for x, _ in corners), min(y for _, y in corners)
        case Circle():
            return shape.cx - 0.7 * shape.r, shape.cy - 0.7 * shape.r
        case Ellipse():
            return shape.cx - 0.7 * shape.rx, shape.cy - 0.7 * shape.ry
        case Arrow():
            return shape.p0.x, shape.p0.y
        case Ring():
            return shape.cx - 0.7 * shape.outer, shape.cy - 0.7 * shape.outer
        case Polygon():
            return min(x for x, _ in shape.points), min(y for _, y in shape.points)
    return shape.at.x, shape.at.y


def _badge(made: Drawing, shape: OverlayShape, number: int, verdict: str) -> Badge:
    """Place a badge so that it stays inside the picture and beside those that are there."""
    x, y = _anchor(shape)
    left = min(max(100 * x / made.width, 0), MOST_LEFT)
    top = min(max(100 * y / made.height, 0), MOST_TOP)
    while left < MOST_LEFT and any(_touches(other, left, top) for other in made.badges):
        left += BESIDE
    return Badge(
        f"{left:.2f}%",
        f"{top:.2f}%",
        number,
        verdict,
        22 + 8 * len(str(number)) if verdict else 8 + 8 * len(str(number)),
    )


def _touches(badge: Badge, left: float, top: float) -> bool:
    return abs(float(badge.left[:-1]) - left) < BESIDE - 0.1 and abs(float(badge.top[:-1]) - top) < LINE
