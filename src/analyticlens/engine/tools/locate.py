"""locate: an edge along an arrow, a datum for later regions."""

from __future__ import annotations

import math
from typing import Any

from analyticlens.engine.build import built
from analyticlens.engine.caliper import Caliper, Edge
from analyticlens.engine.entities import FoundPoint
from analyticlens.engine.kit import Kit
from analyticlens.engine.offset import TaughtPlace, offset, taught_place
from analyticlens.engine.profile import read
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.overlay import Cross
from analyticlens.protocol.regions import Arrow, Point
from analyticlens.protocol.tools import LocateTool

# Edges are listed for people; a striped picture has more than anyone reads.
MAX_LISTED = 50


def prepare(tool: LocateTool, kit: Kit) -> Run:
    """Return the function that finds the edge, measures it against its reference, and says how later regions move."""
    params = tool.params
    assert isinstance(tool.region, Arrow)
    caliper = Caliper(tool.region, params)

    def run(scene: Scene) -> Found:
        assert scene.arrow is not None
        edges, chosen = caliper.find(scene.picture.grey(), scene.arrow)
        taught = taught_place(params.reference, scene.pose)
        details: dict[str, Any] = {
            "image_modified": False,
            "edges": [_wire(edge) for edge in edges[:MAX_LISTED]],
            "reference": None if taught is None else _place(*taught),
        }
        if chosen is None:
            return Found(
                {"edge_count": 0.0},
                details=details,
                status="not_found",
                reason="not_found",
                message="no edge on the arrow",
            )
        return _datum(chosen, len(edges), taught, params.rotate, details)

    return run


def cost(tool: LocateTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, by the arrow's length, samples and bounding box."""
    assert isinstance(tool.region, Arrow)
    samples, box = read(tool.region, height, width)
    length = math.dist((tool.region.p0.x, tool.region.p0.y), (tool.region.p1.x, tool.region.p1.y))
    return 3.0 + 0.006 * length + 2e-5 * samples + 4e-6 * box


def _datum(edge: Edge, count: int, taught: TaughtPlace | None, rotate: bool, details: dict[str, Any]) -> Found:
    away = offset(edge.x, edge.y, edge.angle_deg, taught, rotate=rotate)
    features = {
        "x": edge.x,
        "y": edge.y,
        "angle_deg": edge.angle_deg,
        **away.features,
        "distance": edge.t,
        "strength": edge.strength,
        "edge_count": float(count),
    }
    cross = built(Cross, shape="cross", at=built(Point, x=edge.x, y=edge.y), angle_deg=edge.angle_deg)
    return Found(features, [cross], details, residual=away.residual, entity=FoundPoint(edge.x, edge.y))


def _place(x: float, y: float, angle_deg: float) -> dict[str, float]:
    return {"x": x, "y": y, "angle_deg": angle_deg}


def _wire(edge: Edge) -> dict[str, Any]:
    place = _place(edge.x, edge.y, edge.angle_deg)
    return {**place, "polarity": edge.polarity, "strength": edge.strength, "t": edge.t}
