"""datum: a pose from what earlier tools found, which later regions follow.

A pose is absolute: it says where the part lies, whatever moved the tools that found it. What this tool adds for later regions is what is
left of the way from the taught pose once that has been moved by the data this tool itself follows, so that nothing moves twice.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from analyticlens.engine import between
from analyticlens.engine.build import built
from analyticlens.engine.entities import FoundCircle, FoundLine, FoundPair, FoundPoint
from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.offset import TaughtPlace, offset, taught_place
from analyticlens.engine.pose import turned
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.tools.measure import entity_of, missing
from analyticlens.protocol.overlay import Cross
from analyticlens.protocol.regions import Point
from analyticlens.protocol.tools import DatumTool

POINT, LINE = (FoundPoint, FoundCircle, FoundPair), (FoundLine,)
BETWEEN: dict[str, tuple[tuple[type, ...], ...]] = {
    "two_lines": (LINE, LINE),
    "two_points": (POINT, POINT),
    "line_point": (LINE, POINT),
}
# Lines that cross at less than this give no place worth the name.
FLATTEST = math.sin(math.radians(5))
# Points nearer to each other than this, in pixels, give no direction.
NEAREST = 1.0


class Placed(NamedTuple):
    """A pose as found: its place with its sigma, its direction with its own, and whether the opposite direction means the same."""

    at: FoundPoint
    angle_deg: float
    angle_sigma: float = math.nan
    line: bool = False


def prepare(tool: DatumTool, kit: Kit) -> Run:
    """Return the function that makes the pose, measures it against its reference, and says how later regions move.

    Raises CannotBuild where it names no tool yet.
    """
    params = tool.params
    if params.first is None:
        raise CannotBuild("it does not say yet which tool's findings it makes a pose of")
    names = {earlier.id: earlier.name for earlier in kit.recipe.tools}

    def run(scene: Scene) -> Found:
        sources = [(number, scene.earlier[number]) for number in tool.refers]
        for number, found in sources:
            if entity_of(found) is None:
                return missing(names[number])
        if params.kind == "tool":
            number, found = sources[0]
            pose: Placed | str = _of_tool(found, names[number])
        else:
            pose = _of_two(params.kind, [(names[number], entity_of(found)) for number, found in sources])
        if isinstance(pose, str):
            return Found(status="not_found", reason="not_found", message=pose)
        return _datum(pose, taught_place(params.reference, scene.pose), params.rotate)

    return run


def _of_tool(found: Found, name: str) -> Placed:
    """Return the pose of one tool that has place and angle."""
    entity = entity_of(found)
    assert entity is not None
    angle = found.features.get("angle_deg")
    if isinstance(entity, FoundLine) or angle is None:
        raise ToolFailed(f"{name} finds no pose: a place with an angle")
    angle_sigma = found.features.get("angle_deg_sigma", found.features.get("angle_sigma", math.nan))
    return Placed(between.centre(entity), angle, angle_sigma)


def _of_two(kind: str, sources: list[tuple[str, Any]]) -> Placed | str:
    """Return the pose of two things found, or why there is none."""
    for (name, entity), kinds in zip(sources, BETWEEN[kind], strict=True):
        if not isinstance(entity, kinds):
            raise ToolFailed(f"{name} finds no {'line' if kinds == LINE else 'point'}")
    first, second = (entity for _, entity in sources)
    if kind == "two_lines":
        crossed = between.crossing(first, second)
        if crossed is None or crossed[1] < FLATTEST:
            return "the lines are nearly parallel"
        return Placed(crossed[0], first.angle_deg, first.angle_sigma, line=True)
    if kind == "line_point":
        x, y = between.foot(between.centre(second), first)
        lever = math.radians(first.angle_sigma) * math.dist((x, y), (first.x, first.y))
        # Across the line its own place counts, along it the point's.
        sigma = math.hypot(first.sigma, lever, second.sigma) / math.sqrt(2)
        return Placed(FoundPoint(x, y, sigma), first.angle_deg, first.angle_sigma, line=True)
    span = between.points(between.centre(first), between.centre(second))
    if span.length < NEAREST:
        return "the points are too near to each other"
    return Placed(between.centre(first), span.angle_deg, math.degrees(span.sigma / span.length))


def _datum(pose: Placed, taught: TaughtPlace | None, rotate: bool) -> Found:
    at = pose.at
    away = offset(at.x, at.y, turned(pose.angle_deg), taught, rotate=rotate, line=pose.line)
    features = {
        "x": at.x,
        "y": at.y,
        "angle_deg": away.angle_deg,
        **away.features,
        "sigma": at.sigma,
        "angle_sigma": pose.angle_sigma,
    }
    known = {name: value for name, value in features.items() if math.isfinite(value)}
    cross = built(Cross, shape="cross", at=built(Point, x=at.x, y=at.y), angle_deg=away.angle_deg)
    return Found(known, [cross], residual=away.residual, entity=at)
