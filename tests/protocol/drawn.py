"""Hypothesis strategies: regions, limits, tools and recipes of every kind that is built, drawn from the kinds' own schemas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from hypothesis import reject
from hypothesis import strategies as st
from pydantic import BaseModel

from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Point, Polygon, Rect, Ring
from analyticlens.protocol.tools import COVERAGE, TOOL_CLASSES, Tool
from tests.schemas import checked, models

places = st.one_of(st.integers(-2000, 2000), st.floats(-2000, 2000, allow_nan=False))
sizes = st.one_of(st.integers(1, 2000), st.floats(0.5, 2000, allow_nan=False))
turns = st.one_of(st.just(0), st.floats(-360, 360, allow_nan=False))
points = st.builds(Point, x=places, y=places)

rects = st.builds(Rect, x=places, y=places, w=sizes, h=sizes, angle=turns)
circles = st.builds(Circle, cx=places, cy=places, r=sizes)
ellipses = st.builds(Ellipse, cx=places, cy=places, rx=sizes, ry=sizes, angle=turns)
rings = st.builds(
    lambda cx, cy, inner, more, start, sweep: Ring(
        cx=cx, cy=cy, inner=inner, outer=inner + more, start=start, sweep=sweep
    ),
    places,
    places,
    st.floats(0, 500),
    st.floats(0.5, 500),
    turns,
    st.one_of(st.just(360), st.floats(0.1, 360)),
)
polygons = st.builds(Polygon, points=st.lists(st.tuples(places, places), min_size=3, max_size=6).map(tuple))
areas = st.one_of(rects, circles, ellipses, rings, polygons)
arrows = st.builds(
    lambda start, dx, dy, width: Arrow(p0=start, p1=Point(x=start.x + dx, y=start.y + dy), width=width),
    points,
    st.floats(3, 500, allow_nan=False),
    st.floats(-500, 500, allow_nan=False),
    st.one_of(st.just(1), st.floats(1, 200, allow_nan=False)),
)


@st.composite
def _limits(draw: st.DrawFn, kind: str) -> list[dict[str, Any]]:
    model = TOOL_CLASSES[kind]
    features = [feature.name for feature in model.features] + [COVERAGE.name] * (model.place == "area")
    chosen = draw(st.lists(st.sampled_from(features), unique=True, max_size=4)) if features else []
    limits: list[dict[str, Any]] = []
    for feature in chosen:
        ends = sorted(draw(st.tuples(places, places)))
        low, high = {"min": ends[0]}, {"max": ends[1]}
        which: dict[str, float] = draw(st.sampled_from([{**low, **high}, low, high, {"min": 1}]))
        limits.append({"feature": feature, **which, "guard": draw(st.sampled_from([0, 0, 2.5]))})
    return limits


@st.composite
def tools(
    draw: st.DrawFn,
    number: int = 1,
    data: tuple[int, ...] = (),
    earlier: tuple[int, ...] = (),
    kinds: tuple[str, ...] = tuple(sorted(TOOL_CLASSES)),
) -> Tool:
    """Draw a tool of any of the kinds; it may follow the tools `data` and refer to any earlier one."""
    kind = draw(st.sampled_from(kinds))
    model = TOOL_CLASSES[kind]
    given: dict[str, Any] = {"id": number, "name": f"tool {number}"}
    if "params" in model.model_fields:
        params = cast("type[BaseModel]", model.model_fields["params"].annotation)
        given["params"] = draw(models(params, earlier))
    given |= draw(_placed(kind, given))
    for name in draw(st.lists(st.sampled_from(sorted(EXTRAS)), unique=True)):
        more = given | {name: draw(EXTRAS[name](kind, data))}
        given = more if checked(model, more) is not None else given
    tool = checked(model, given)
    if tool is None:
        reject()
    return cast("Tool", tool)


EXTRAS: dict[str, Callable[[str, tuple[int, ...]], st.SearchStrategy[Any]]] = {
    "follow": lambda _, data: st.lists(st.sampled_from(data), unique=True) if data else st.just([]),
    "judge": lambda *_: st.booleans(),
    "limits": lambda kind, _: _limits(kind),
    "exclude": lambda *_: st.lists(areas, max_size=2).map(tuple),
    "min_coverage": lambda *_: st.floats(0, 1),
}


@st.composite
def _placed(draw: st.DrawFn, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """Draw a region that a kind of tool takes, or none."""
    if TOOL_CLASSES[kind].place == "arrow":
        return {"region": draw(st.one_of(arrows, rects) if TOOL_CLASSES[kind].rectangles else arrows)}
    for drawn in (st.one_of(st.none(), areas), rings, rects):
        region = {"region": draw(drawn)}
        if checked(TOOL_CLASSES[kind], given | region) is not None:
            return region
    return {}


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Draw a recipe of up to four tools that refer backwards."""
    drawn: list[Tool] = []
    for number in draw(st.lists(st.integers(1, 1000), unique=True, max_size=4)):
        data = tuple(tool.id for tool in drawn if tool.datum)
        tool = draw(tools(number, data, tuple(tool.id for tool in drawn)))
        # A tool may refer to tools that do not go with it: then the recipe stays as it was.
        if checked(Recipe, {"tools": (*drawn, tool)}) is not None:
            drawn.append(tool)
    return Recipe(tools=tuple(drawn))
