"""match: a taught picture found again, a datum for later regions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analyticlens.engine.build import built
from analyticlens.engine.entities import FoundPoint
from analyticlens.engine.kit import Kit
from analyticlens.engine.offset import TaughtPlace, offset, taught_place
from analyticlens.engine.pattern.matcher import Instance, Matcher
from analyticlens.engine.pose import turned
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.overlay import Cross, OverlayShape
from analyticlens.protocol.regions import Point, Polygon
from analyticlens.protocol.tools import MatchParams, MatchTool


def prepare(tool: MatchTool, kit: Kit) -> Run:
    """Return the function that finds the template, measures it against its reference, and says how later regions move."""
    return Matching(tool, kit)


class Matching:
    """A match tool with all that is worked out before the first picture."""

    def __init__(self, tool: MatchTool, kit: Kit) -> None:
        self._params = tool.params
        self._matcher = Matcher(tool, kit)

    def cost(self, tool: MatchTool, height: int, width: int) -> float:
        """Return the milliseconds it can take at most: that depends on the template, which the parameters only name."""
        return self._matcher.cost(height, width)

    def __call__(self, scene: Scene) -> Found:
        """Return the instances found, where the best one lies, and how later regions move."""
        matcher, params = self._matcher, self._params
        instances = matcher.find(scene)
        taught = taught_place(params.reference, scene.pose)
        details: dict[str, Any] = {
            "image_modified": False,
            "matches": [_wire(instance, matcher.origin) for instance in instances],
        }
        if not instances:
            return Found(
                {"count": 0.0},
                details=details,
                status="not_found",
                reason="not_found",
                message="the template is not there",
            )
        return _datum(instances, matcher, taught, params, details)


def _datum(
    instances: list[Instance],
    matcher: Matcher,
    taught: TaughtPlace | None,
    params: MatchParams,
    details: dict[str, Any],
) -> Found:
    best = instances[0]
    x, y, angle = _place(best, matcher.origin)
    away = offset(x, y, angle, taught, rotate=params.rotate)
    features = {
        "x": x,
        "y": y,
        "angle_deg": angle,
        "scale": best.pose.scale,
        "score": best.score,
        "ncc": best.ncc,
        "visible": best.visible,
        "count": float(len(instances)),
        **away.features,
        "sigma": best.sigma,
        "angle_deg_sigma": math.degrees(best.angle_sigma),
    }
    lists = {
        "match_x": np.array([_place(i, matcher.origin)[0] for i in instances]),
        "match_y": np.array([_place(i, matcher.origin)[1] for i in instances]),
        "match_scores": np.array([i.score for i in instances]),
    }
    shapes = [shape for instance in instances for shape in _shapes(instance, matcher)]
    return Found(features, shapes, details, lists, residual=away.residual, entity=FoundPoint(x, y, best.sigma))


def _place(instance: Instance, origin: tuple[float, float]) -> tuple[float, float, float]:
    """Return where the origin is (x, y), and the turn in degrees above -180 and up to 180."""
    x, y = instance.pose.apply(*origin)
    return float(x), float(y), turned(math.degrees(instance.pose.angle))


def _shapes(instance: Instance, matcher: Matcher) -> list[OverlayShape]:
    x, y, angle = _place(instance, matcher.origin)
    outline = built(Polygon, shape="polygon", points=tuple(matcher.template.outline(instance.pose)))
    return [outline, built(Cross, shape="cross", at=built(Point, x=x, y=y), angle_deg=angle)]


def _wire(instance: Instance, origin: tuple[float, float]) -> dict[str, float]:
    x, y, angle = _place(instance, origin)
    return {
        "x": x,
        "y": y,
        "angle_deg": angle,
        "scale": instance.pose.scale,
        "score": instance.score,
        "ncc": instance.ncc,
        "visible": instance.visible,
    }
