"""measure: distances, angles, gaps and diameters between what earlier tools found."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from analyticlens.engine import between, onplane
from analyticlens.engine.between import Span
from analyticlens.engine.build import built
from analyticlens.engine.entities import Entity, FoundCircle, FoundLine, FoundPair, FoundPoint
from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.plane import NoPlace, Plane
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.tools.calibration import plane_of
from analyticlens.protocol.overlay import Cross, OverlayShape
from analyticlens.protocol.regions import Arrow, Point
from analyticlens.protocol.tools import CalibrationTool, MeasureTool

POINT, LINE, CIRCLE, PAIR = (FoundPoint, FoundCircle, FoundPair), (FoundLine,), (FoundCircle,), (FoundPair,)
# What each way of measuring is measured between.
BETWEEN: dict[str, tuple[tuple[type, ...], ...]] = {
    "point_point": (POINT, POINT),
    "point_line": (POINT, LINE),
    "line_line_angle": (LINE, LINE),
    "line_line_distance": (LINE, LINE),
    "circle_circle": (CIRCLE, CIRCLE),
    "diameter": (CIRCLE,),
    "width": (PAIR,),
}
NAMES: dict[tuple[type, ...], str] = {POINT: "point", LINE: "line", CIRCLE: "circle", PAIR: "pair of edges"}
# A way shorter than this is shown as a cross.
SHORTEST = 2.0
Measured = tuple[dict[str, float], Span | None]


def prepare(tool: MeasureTool, kit: Kit) -> Run:
    """Return the function that measures. Raises CannotBuild where it names no tool yet, or the calibration it names is none."""
    params = tool.params
    if params.first is None:
        raise CannotBuild("it does not say yet what it measures between")
    names = {earlier.id: earlier.name for earlier in kit.recipe.tools}
    wanted = [number for number in (params.first, params.second) if number is not None]
    plane = _plane(tool, kit)

    def run(scene: Scene) -> Found:
        entities: list[Any] = []
        for number, kinds in zip(wanted, BETWEEN[params.kind], strict=True):
            entity = entity_of(scene.earlier[number])
            if entity is None:
                return missing(names[number])
            if not isinstance(entity, kinds):
                raise ToolFailed(f"{names[number]} finds no {NAMES[kinds]}")
            entities.append(entity)
        if params.calibration is not None and scene.earlier[params.calibration].status != "ok":
            return missing(names[params.calibration])
        return _measured(params.kind, entities, plane)

    return run


def entity_of(found: Found) -> Entity | None:
    """Return what a tool found to measure from: its point, line or circle, else its x and y; None where it found nothing."""
    if found.status != "ok":
        return None
    if found.entity is not None:
        return found.entity
    x, y = found.features.get("x"), found.features.get("y")
    return None if x is None or y is None else FoundPoint(x, y)


def missing(name: str) -> Found:
    """Return what there is to say where the tool named found nothing."""
    return Found(status="not_found", reason="measure_missing", message=f"{name} found nothing to measure from")


def _plane(tool: MeasureTool, kit: Kit) -> Plane | None:
    number = tool.params.calibration
    if number is None:
        return None
    named = next(earlier for earlier in kit.recipe.tools if earlier.id == number)
    if not isinstance(named, CalibrationTool):
        raise CannotBuild(f"{named.name} is no calibration")
    return plane_of(named)


def _measured(kind: str, entities: list[Any], plane: Plane | None) -> Found:
    measured = KINDS[kind](*entities)
    if measured is None:
        return Found(status="not_found", reason="not_found", message="the lines are far from parallel")
    features, span = measured
    if plane is not None:
        try:
            features |= _metric(kind, entities, span, plane)
        except NoPlace:
            return Found(
                status="not_found", reason="not_found", message="what was found shows no place on the calibrated plane"
            )
    shapes = [] if span is None else [_shape(span)]
    known = {name: value for name, value in features.items() if math.isfinite(value)}
    return Found(known, shapes)


def _placed(span: Span) -> dict[str, float]:
    return {
        "distance": span.length,
        "dx": span.end[0] - span.start[0],
        "dy": span.end[1] - span.start[1],
        "angle_deg": span.angle_deg,
        "sigma": span.sigma,
    }


def _point_point(first: FoundPoint, second: FoundPoint) -> Measured:
    span = between.points(between.centre(first), between.centre(second))
    return _placed(span), span


def _point_line(point: FoundPoint, line: FoundLine) -> Measured:
    span = between.to_line(between.centre(point), line)
    return _placed(span), span


def _angle(first: FoundLine, second: FoundLine) -> Measured:
    turn, sigma = between.angle(first, second)
    return {"angle_deg": turn, "angle_sigma": sigma}, None


def _distance(first: FoundLine, second: FoundLine) -> Measured | None:
    span = between.lines(first, second)
    if span is None:
        return None
    # Here the angle is that of the lines with each other: how much they run together or apart.
    turn = math.remainder(second.angle_deg - first.angle_deg, 180)
    return _placed(span) | {"angle_deg": turn, "angle_sigma": between.angle(first, second)[1]}, span


def _circles(first: FoundCircle, second: FoundCircle) -> Measured:
    features, span = _point_point(between.centre(first), between.centre(second))
    apart, sigma = between.gap(first, second)
    return features | {"gap": apart, "gap_sigma": sigma}, span


def _diameter(circle: FoundCircle) -> Measured:
    span = Span((circle.x - circle.r, circle.y), (circle.x + circle.r, circle.y), 2 * circle.r_sigma)
    return {"distance": 2 * circle.r, "sigma": span.sigma}, span


def _width(pair: FoundPair) -> Measured:
    span = Span(pair.first, pair.second, pair.width_sigma)
    return _placed(span) | {"distance": pair.width}, span


KINDS: dict[str, Callable[..., Measured | None]] = {
    "point_point": _point_point,
    "point_line": _point_line,
    "line_line_angle": _angle,
    "line_line_distance": _distance,
    "circle_circle": _circles,
    "diameter": _diameter,
    "width": _width,
}


def _metric(kind: str, entities: list[Any], span: Span | None, plane: Plane) -> dict[str, float]:
    """Return the measures on the plane. Raises NoPlace where something lies nowhere on it."""
    if kind == "line_line_angle":
        mapped = [onplane.line(line, plane) for line in entities]
        return {"plane_angle_deg": between.angle(mapped[0][0], mapped[1][0])[0]}
    if kind == "diameter":
        distance, sigma = onplane.carried(lambda circle: 2 * circle.r, onplane.circle(entities[0], plane))
    elif kind == "width":
        assert span is not None
        # Square to the edges, as the width in pixels is.
        square = entities[0].width / span.length if span.length else 1.0
        distance, sigma = onplane.carried(lambda way: way.length * square, onplane.span(span, plane))
    elif kind == "circle_circle":
        circles = [onplane.circle(circle, plane) for circle in entities]
        distance, sigma = onplane.carried(lambda one, other: math.dist(one[:2], other[:2]), *circles)
        gap, _ = onplane.carried(lambda one, other: between.gap(one, other)[0], *circles)
        return {"distance_mm": distance, "gap_mm": gap, "sigma_mm": sigma}
    elif kind == "line_line_distance":
        distance, sigma = onplane.carried(_apart, *(onplane.line(line, plane) for line in entities))
    elif kind == "point_line":
        sides = onplane.point(entities[0], plane), onplane.line(entities[1], plane)
        distance, sigma = onplane.carried(lambda point, line: between.to_line(point, line).length, *sides)
    else:
        ends = [onplane.point(point, plane) for point in entities]
        distance, sigma = onplane.carried(lambda one, other: math.dist(one[:2], other[:2]), *ends)
    return {"distance_mm": distance, "sigma_mm": sigma}


def _apart(first: FoundLine, second: FoundLine) -> float:
    """Return the distance of two lines, nan where they are far from parallel."""
    span = between.lines(first, second)
    return math.nan if span is None else span.length


def _shape(span: Span) -> OverlayShape:
    p0, p1 = (built(Point, x=x, y=y) for x, y in (span.start, span.end))
    if span.length < SHORTEST:
        return built(Cross, shape="cross", at=p1, angle_deg=span.angle_deg)
    return built(Arrow, shape="arrow", p0=p0, p1=p1, width=1.0)
