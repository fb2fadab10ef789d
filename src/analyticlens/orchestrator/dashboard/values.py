"""What the tools measured, beside what is allowed: rows of a table, each with a small indicator of where the value lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Polygon, Rect, Region, Ring
from analyticlens.protocol.tools import Feature
from dashboard import numbers, tool_words, words
from dashboard.fields import choice_label
from dashboard.measures import measures_of_kind

# The indicator is drawn 120 wide; the allowed range takes the middle of it.
LEFT, RIGHT, BAND_LEFT, BAND_RIGHT = 4.0, 116.0, 30.0, 90.0

# What a calculation's result is shown in stands among its texts.
UNIT = "unit"
# The kind of a code, in the contract's words.
CODE_FORMAT = "format"


@dataclass(frozen=True)
class Indicator:
    """Where a value lies against its limits, in the indicator's units. A side without a limit is open."""

    band_left: float
    band_width: float
    low: bool
    high: bool
    mark: str
    outside: bool


@dataclass(frozen=True)
class Measure:
    """One measured value."""

    title: str
    value: str
    unit: str
    limits: str
    indicator: Indicator | None
    outside: bool


@dataclass(frozen=True)
class ToolRow:
    """One tool of a result."""

    number: int
    name: str
    kind: str
    verdict: str
    why: str
    message: str
    judged: list[Measure]
    others: list[Measure]
    read: list[str]


def rows(tools: Iterable[Any]) -> list[ToolRow]:
    """Return the rows of a stored result's tools, in their order; what is no tool's outcome is left out."""
    return [_row(number, tool) for number, tool in enumerate(tools, start=1) if isinstance(tool, Mapping)]


def _row(number: int, tool: Mapping[str, Any]) -> ToolRow:
    features = measures_of_kind(str(tool.get("type", "")))
    limits = {limit.get("feature"): limit for limit in tool.get("limits") or () if isinstance(limit, Mapping)}
    measured = tool.get("features") or {}
    texts = tool.get("texts")
    if isinstance(texts, Mapping) and UNIT in texts and "result" in features:
        features["result"] = features["result"]._replace(unit=str(texts[UNIT]))
    judged = [_measure(features, name, measured.get(name), limit) for name, limit in limits.items()]
    others = [_measure(features, name, value, None) for name, value in measured.items() if name not in limits]
    verdict = tool.get("verdict") or ("" if tool.get("status") == "ok" else "undecided")
    return ToolRow(
        number=number,
        name=str(tool.get("name", "")),
        kind=tool_words.tool_type(str(tool.get("type", ""))),
        verdict=str(verdict),
        why=words.reason(tool.get("reason")),
        message=words.detail(tool.get("reason"), str(tool.get("message") or "")),
        judged=judged,
        others=others,
        read=_read(tool),
    )


def _read(tool: Mapping[str, Any]) -> list[str]:
    """Return what a tool read in the picture: a code's text and format, a label, a class."""
    texts = tool.get("texts")
    if not isinstance(texts, Mapping):
        return []
    read = {name: str(text) for name, text in texts.items() if name != UNIT}
    if tool.get("type") == "code" and CODE_FORMAT in read:
        read[CODE_FORMAT] = choice_label(read[CODE_FORMAT])
    return list(read.values())


def _measure(features: Mapping[str, Feature], name: Any, value: Any, limit: Mapping[str, Any] | None) -> Measure:
    feature = features.get(str(name))
    number = float(value) if isinstance(value, int | float) else None
    low, high = (_bound(limit, "min"), _bound(limit, "max")) if limit else (None, None)
    outside = number is not None and ((low is not None and number < low) or (high is not None and number > high))
    return Measure(
        title=words.schema(feature.title) if feature else str(name).replace("_", " "),
        value=numbers.text(number),
        unit=words.unit(feature.unit) if feature else "",
        limits=range_text(low, high),
        indicator=_indicator(number, low, high) if limit and number is not None else None,
        outside=outside,
    )


def _bound(limit: Mapping[str, Any] | None, end: str) -> float | None:
    value = (limit or {}).get(end)
    return float(value) if isinstance(value, int | float) else None


def range_text(low: float | None, high: float | None) -> str:
    """Print an allowed range."""
    if low is not None and high is not None:
        if low == high:
            return numbers.text(low)
        return gettext("{low} to {high}").format(low=numbers.text(low), high=numbers.text(high))
    if low is not None:
        return gettext("min. {low}").format(low=numbers.text(low))
    if high is not None:
        return gettext("max. {high}").format(high=numbers.text(high))
    return ""


def region_text(region: Region | None) -> str:
    """Print where a tool looks."""
    match region:
        case Rect():
            place = gettext("rectangle at ({x}, {y}), {w} × {h} px")
        case Circle():
            place = gettext("circle about ({cx}, {cy}), radius {r} px")
        case Ellipse():
            place = gettext("ellipse about ({cx}, {cy}), {rx} × {ry} px")
        case Ring():
            place = gettext("ring about ({cx}, {cy}), radius {inner} to {outer} px")
        case Polygon():
            return gettext("polygon of {n} corners").format(n=len(region.points))
        case Arrow():
            ends = {"x0": region.p0.x, "y0": region.p0.y, "x1": region.p1.x, "y1": region.p1.y}
            return gettext("arrow from ({x0}, {y0}) to ({x1}, {y1})").format(**_printed(ends))
        case None:
            return gettext("the whole picture")
    return place.format(**_printed(region.model_dump(exclude={"shape"})))


def _printed(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: numbers.text(float(value)) for name, value in values.items()}


def _indicator(value: float, low: float | None, high: float | None) -> Indicator | None:
    if low is None and high is None:
        return None
    bottom, top = _scale(low, high)
    place = BAND_LEFT + (value - bottom) / (top - bottom) * (BAND_RIGHT - BAND_LEFT)
    x = min(max(place, LEFT + 4), RIGHT - 4)
    left = LEFT if low is None else BAND_LEFT
    right = RIGHT if high is None else BAND_RIGHT
    outside = (low is not None and value < low) or (high is not None and value > high)
    return Indicator(left, right - left, low is not None, high is not None, f"M{x:.1f} 9l5-8h-10z", outside)


def _scale(low: float | None, high: float | None) -> tuple[float, float]:
    """Return the values at the ends of the band; where one end is open it lies as far off as the limit is big."""
    if low is not None and high is not None:
        middle, half = (low + high) / 2, max((high - low) / 2, 0.5 * max(1.0, abs(low)) * (low == high))
        return middle - half, middle + half
    if low is not None:
        return low, low + max(abs(low), 1.0)
    assert high is not None
    return high - max(abs(high), 1.0), high
