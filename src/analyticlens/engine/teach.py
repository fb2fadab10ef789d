"""Recipes taught from code: show a good picture, add tools, and take the recipe with all it names.

    teacher = Teacher(picture)
    teacher.add("locate", "Rim", region=arrow((10, 40), (70, 40), 21), apply_transform=True)
    teacher.add("blob", "Holes", region=rect(60, 20, 200, 90), th_max=90, limits={"blob_count": 4, "total_area": around(5)})
    prepared = teacher.prepare()
    verdict = inspect(another_picture, prepared).verdict

What a tool can learn from the picture it learns when it is added: where a datum lies, the template of a match, the limits `around`
what is measured. It sees the picture as the tools before it leave it. What else has a teacher of its own (`teach_flat_field`,
`teach_background` …) comes from it as a tool with the bytes it names; `use` takes both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from analyticlens.engine.inspection import Inspection, inspect
from analyticlens.engine.prepared import Prepared, prepare
from analyticlens.engine.regions import AreaRegion
from analyticlens.engine.teach_plane import teach_calibration, teach_scale
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Point, Polygon, Rect, Region, Ring
from analyticlens.protocol.strict import first_error, plain
from analyticlens.protocol.tools import TOOL_CLASSES, TaughtColour, ToolCommon

DIGITS = 6


class NotTaught(ValueError):
    """The good picture does not show what shall be learned from it; says one sentence."""


@dataclass(frozen=True)
class around:  # noqa: N801  read as a word in a recipe: {"area": around(5)}
    """A limit learned from the good picture: what is measured there, more or less so many percent of it."""

    percent: float


# A feature's limit: exactly this, from one to another (None: no end), or around what the good picture shows.
Allowed = float | tuple[float | None, float | None] | around


def rect(x: float, y: float, w: float, h: float, angle: float = 0) -> Rect:
    """Return the rectangle of w x h pixels whose first is (x, y), turned about its centre."""
    return Rect(x=x, y=y, w=w, h=h, angle=angle)


def circle(cx: float, cy: float, r: float) -> Circle:
    """Return the disc about (cx, cy)."""
    return Circle(cx=cx, cy=cy, r=r)


def ellipse(cx: float, cy: float, rx: float, ry: float, angle: float = 0) -> Ellipse:
    """Return the ellipse with half axes rx and ry, turned about its centre."""
    return Ellipse(cx=cx, cy=cy, rx=rx, ry=ry, angle=angle)


def ring(cx: float, cy: float, inner: float, outer: float, start: float = 0, sweep: float = 360) -> Ring:
    """Return the ring between two radii, or the part of it from a direction on."""
    return Ring(cx=cx, cy=cy, inner=inner, outer=outer, start=start, sweep=sweep)


def polygon(*corners: tuple[float, float]) -> Polygon:
    """Return the polygon of corners (x, y)."""
    return Polygon(points=corners)


def arrow(start: tuple[float, float], end: tuple[float, float], width: float = 1) -> Arrow:
    """Return the search line from start to end (x, y), so many pixels wide."""
    return Arrow(p0=Point(x=start[0], y=start[1]), p1=Point(x=end[0], y=end[1]), width=width)


class Teacher:
    """A recipe that grows tool by tool on a good picture (H, W) or (H, W, 3) blue, green, red, of uint8 or uint16.

    `bits` are those used of uint16, as for `inspect`.
    """

    def __init__(
        self, picture: NDArray[Any], *, bits: int | None = None, blobs: Mapping[str, bytes] | None = None
    ) -> None:
        self.picture = picture
        self.bits = bits
        self.blobs: dict[str, bytes] = dict(blobs or {})
        self._tools: list[ToolCommon] = []

    @property
    def recipe(self) -> Recipe:
        """The recipe so far."""
        return Recipe.model_validate({"tools": [plain(tool) for tool in self._tools]})

    @property
    def seen(self) -> NDArray[Any]:
        """The good picture as the next tool will see it: a copy, after all filters so far."""
        return self._seen(self.picture)

    def _seen(self, picture: NDArray[Any]) -> NDArray[Any]:
        image = inspect(picture, self.prepare(), bits=self.bits).image
        return picture.copy() if image is None else image.copy()

    def prepare(self, **options: Any) -> Prepared:
        """Return the recipe so far, ready to inspect; options as for `prepare`. Raises RecipeRefused."""
        return prepare(self.recipe, self.blobs, **options)

    def inspect(self) -> Inspection:
        """Return what the good picture is by the recipe so far."""
        return inspect(self.picture, self.prepare(), bits=self.bits)

    def add(
        self,
        kind: str,
        /,
        name: str = "",
        *,
        region: Region | None = None,
        limits: Mapping[str, Allowed] | None = None,
        exclude: Sequence[AreaRegion] = (),
        min_coverage: float = 1,
        follow: Sequence[int | str] | None = None,
        judge: bool = True,
        **params: Any,
    ) -> Self:
        """Add a tool of a kind, numbered after the last; params are the tool's own.

        A datum that is told no reference learns it from the good picture. `follow` names tools by number or name. Raises ValueError
        for what no recipe can be, NotTaught where the good picture does not show it, RecipeRefused where it cannot be built.
        """
        if kind not in TOOL_CLASSES:
            raise ValueError(f"there is no tool {kind!r}; there are {', '.join(TOOL_CLASSES)}")
        said: dict[str, Any] = {
            "id": self._next,
            "name": name or f"{kind} {self._next}",
            "region": region,
            "exclude": tuple(exclude),
            "min_coverage": min_coverage,
            "follow": None if follow is None else tuple(map(self._number, follow)),
            "judge": judge,
            "params": params,
        }
        try:
            tool = TOOL_CLASSES[kind].model_validate(said)
        except ValidationError as error:
            raise ValueError(first_error(error)) from None
        return self._join(tool, limits)

    def match(
        self,
        name: str = "",
        *,
        region: AreaRegion | None = None,
        mask: NDArray[np.uint8] | None = None,
        search: AreaRegion | None = None,
        limits: Mapping[str, Allowed] | None = None,
        **params: Any,
    ) -> Self:
        """Add a match tool whose template is `region` of the good picture, looked for in `search` (None: everywhere)."""
        from analyticlens.engine.pattern.teach import teach_match

        name = name or f"match {self._next}"
        tool, blobs = teach_match(self.seen, region, mask, id=self._next, name=name, search=search, **params)
        return self.use(tool, blobs, limits=limits)

    def colour(
        self,
        name: str = "",
        *,
        taught: Mapping[str, AreaRegion],
        region: AreaRegion | None = None,
        limits: Mapping[str, Allowed] | None = None,
        **params: Any,
    ) -> Self:
        """Add a colour tool that knows the mean colours of regions of the good picture, by name."""
        from analyticlens.engine.tools.colour import teach_colour

        seen = self.seen
        colours: list[TaughtColour] = [
            teach_colour(seen, where, name=word, bits=self.bits) for word, where in taught.items()
        ]
        return self.add("colour", name, region=region, limits=limits, colours=colours, **params)

    def golden(
        self,
        name: str = "",
        *,
        more: Sequence[NDArray[Any]] = (),
        region: AreaRegion | None = None,
        limits: Mapping[str, Allowed] | None = None,
        **params: Any,
    ) -> Self:
        """Add a golden tool taught by the good picture and more of them: a part must look as these do, within what they differ by."""
        from analyticlens.engine.pattern.teach_golden import teach_golden

        good = [self._seen(picture) for picture in (self.picture, *more)]
        tool, blobs = teach_golden(good, region, id=self._next, name=name or f"golden {self._next}", **params)
        return self.use(tool, blobs, limits=limits)

    def scale(self, name: str = "", *, first: tuple[float, float], second: tuple[float, float], mm: float) -> Self:
        """Add a calibration tool: two places of the picture (x, y) are so many millimetres apart."""
        return self.add("calibration", name, **plain(teach_scale(first, second, mm)))

    def board(
        self, name: str = "", *, corners: tuple[int, int], square_mm: float, more: Sequence[NDArray[Any]] = ()
    ) -> Self:
        """Add a calibration tool taught by a chessboard on the measured plane, and tilted boards in more pictures."""
        return self.add("calibration", name, **plain(teach_calibration([self.picture, *more], corners, square_mm)))

    def use(
        self,
        tool: ToolCommon,
        blobs: Mapping[str, bytes] | None = None,
        *,
        limits: Mapping[str, Allowed] | None = None,
    ) -> Self:
        """Add a tool made elsewhere, with the bytes it names; it takes the next number."""
        self.blobs.update(blobs or {})
        return self._join(tool.model_copy(update={"id": self._next}), limits)

    @property
    def _next(self) -> int:
        return len(self._tools) + 1

    def _number(self, tool: int | str) -> int:
        if isinstance(tool, int):
            return tool
        for known in self._tools:
            if known.name == tool:
                return known.id
        raise ValueError(f"there is no tool {tool!r} before this one")

    def _join(self, tool: ToolCommon, limits: Mapping[str, Allowed] | None) -> Self:
        """Add a tool, then let it learn; what cannot be learned takes it away again."""
        before = list(self._tools)
        self._tools.append(tool)
        learned = False
        try:
            self._learn_reference()
            if limits:
                self._learn_limits(limits)
            self.prepare()
            learned = True
        finally:
            if not learned:
                self._tools = before
        return self

    def _learn_reference(self) -> None:
        """Give the last tool, if it is a datum that needs one, the place it finds on the good picture as its reference."""
        tool = self._tools[-1]
        params: BaseModel | None = getattr(tool, "params", None)
        if not tool.datum or params is None or "reference" not in type(params).model_fields:
            return
        said = plain(params)
        if said["reference"] is not None:
            return
        features = self._measured().features
        reference = {name: round(features.get(name, 0.0), DIGITS) for name in ("x", "y", "angle_deg")}
        self._change(params=said | {"reference": reference})

    def _learn_limits(self, limits: Mapping[str, Allowed]) -> None:
        measured = self._measured().features if any(isinstance(value, around) for value in limits.values()) else {}
        self._change(limits=[_limit(feature, allowed, measured) for feature, allowed in limits.items()])

    def _change(self, **fields: Any) -> None:
        tool = self._tools[-1]
        self._tools[-1] = type(tool).model_validate(plain(tool) | fields)

    def _measured(self) -> ToolOutcome:
        """Return what the last tool measures on the good picture."""
        inspection = self.inspect()
        if not inspection.tools:
            raise NotTaught(inspection.message)
        outcome = inspection.tools[-1]
        if outcome.status != "ok":
            raise NotTaught(f"{outcome.name} does not work on the good picture: {outcome.message or outcome.status}")
        return outcome


def _limit(feature: str, allowed: Allowed, measured: Mapping[str, float]) -> dict[str, Any]:
    """Return a limit as a recipe holds it."""
    if isinstance(allowed, around):
        if feature not in measured:
            raise NotTaught(f"{feature} is not measured on the good picture")
        reach = abs(measured[feature]) * allowed.percent / 100
        low, high = measured[feature] - reach, measured[feature] + reach
        return {"feature": feature, "min": round(low, DIGITS), "max": round(high, DIGITS)}
    if isinstance(allowed, tuple):
        return {"feature": feature, "min": allowed[0], "max": allowed[1]}
    return {"feature": feature, "min": allowed, "max": allowed}
