"""Tools of geometry: circle finds one, measure and datum compute with what was found, calibration says what a pixel is."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from analyticlens.protocol.regions import Circle, Ring
from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import ADVANCED, Feature, Reference, Share, ToolCommon, ToolId

Pixels = Annotated[Finite, Field(gt=0, le=1000, json_schema_extra={"unit": "px"})]
MmPerPx = Annotated[Finite, Field(gt=0, le=1000, json_schema_extra={"unit": "mm/px"})]
Focal = Annotated[Finite, Field(gt=0, le=1e6, json_schema_extra=ADVANCED | {"unit": "px"})]
Axis = Annotated[Finite, Field(ge=-1e5, le=1e5, json_schema_extra=ADVANCED | {"unit": "px"})]
Side = Annotated[int, Field(ge=1, le=100_000, json_schema_extra=ADVANCED | {"unit": "px"})]
Coefficient = Annotated[Finite, Field(ge=-1000, le=1000, json_schema_extra=ADVANCED)]
Turn = Annotated[Finite, Field(ge=-360, le=360, json_schema_extra=ADVANCED | {"unit": "deg"})]
Millimetres = Annotated[Finite, Field(ge=-1e6, le=1e6, json_schema_extra=ADVANCED | {"unit": "mm"})]


class CircleParams(Strict):
    """A round edge, whole or in part, looked for along rays from the region's centre outwards."""

    polarity: Literal["dark_to_light", "light_to_dark", "any"] = Field(
        "any", title="Polarity", description="Direction of the change of light outwards; any: the one that fits better."
    )
    select: Literal["strongest", "inner", "outer"] = Field(
        "strongest", title="Edge", description="Which circle counts when there are several about one another."
    )
    search: Annotated[Finite, Field(ge=0.5, le=1000, json_schema_extra={"unit": "px"})] = Field(
        10,
        title="Search band",
        description="How far inside and outside a circle region's rim it is looked for; a ring says it itself.",
    )
    min_contrast: Annotated[Finite, Field(ge=0, le=65535, json_schema_extra={"unit": "DN"})] = Field(
        5, title="Least contrast", description="Smallest step of grey levels across the edge."
    )
    min_snr: Annotated[Finite, Field(ge=0, le=100)] = Field(
        4,
        title="Noise factor",
        description="An edge's slope is at least so many standard deviations of the noise, on each ray.",
        json_schema_extra=ADVANCED,
    )
    min_arc: Share = Field(
        0.5, title="Least arc", description="Share of the searched directions in which the rim must be seen."
    )
    tolerance: Annotated[Finite, Field(ge=0.2, le=100, json_schema_extra={"unit": "px"})] = Field(
        1.5, title="Tolerance", description="How far an edge may lie from the circle and still be its rim."
    )
    smoothing: Annotated[Finite, Field(ge=0.5, le=10, json_schema_extra={"unit": "px"})] = Field(
        1.2,
        title="Smoothing",
        description="Standard deviation of the search's smoothing; the measurement itself is not smoothed.",
        json_schema_extra=ADVANCED,
    )


class CircleTool(ToolCommon):
    """Measures a circle or an arc: centre, radius and roundness, to a fraction of a pixel."""

    type: Literal["circle"] = "circle"
    params: CircleParams = Field(CircleParams(), title="Parameters", description="How the tool works.")
    round_only = True
    features = (
        Feature("x", "px", "X"),
        Feature("y", "px", "Y"),
        Feature("radius", "px", "Radius"),
        Feature("diameter", "px", "Diameter"),
        Feature("roundness", "px", "Roundness"),
        Feature("rms", "px", "Scatter of the points"),
        Feature("n_points", "", "Points"),
        Feature("arc_coverage", "", "Share of the rim seen"),
        Feature("score", "", "Score"),
        Feature("contrast", "DN", "Contrast"),
        Feature("blur", "px", "Blur"),
        Feature("sigma", "px", "Standard deviation of the place"),
        Feature("radius_sigma", "px", "Standard deviation of the radius"),
    )

    @model_validator(mode="after")
    def _round_region(self) -> Self:
        if not isinstance(self.region, Ring | Circle):
            raise ValueError("a circle tool needs a ring or a circle as its region")
        if isinstance(self.region, Circle) and self.region.r < 2:
            raise ValueError("a circle of less than 2 px is too small to be searched")
        if isinstance(self.region, Ring) and self.region.outer - self.region.inner < 4:
            raise ValueError("the ring must be at least 4 px wide")
        return self


