"""caliper: one edge along an arrow, or a pair of edges and their distance, to a fraction of a pixel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from analyticlens.engine.build import built
from analyticlens.engine.edgesearch import EdgeSearch, Measured, Rough
from analyticlens.engine.entities import FoundPair, FoundPoint
from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.kit import Kit
from analyticlens.engine.profile import Band, read
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.overlay import Cross, OverlayShape
from analyticlens.protocol.regions import Arrow, Point, Polygon
from analyticlens.protocol.tools import CaliperTool
from analyticlens.protocol.tools.edges import CaliperParams

# What only a pair has.
OF_PAIRS = {"width", "width_sigma", "first_x", "first_y", "second_x", "second_y"}
# Edges are listed for people, and paired each with each; a striped picture has more than anyone reads.
MAX_LISTED = 50
MAX_PAIRED = 60
# A pair holds no edge between its two that is stronger than this share of the weaker.
BETWEEN = 0.5


def prepare(tool: CaliperTool, kit: Kit) -> Run:
    """Return the function that finds and measures the edge or pair along the arrow. Raises CannotBuild for limits that only a pair has."""
    params = tool.params
    assert isinstance(tool.region, Arrow)
    paired = params.select == "pair"
    for limit in tool.limits:
        if limit.feature in OF_PAIRS and not paired:
            raise CannotBuild(f"only a pair of edges has {limit.feature!r}; select pair")
    search = EdgeSearch(tool.region, params)

    def run(scene: Scene) -> Found:
        assert scene.arrow is not None
        look = search.look(scene.picture.grey(), scene.arrow)
        chosen = _pair(look.rough, params) if paired else _single(look.rough, params, search.profile.length)
        count, details = _counted(look.rough, params), {"edges": _listed(look.rough, look.band)}
        if not chosen:
            what = "pair of edges" if paired else "edge"
            return Found(
                {"edge_count": float(count)},
                details=details,
                status="not_found",
                reason="not_found",
                message=f"no {what} on the arrow",
            )
        edges, shared = look.measure(chosen)
        found = _of_pair(edges[0], edges[1], shared) if paired else _of_one(edges[0])
        found.features["edge_count"] = float(count)
        found.details = details
        return found

    return run


def _wanted(rough: Rough, params: CaliperParams) -> list[int]:
    """Return the edges of the wanted direction."""
    if params.polarity == "any":
        return list(range(len(rough)))
    rising = rough.slopes > 0
    return np.flatnonzero(rising if params.polarity == "dark_to_light" else ~rising).tolist()


def _counted(rough: Rough, params: CaliperParams) -> int:
    return len(rough) if params.select == "pair" else len(_wanted(rough, params))


def _single(rough: Rough, params: CaliperParams, length: float) -> list[int]:
    """Return the edge that `select` chooses, or none."""
    wanted = _wanted(rough, params)
    if len(wanted) < 2 or params.select in {"first", "last"}:
        return wanted[-1:] if params.select == "last" else wanted[:1]
    if params.select == "closest":
        at = length / 2 if params.expected is None else params.expected
        return [min(wanted, key=lambda i: abs(float(rough.places[i]) - at))]
    return [max(wanted, key=lambda i: abs(float(rough.slopes[i])))]


def _pair(rough: Rough, params: CaliperParams) -> list[int]:
    """Return the two edges of the pair that fits best, in order, or none.

    The nearest to the expected width, or else the one whose weaker edge is strongest; of equals the stronger, or the narrower.
    """
    expected = params.expected_width
    best: tuple[float, float, int, int] | None = None
    for first, second, weaker in _pairs(rough, params):
        width = float(rough.places[second] - rough.places[first])
        rank = (-weaker, width) if expected is None else (abs(width - expected), -weaker)
        best = min(best or (math.inf, 0.0, 0, 0), (*rank, first, second))
    return [] if best is None else [best[2], best[3]]


def _pairs(rough: Rough, params: CaliperParams) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of edges of opposite direction, in order, and the slope of their weaker one, where no strong edge lies between."""
    sizes = np.abs(rough.slopes)
    strong = sorted(np.argsort(-sizes, kind="stable")[:MAX_PAIRED].tolist())
    for first in set(_wanted(rough, params)).intersection(strong):
        between = 0.0
        for second in strong[strong.index(first) + 1 :]:
            weaker = float(min(sizes[first], sizes[second]))
            if rough.slopes[first] * rough.slopes[second] < 0 and between <= BETWEEN * weaker:
                yield first, second, weaker
            between = max(between, float(sizes[second]))


def _of_one(edge: Measured) -> Found:
    features = {
        "x": edge.x,
        "y": edge.y,
        "angle_deg": edge.angle_deg,
        "distance": edge.t,
        "contrast": abs(edge.contrast),
        "blur": edge.blur,
        "score": edge.score,
        "sigma": edge.sigma,
    }
    return Found(features, [_cross(edge)], entity=FoundPoint(edge.x, edge.y, edge.sigma))


def _of_pair(first: Measured, second: Measured, shared: float) -> Found:
    """Return the pair's middle and its width, square to the mean of its edges; `shared` is the covariance of their places."""
    turn = math.remainder(second.angle_deg - first.angle_deg, 360) / 2
    x, y = (first.x + second.x) / 2, (first.y + second.y) / 2
    angle = math.remainder(first.angle_deg + turn, 360)
    along = math.atan2(second.y - first.y, second.x - first.x)
    square = abs(math.cos(math.radians(angle) - along))
    own = first.sigma**2 + second.sigma**2
    sigma = math.sqrt(max(0.0, own + 2 * shared)) / 2
    features = {
        "x": x,
        "y": y,
        "angle_deg": angle,
        "distance": (first.t + second.t) / 2,
        "contrast": min(abs(first.contrast), abs(second.contrast)),
        "blur": (first.blur + second.blur) / 2,
        "score": min(first.score, second.score),
        "sigma": sigma,
        "width": (second.t - first.t) * square,
        "width_sigma": math.sqrt(max(0.0, own - 2 * shared)) * square,
        "first_x": first.x,
        "first_y": first.y,
        "second_x": second.x,
        "second_y": second.y,
    }
    between = built(Polygon, shape="polygon", points=((first.x, first.y), (second.x, second.y)))
    shapes: list[OverlayShape] = [_cross(first), _cross(second), between]
    pair = FoundPair(x, y, sigma, (first.x, first.y), (second.x, second.y), features["width"], features["width_sigma"])
    return Found(features, shapes, entity=pair)


def _cross(edge: Measured) -> OverlayShape:
    return built(Cross, shape="cross", at=built(Point, x=edge.x, y=edge.y), angle_deg=edge.angle_deg)


def _listed(rough: Rough, band: Band) -> list[dict[str, Any]]:
    """Return the edges as the profile shows them, for people."""
    listed = []
    for t, contrast in zip(rough.places[:MAX_LISTED].tolist(), rough.contrasts[:MAX_LISTED].tolist(), strict=True):
        x, y = band.place(t)
        polarity = "dark_to_light" if contrast > 0 else "light_to_dark"
        listed.append({"x": x, "y": y, "t": t, "polarity": polarity, "contrast": abs(contrast)})
    return listed


def cost(tool: CaliperTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, by the arrow's samples, its bounding box, and the pixels of a fit."""
    assert isinstance(tool.region, Arrow)
    samples, box = read(tool.region, height, width)
    return 35.0 + 0.16 * tool.region.width + 3e-5 * samples + 4e-6 * box
