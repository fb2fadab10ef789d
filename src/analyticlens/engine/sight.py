"""Where a tool looks in one picture, and the overlay that shows it."""

from __future__ import annotations

from typing import NamedTuple

from analyticlens.engine.build import built
from analyticlens.engine.pose import STILL, Pose
from analyticlens.engine.regions import drawable
from analyticlens.protocol.overlay import Overlay, OverlayShape
from analyticlens.protocol.regions import Region
from analyticlens.protocol.tools import Tool
from analyticlens.protocol.words import Verdict


class Sight(NamedTuple):
    """A tool's region as `pose` moved it (None: the whole picture, or nowhere when the datum `lost` was not found)."""

    used: Region | None = None
    pose: Pose = STILL
    moved: bool = False
    lost: str | None = None


def shapes_of(tool: Tool, sight: Sight, found: list[OverlayShape], verdict: Verdict | None) -> list[Overlay]:
    """Return a tool's overlay: its region where it looked, where it was taught if it moved or was lost, and what it found."""
    shapes: list[Overlay] = []
    if tool.region is not None and (sight.moved or sight.lost is not None):
        shapes.append(built(Overlay, tool_id=tool.id, role="taught", verdict=verdict, shape=tool.region))
    if sight.used is not None and drawable(sight.used):
        shapes.append(built(Overlay, tool_id=tool.id, role="region", verdict=verdict, shape=sight.used))
    shapes += [built(Overlay, tool_id=tool.id, role="found", verdict=verdict, shape=shape) for shape in found]
    return shapes
