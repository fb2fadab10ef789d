"""Overlays as data: what a tool looked at and what it found, as shapes in image coordinates, never as painted pixels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Point, Polygon, Rect, Ring
from analyticlens.protocol.strict import Finite, Number, Strict
from analyticlens.protocol.words import Verdict


class Cross(Strict):
    """A found place, with the direction of what was found."""

    shape: Literal["cross"] = "cross"
    at: Point
    """The place."""
    angle_deg: Annotated[Finite, Field(ge=-360, le=360, json_schema_extra={"unit": "deg"})] = 0
    """Direction of the found edge's normal, from +x towards +y."""


OverlayShape = Annotated[Rect | Circle | Ellipse | Ring | Arrow | Polygon | Cross, Field(discriminator="shape")]


class Overlay(Strict):
    """One shape of one tool."""

    tool_id: Number
    """The tool's number in its recipe."""
    role: Literal["region", "taught", "found"]
    """region: where it looked; taught: where it would have looked unmoved; found: what it found."""
    verdict: Verdict | None = None
    """The tool's verdict; none when it does not judge."""
    shape: OverlayShape
    """The shape, in image coordinates."""
