"""Regions in the spellings of the old wire: `{x, y, w, h}`, or a shape's word with its numbers below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Polygon, Rect, Region, Ring
from analyticlens.protocol.strict import first_error

Area = Rect | Circle | Ellipse | Ring | Polygon
_Shape = TypeVar("_Shape", Rect, Circle, Ellipse, Ring, Polygon, Arrow, Area)
_AREAS: dict[str, type[Area]] = {"rect": Rect, "circle": Circle, "ellipse": Ellipse, "ring": Ring, "polygon": Polygon}


def plain_number(value: float) -> int | float:
    """Return a whole number as an integer, as the old machines write coordinates; others unchanged."""
    return int(value) if float(value).is_integer() else value


def plain_numbers(value: Any) -> Any:
    """Return JSON-ready data with every whole float as an integer."""
    if isinstance(value, float):
        return plain_number(value)
    if isinstance(value, Mapping):
        return {key: plain_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_numbers(item) for item in value]
    return value


def area_from_wire(roi: Any) -> Area | None:
    """Return the region an old ROI means, in image coordinates (x right, y down, pixels); None for none.

    Takes `{x, y, w, h}`, `{"shape": "rect", "rect": {…}}` (and circle, ellipse), and the recipe's own flat spelling. A rectangle may
    carry `angle`. Raises ValueError with one sentence for anything else.
    """
    if roi is None or roi == {}:
        return None
    if not isinstance(roi, Mapping):
        raise ValueError("a ROI is an object, or null for the whole picture")
    shape = roi.get("shape", "rect")
    model = _AREAS.get(shape) if isinstance(shape, str) else None
    if model is None:
        raise ValueError(f"unknown ROI shape {shape!r}")
    numbers = {key: value for key, value in roi.items() if key != "shape"}
    if set(numbers) == {shape}:
        numbers = numbers[shape]
    return _checked(model, numbers, "ROI")


def area_to_wire(region: Area | None) -> dict[str, Any] | None:
    """Return a region as a configuration's ROI: `{x, y, w, h}` for an unturned rectangle, else the shape's word; None for none."""
    if isinstance(region, Rect) and region.angle == 0:
        return _numbers(region, ("x", "y", "w", "h"))
    return None if region is None else region_used_to_wire(region)


def region_used_to_wire(region: Region) -> dict[str, Any]:
    """Return a region as a result's ROI: always the shape's word with its numbers below it.

    >>> region_used_to_wire(Rect(x=0, y=0, w=752, h=480))
    {'shape': 'rect', 'rect': {'x': 0, 'y': 0, 'w': 752, 'h': 480}}
    """
    if isinstance(region, Arrow):
        return {"shape": "arrow", "arrow": arrow_to_wire(region)}
    words = tuple(name for name in type(region).model_fields if name != "shape")
    numbers = _numbers(region, words)
    if isinstance(region, Rect) and region.angle == 0:
        del numbers["angle"]
    return {"shape": region.shape, region.shape: numbers}


def arrow_from_wire(arrow: Any) -> Arrow:
    """Return the arrow of `{"p0": {x, y}, "p1": {x, y}}`, with `width` if given. Raises ValueError with one sentence."""
    if isinstance(arrow, Mapping):
        arrow = {key: value for key, value in arrow.items() if (key, value) != ("shape", "arrow")}
    return _checked(Arrow, arrow, "arrow")


def arrow_to_wire(arrow: Arrow) -> dict[str, Any]:
    """Return an arrow as the old wire writes it; `width` only where it is not one pixel."""
    ends: dict[str, Any] = {"p0": _numbers(arrow.p0, ("x", "y")), "p1": _numbers(arrow.p1, ("x", "y"))}
    return ends if arrow.width == 1 else {**ends, "width": plain_number(arrow.width)}


def region_from_row(roi: Any) -> Region | None:
    """Return the region of a tool row's `roi_config`: an area, or `{"shape": "arrow", "p0": …, "p1": …}`."""
    if isinstance(roi, Mapping) and roi.get("shape") == "arrow":
        return arrow_from_wire(roi)
    return area_from_wire(roi)


def region_to_row(region: Region | None) -> dict[str, Any]:
    """Return a region as a tool row's `roi_config`; empty for the whole picture."""
    if isinstance(region, Arrow):
        return {"shape": "arrow", **arrow_to_wire(region)}
    return area_to_wire(region) or {}


def _numbers(model: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: plain_numbers(getattr(model, name)) for name in names}


def _checked(model: type[_Shape], value: Any, what: str) -> _Shape:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ValueError(f"{what}: {first_error(error)}") from None
