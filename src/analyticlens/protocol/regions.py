"""Regions of interest, in image coordinates: pixel centres at whole numbers, x right, y down, angles in degrees from +x towards +y."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from analyticlens.protocol.strict import Finite, Strict

Coordinate = Annotated[Finite, Field(ge=-100_000, le=100_000, json_schema_extra={"unit": "px"})]
Extent = Annotated[Finite, Field(gt=0, le=100_000, json_schema_extra={"unit": "px"})]
Degrees = Annotated[Finite, Field(ge=-360, le=360, json_schema_extra={"unit": "deg"})]


class Point(Strict):
    """A place in the picture."""

    x: Coordinate = Field(title="X", description="Column, growing to the right.")
    y: Coordinate = Field(title="Y", description="Row, growing downwards.")


class Rect(Strict):
    """A rectangle; `angle` turns it about its centre. Unturned it covers the pixels x to x + w - 1 and y to y + h - 1."""

    shape: Literal["rect"] = "rect"
    x: Coordinate = Field(title="Left", description="First column of the unturned rectangle.")
    y: Coordinate = Field(title="Top", description="First row of the unturned rectangle.")
    w: Extent = Field(title="Width", description="Columns covered.")
    h: Extent = Field(title="Height", description="Rows covered.")
    angle: Degrees = Field(0, title="Angle", description="Turn about the centre, from +x towards +y.")


class Circle(Strict):
    """A disc: every pixel whose centre is at most r from (cx, cy)."""

    shape: Literal["circle"] = "circle"
    cx: Coordinate = Field(title="Centre X", description="Column of the centre.")
    cy: Coordinate = Field(title="Centre Y", description="Row of the centre.")
    r: Extent = Field(title="Radius", description="Distance from centre to rim.")


class Ellipse(Strict):
    """An ellipse with half axes rx and ry; `angle` turns it about its centre."""

    shape: Literal["ellipse"] = "ellipse"
    cx: Coordinate = Field(title="Centre X", description="Column of the centre.")
    cy: Coordinate = Field(title="Centre Y", description="Row of the centre.")
    rx: Extent = Field(title="Half axis X", description="Half the extent along the unturned x axis.")
    ry: Extent = Field(title="Half axis Y", description="Half the extent along the unturned y axis.")
    angle: Degrees = Field(0, title="Angle", description="Turn about the centre, from +x towards +y.")


class Arrow(Strict):
    """A search line from p0 to p1, `width` pixels wide across it."""

    shape: Literal["arrow"] = "arrow"
    p0: Point = Field(title="Start", description="Where the search begins.")
    p1: Point = Field(title="End", description="Where the search ends.")
    width: Annotated[Finite, Field(ge=1, le=2000, json_schema_extra={"unit": "px"})] = Field(
        1, title="Width", description="Band averaged across the arrow."
    )

    @model_validator(mode="after")
    def _has_length(self) -> Arrow:
        if (self.p1.x - self.p0.x) ** 2 + (self.p1.y - self.p0.y) ** 2 < 4:
            raise ValueError("the arrow must be at least 2 px long")
        return self


class Ring(Strict):
    """A ring, or a part of one: pixels from `inner` to `outer` about (cx, cy), from direction `start` on for `sweep` degrees."""

    shape: Literal["ring"] = "ring"
    cx: Coordinate = Field(title="Centre X", description="Column of the centre.")
    cy: Coordinate = Field(title="Centre Y", description="Row of the centre.")
    inner: Annotated[Finite, Field(ge=0, le=100_000, json_schema_extra={"unit": "px"})] = Field(
        title="Inner radius", description="Nothing nearer to the centre belongs to it."
    )
    outer: Extent = Field(title="Outer radius", description="Nothing farther from the centre belongs to it.")
    start: Degrees = Field(0, title="Start", description="Direction in which a part begins, from +x towards +y.")
    sweep: Annotated[Finite, Field(gt=0, le=360, json_schema_extra={"unit": "deg"})] = Field(
        360, title="Sweep", description="How far a part goes round; 360 is the whole ring."
    )

    @model_validator(mode="after")
    def _has_width(self) -> Ring:
        if self.inner >= self.outer:
            raise ValueError("the inner radius must be smaller than the outer")
        return self


class Polygon(Strict):
    """A closed outline; a pixel belongs to it by the even-odd rule."""

    shape: Literal["polygon"] = "polygon"
    points: Annotated[tuple[tuple[Coordinate, Coordinate], ...], Field(min_length=1, max_length=1000)] = Field(
        title="Corners", description="Corners x, y in order; the last joins the first."
    )


Area = Annotated[Rect | Circle | Ellipse | Ring | Polygon, Field(discriminator="shape")]
Region = Annotated[Rect | Circle | Ellipse | Ring | Polygon | Arrow, Field(discriminator="shape")]
