"""Tools that find straight edges: locate and caliper along an arrow, line from a row of calipers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import ADVANCED, Feature, Kernel, Length, Reference, Share, ToolCommon

Polarity = Literal["dark_to_light", "light_to_dark", "any"]
Contrast = Annotated[Finite, Field(ge=0.5, le=65535, json_schema_extra={"unit": "DN"})]
NoiseFactor = Annotated[Finite, Field(ge=0, le=100)]
Smoothing = Annotated[Finite, Field(ge=0.5, le=20, json_schema_extra={"unit": "px"} | ADVANCED)]


class LocateParams(Strict):
    """An edge along an arrow; what it finds moves later regions."""

    threshold_mode: Literal["fixed", "adaptive"] = Field(
        "adaptive",
        title="Threshold mode",
        description="fixed: a gradient in grey levels a pixel; adaptive: relative to the noise.",
    )
    threshold: Annotated[Finite, Field(ge=0, le=65535, json_schema_extra={"unit": "DN/px"})] = Field(
        20, title="Threshold", description="Smallest gradient of an edge (fixed)."
    )
    adaptive_k: Annotated[Finite, Field(ge=0, le=100)] = Field(
        3, title="Adaptive factor", description="Smallest gradient, in multiples of the profile's spread (adaptive)."
    )
    polarity: Literal["dark_to_light", "light_to_dark", "any"] = Field(
        "any", title="Polarity", description="Direction of the change of light along the arrow."
    )
    edge_select: Literal["first", "strongest", "closest_to_mid"] = Field(
        "strongest", title="Edge", description="Which edge counts when there are several."
    )
    smooth_ksize: Kernel = Field(5, title="Smoothing", description="Length of the smoothing along the arrow; odd.")
    grad_kernel: Kernel = Field(
        3, title="Gradient kernel", description="Length of the derivative along the arrow; odd."
    )
    reference: Reference | None = Field(
        None, title="Reference", description="Taught place; offsets are measured from it."
    )
    rotate: bool = Field(False, title="Turn", description="Later regions also turn, about the found point.")
    apply_transform: bool = Field(
        False,
        title="Move later regions",
        description="Tools after this one follow it unless they say what they follow.",
    )


class LocateTool(ToolCommon):
    """Finds an edge along an arrow: a datum for later regions."""

    type: Literal["locate"] = "locate"
    params: LocateParams = Field(LocateParams(), title="Parameters", description="How the tool works.")
    place = "arrow"
    datum = True
    features = (
        Feature("x", "px", "X"),
        Feature("y", "px", "Y"),
        Feature("angle_deg", "deg", "Angle"),
        Feature("offset_x", "px", "Offset X"),
        Feature("offset_y", "px", "Offset Y"),
        Feature("offset_angle_deg", "deg", "Offset angle"),
        Feature("distance", "px", "Distance along the arrow"),
        Feature("strength", "DN/px", "Edge strength"),
        Feature("edge_count", "", "Edges"),
    )


class SearchParams(Strict):
    """What is an edge: how strong it must be, and over how many pixels the search for it is smoothed."""

    polarity: Polarity = Field(
        "any",
        title="Polarity",
        description="Direction of the change of light along the search; for a pair, of its first edge.",
    )
    min_contrast: Contrast = Field(
        5, title="Least contrast", description="Smallest step of grey levels across an edge."
    )
    min_snr: NoiseFactor = Field(
        6,
        title="Noise factor",
        description="An edge's slope is at least so many standard deviations of the noise; 6 finds almost nothing where nothing is.",
        json_schema_extra=ADVANCED,
    )
    smoothing: Smoothing = Field(
        1.2,
        title="Smoothing",
        description="Standard deviation of the search's smoothing; the measurement itself is not smoothed.",
    )


class CaliperParams(SearchParams):
    """One edge, or the two edges of a part, along an arrow."""

    select: Literal["first", "last", "strongest", "closest", "pair"] = Field(
        "strongest",
        title="Edge",
        description="Which edge counts when there are several; pair: two edges of opposite polarity, with their distance.",
    )
    expected: Length | None = Field(
        None,
        title="Expected distance",
        description="Where along the arrow the edge should be, for closest; empty: its middle.",
    )
    expected_width: Length | None = Field(
        None,
        title="Expected width",
        description="How far apart the edges of a pair should be: the nearest pair counts; empty: the strongest.",
    )


class CaliperTool(ToolCommon):
    """Measures an edge, or the distance of two, along an arrow to a fraction of a pixel."""

    type: Literal["caliper"] = "caliper"
    params: CaliperParams = Field(CaliperParams(), title="Parameters", description="How the tool works.")
    place = "arrow"
    features = (
        Feature("x", "px", "X"),
        Feature("y", "px", "Y"),
        Feature("angle_deg", "deg", "Angle"),
        Feature("distance", "px", "Distance along the arrow"),
        Feature("contrast", "DN", "Contrast"),
        Feature("blur", "px", "Blur"),
        Feature("score", "", "Score"),
        Feature("sigma", "px", "Standard deviation of the place"),
        Feature("edge_count", "", "Edges"),
        Feature("width", "px", "Width"),
        Feature("width_sigma", "px", "Standard deviation of the width"),
        Feature("first_x", "px", "First edge X"),
        Feature("first_y", "px", "First edge Y"),
        Feature("second_x", "px", "Second edge X"),
        Feature("second_y", "px", "Second edge Y"),
    )


class LineParams(SearchParams):
    """A straight edge across the search, from a row of calipers side by side."""

    select: Literal["first", "last", "strongest", "closest"] = Field(
        "strongest", title="Edge", description="Which line counts when there are several, in the order of the search."
    )
    calipers: Annotated[int, Field(ge=3, le=500)] = Field(
        20, title="Calipers", description="Into how many strips the region is divided; each gives a point of the line."
    )
    min_points: Share = Field(
        0.5, title="Least share of points", description="Share of the strips whose points must lie on the line."
    )


class LineTool(ToolCommon):
    """Finds a straight edge across a rectangle (searched from its top to its bottom) or along a wide arrow; dirt does not move it."""

    type: Literal["line"] = "line"
    params: LineParams = Field(LineParams(), title="Parameters", description="How the tool works.")
    place = "arrow"
    rectangles = True
    features = (
        Feature("angle_deg", "deg", "Angle"),
        Feature("x", "px", "X"),
        Feature("y", "px", "Y"),
        Feature("rms", "px", "Scatter of the points"),
        Feature("straightness", "px", "Straightness"),
        Feature("n_points", "", "Points"),
        Feature("coverage_points", "", "Share of points on the line"),
        Feature("contrast", "DN", "Contrast"),
        Feature("blur", "px", "Blur"),
        Feature("sigma", "px", "Standard deviation of the place"),
        Feature("angle_sigma", "deg", "Standard deviation of the angle"),
    )