Between = Literal[
    "point_point", "point_line", "line_line_angle", "line_line_distance", "circle_circle", "diameter", "width"
]
# What is that of one tool.
ALONE = ("diameter", "width")
_PLACED = frozenset({"distance", "distance_mm", "dx", "dy", "angle_deg", "sigma", "sigma_mm"})
# What each way of measuring can say.
MEASURES: dict[str, frozenset[str]] = {
    "point_point": _PLACED,
    "point_line": _PLACED,
    "line_line_angle": frozenset({"angle_deg", "angle_sigma", "plane_angle_deg"}),
    "line_line_distance": _PLACED | {"angle_sigma"},
    "circle_circle": _PLACED | {"gap", "gap_mm", "gap_sigma"},
    "diameter": frozenset({"distance", "distance_mm", "sigma", "sigma_mm"}),
    "width": _PLACED,
}


class MeasureParams(Strict):
    """What is measured, between the findings of which tools."""

    kind: Between = Field(
        "point_point",
        title="Measure",
        description="Two points; a point and a line; the angle of two lines; their distance; two circles; one diameter; the width of a "
        "pair of edges.",
    )
    first: ToolId | None = Field(
        None, title="First", description="The tool that found the first; a circle stands for its centre too."
    )
    second: ToolId | None = Field(
        None, title="Second", description="The tool that found the second; empty for a diameter or a width."
    )
    calibration: ToolId | None = Field(
        None, title="Calibration", description="The calibration tool that says what a pixel is; empty for pixels alone."
    )

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.first is None and self.second is None:
            return self
        if (self.second is None) != (self.kind in ALONE):
            raise ValueError("a diameter or a width is that of one tool; everything else is measured between two")
        if self.first == self.second:
            raise ValueError("between a tool and itself there is nothing to measure")
        return self


class MeasureTool(ToolCommon):
    """Measures distance, angle, gap or diameter from the points, lines and circles that earlier tools found."""

    type: Literal["measure"] = "measure"
    params: MeasureParams = Field(MeasureParams(), title="Parameters", description="How the tool works.")
    place = "none"
    features = (
        Feature("distance", "px", "Distance"),
        Feature("distance_mm", "mm", "Distance in millimetres"),
        Feature("gap", "px", "Gap"),
        Feature("gap_mm", "mm", "Gap in millimetres"),
        Feature("gap_sigma", "px", "Standard deviation of the gap"),
        Feature("dx", "px", "Distance along X"),
        Feature("dy", "px", "Distance along Y"),
        Feature("angle_deg", "deg", "Angle"),
        Feature("plane_angle_deg", "deg", "Angle on the part's plane"),
        Feature("sigma", "px", "Standard deviation of the distance"),
        Feature("sigma_mm", "mm", "Standard deviation in millimetres"),
        Feature("angle_sigma", "deg", "Standard deviation of the angle"),
    )

    @property
    def refers(self) -> tuple[int, ...]:
        """The tools it measures between, and the calibration."""
        named = (self.params.first, self.params.second, self.params.calibration)
        return tuple(number for number in named if number is not None)

    @model_validator(mode="after")
    def _can_be_said(self) -> Self:
        known = MEASURES[self.params.kind]
        for limit in self.limits:
            if limit.feature not in known:
                raise ValueError(f"a measure of the kind {self.params.kind} has no {limit.feature!r}")
            metric = limit.feature.endswith("_mm") or limit.feature == "plane_angle_deg"
            if metric and self.params.calibration is None:
                raise ValueError(f"{limit.feature} needs a calibration")
        return self


class CalibrationParams(Strict):
    """What a pixel is on the plane that is measured: one scale, or a camera with its lens and where the plane lies before it.

    The camera is the pinhole with the distortion of Brown: a plane's point X Y (mm) is turned by the rotation vector and moved by tx, ty,
    tz; its x = X/Z and y = Y/Z are distorted by k1, k2, k3 (radial) and p1, p2 (tangential); the pixel is fx x + cx, fy y + cy.
    """

    model: Literal["scale", "camera"] = Field(
        "scale", title="Model", description="scale: the same everywhere; camera: with distortion and a tilted plane."
    )
    mm_per_px: MmPerPx | None = Field(
        None, title="Scale", description="Millimetres a pixel; of a camera, in the middle, for people to read."
    )
    width: Side | None = Field(None, title="Width", description="Columns of the pictures it was taught on.")
    height: Side | None = Field(None, title="Height", description="Rows of the pictures it was taught on.")
    fx: Focal | None = Field(None, title="Focal length X", description="In columns.")
    fy: Focal | None = Field(None, title="Focal length Y", description="In rows.")
    cx: Axis = Field(0, title="Principal point X", description="Column where the optical axis meets the picture.")
    cy: Axis = Field(0, title="Principal point Y", description="Row where the optical axis meets the picture.")
    k1: Coefficient = Field(0, title="Distortion k1", description="Radial, second power.")
    k2: Coefficient = Field(0, title="Distortion k2", description="Radial, fourth power.")
    p1: Coefficient = Field(0, title="Distortion p1", description="Tangential.")
    p2: Coefficient = Field(0, title="Distortion p2", description="Tangential.")
    k3: Coefficient = Field(0, title="Distortion k3", description="Radial, sixth power.")
    rx: Turn = Field(0, title="Rotation X", description="Rotation vector of the plane, first part.")
    ry: Turn = Field(0, title="Rotation Y", description="Rotation vector of the plane, second part.")
    rz: Turn = Field(0, title="Rotation Z", description="Rotation vector of the plane, third part.")
    tx: Millimetres = Field(0, title="Place X", description="Of the plane's origin before the camera.")
    ty: Millimetres = Field(0, title="Place Y", description="Of the plane's origin before the camera.")
    tz: Millimetres | None = Field(None, title="Place Z", description="Of the plane's origin before the camera.")
    rms: Annotated[Finite, Field(ge=0, le=1000, json_schema_extra=ADVANCED | {"unit": "px"})] = Field(
        0, title="Left over", description="What teaching left between the model and the corners it was taught with."
    )

    @model_validator(mode="after")
    def _taught(self) -> Self:
        if self.model == "camera":
            if None in (self.width, self.height, self.fx, self.fy, self.tz):
                raise ValueError("a camera needs width, height, fx, fy and tz: teach it")
            if self.tz is not None and self.tz <= 0:
                raise ValueError("the plane must lie before the camera")
        return self


class CalibrationTool(ToolCommon):
    """Says what a pixel is in millimetres: measure tools name it."""

    type: Literal["calibration"] = "calibration"
    params: CalibrationParams = Field(CalibrationParams(), title="Parameters", description="How the tool works.")
    place = "none"
    features = (
        Feature("mm_per_px", "mm/px", "Scale in the middle"),
        Feature("rms", "px", "Left over by teaching"),
    )


class DatumParams(Strict):
    """A pose from what earlier tools found; later regions move with it."""

    kind: Literal["tool", "two_lines", "two_points", "line_point"] = Field(
        "tool",
        title="Pose from",
        description="One tool's place and angle; two lines: their crossing and the first's direction; two points or circles: "
        "the first's place and the direction to the second; a line and a point: the line's direction, at the point's foot on it.",
    )
    first: ToolId | None = Field(None, title="First", description="The tool that found the first.")
    second: ToolId | None = Field(
        None, title="Second", description="The tool that found the second; empty for one tool."
    )
    reference: Reference | None = Field(
        None, title="Reference", description="Taught pose; offsets are measured from it."
    )
    rotate: bool = Field(True, title="Turn", description="Later regions also turn, about the datum.")
    apply_transform: bool = Field(
        True, title="Move later regions", description="Tools after this one follow it unless they say what they follow."
    )

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.first is None and self.second is None:
            return self
        if (self.second is None) != (self.kind == "tool"):
            raise ValueError("the pose of one tool needs no second; every other needs two")
        if self.first == self.second:
            raise ValueError("a pose from two needs two different tools")
        return self


class DatumTool(ToolCommon):
    """Makes a pose of lines, circles, points or a match: later regions follow it, about its place."""

    type: Literal["datum"] = "datum"
    params: DatumParams = Field(DatumParams(), title="Parameters", description="How the tool works.")
    place = "none"
    datum = True
    features = (
        Feature("x", "px", "X"),
        Feature("y", "px", "Y"),
        Feature("angle_deg", "deg", "Angle"),
        Feature("offset_x", "px", "Offset X"),
        Feature("offset_y", "px", "Offset Y"),
        Feature("offset_angle_deg", "deg", "Offset angle"),
        Feature("sigma", "px", "Standard deviation of the place"),
        Feature("angle_sigma", "deg", "Standard deviation of the angle"),
    )

    @property
    def refers(self) -> tuple[int, ...]:
        """The tools its pose is made of."""
        named = (self.params.first, self.params.second)
        return tuple(number for number in named if number is not None)
