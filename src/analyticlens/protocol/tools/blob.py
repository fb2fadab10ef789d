"""blob: connected regions."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from analyticlens.protocol.limits import Bound
from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import (
    ADVANCED,
    Feature,
    Grey,
    Iterations,
    Kernel,
    PixelArea,
    Share,
    Sigma,
    ToolCommon,
)

# What can be measured of each blob, in the order pages show it.
BlobFeature = Literal[
    "area",
    "x",
    "y",
    "left",
    "top",
    "width",
    "height",
    "perimeter",
    "circularity",
    "elongation",
    "orientation_deg",
    "convexity",
    "length",
    "breadth",
    "box_angle_deg",
    "rectangularity",
    "hole_count",
    "hole_area",
    "mean_grey",
    "min_grey",
    "max_grey",
    "std_grey",
    "touches_border",
    "area_sigma",
    "position_sigma",
    "blur",
]
OF_EACH = (
    Feature("area", "px²", "Area"),
    Feature("x", "px", "X"),
    Feature("y", "px", "Y"),
    Feature("left", "px", "Left"),
    Feature("top", "px", "Top"),
    Feature("width", "px", "Width"),
    Feature("height", "px", "Height"),
    Feature("perimeter", "px", "Perimeter"),
    Feature("circularity", "", "Circularity"),
    Feature("elongation", "", "Elongation"),
    Feature("orientation_deg", "deg", "Orientation"),
    Feature("convexity", "", "Convexity"),
    Feature("length", "px", "Length"),
    Feature("breadth", "px", "Breadth"),
    Feature("box_angle_deg", "deg", "Angle of the turned box"),
    Feature("rectangularity", "", "Rectangularity"),
    Feature("hole_count", "", "Holes"),
    Feature("hole_area", "px²", "Area of the holes"),
    Feature("mean_grey", "DN", "Mean grey"),
    Feature("min_grey", "DN", "Darkest grey"),
    Feature("max_grey", "DN", "Brightest grey"),
    Feature("std_grey", "DN", "Spread of grey"),
    Feature("touches_border", "", "Touches the border"),
    Feature("area_sigma", "px²", "Uncertainty of the area"),
    Feature("position_sigma", "px", "Uncertainty of the place"),
    Feature("blur", "px", "Blur of the rim"),
)
# Known only where grey values are weighed.
BY_GREY = frozenset({"area_sigma", "position_sigma", "blur"})
# Extremes over all blobs: the tool's feature, and what it is the smallest or largest of.
EXTREMES: dict[str, tuple[str, str]] = {
    f"{end}_{name}": (end, name)
    for end, name in (
        ("smallest", "circularity"),
        ("largest", "elongation"),
        ("smallest", "convexity"),
        ("smallest", "rectangularity"),
        ("largest", "length"),
        ("smallest", "breadth"),
        ("largest", "perimeter"),
        ("largest", "hole_count"),
        ("smallest", "mean_grey"),
        ("largest", "mean_grey"),
    )
}
# Lists of a measure of all blobs, for formulas: `blob_areas`, and `blob_` before the measure's name.
LISTS = {"blob_areas": "area"} | {f"blob_{feature.name}": feature.name for feature in OF_EACH}
_TITLES = {feature.name: feature for feature in OF_EACH}


class BlobGate(Strict):
    """The range of one measure that a blob must lie in to count, both ends inclusive."""

    feature: BlobFeature = Field(title="Measure", description="What is measured of each blob.")
    min: Bound | None = Field(None, title="Minimum", description="Smallest that counts; empty for no lower end.")
    max: Bound | None = Field(None, title="Maximum", description="Largest that counts; empty for no upper end.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError(f"the gate on {self.feature} needs a minimum or a maximum")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"the gate on {self.feature} has its minimum above its maximum")
        return self


class BlobParams(Strict):
    """Connected regions between two grey levels, or outside them, gated by what is measured of them."""

    picture: Literal["grey", "edge"] = Field(
        "grey", title="Picture", description="Search the grey picture or its edges."
    )
    th_min: Grey = Field(
        128, title="Minimum level", description="Lowest grey value that belongs to a blob; both ends count."
    )
    th_max: Grey = Field(255, title="Maximum level", description="Highest grey value that belongs to a blob.")
    use_range_threshold: bool = Field(
        True, title="Use both levels", description="Off: everything from the minimum level upwards."
    )
    polarity: Literal["bright", "dark"] = Field(
        "bright", title="Blobs are", description="bright: what lies in the levels; dark: what lies outside them."
    )
    use_otsu: bool = Field(
        False, title="Find the level", description="Otsu's method finds the minimum level in the region."
    )
    area_min: PixelArea = Field(0, title="Smallest area", description="Smaller blobs are not counted.")
    area_max: PixelArea = Field(1e9, title="Largest area", description="Larger blobs are not counted.")
    gates: Annotated[tuple[BlobGate, ...], Field(max_length=16)] = Field(
        (), title="Gates", description="A blob outside one of these ranges is not counted."
    )
    measure: Annotated[tuple[BlobFeature, ...], Field(max_length=len(OF_EACH))] = Field(
        (),
        title="Measure",
        description="What to measure of each blob beside what limits, gates, the order and formulas ask for anyway.",
    )
    subpixel: bool = Field(
        False,
        title="Weigh grey values",
        description="Area, place and outline below a pixel, from the grey values about the rim.",
    )
    fill_holes: bool = Field(False, title="Fill holes", description="What a blob encloses belongs to it.")
    exclude_border: bool = Field(
        False, title="Leave out the border's", description="Blobs that touch the region's border are not counted."
    )
    split: bool = Field(
        False, title="Split touching parts", description="A blob is cut where its parts touch in a narrow neck."
    )
    split_neck: Share = Field(
        0.7,
        title="Neck",
        description="Cut where the neck is at most this share of the smaller part's breadth.",
        json_schema_extra=ADVANCED,
    )
    connectivity: Literal["8", "4"] = Field(
        "8",
        title="Neighbours",
        description="8: pixels that touch at a corner belong together; 4: at a side only.",
        json_schema_extra=ADVANCED,
    )
    sort_by: Literal["position"] | BlobFeature = Field(
        "position",
        title="Order by",
        description="position: from top to bottom. The first blob's measures are the tool's.",
    )
    sort_order: Literal["descending", "ascending"] = Field(
        "descending", title="Order", description="descending: the largest first. Says nothing of position."
    )
    pre_blur: Literal["gaussian", "median"] | None = Field(
        None, title="Smooth first", description="Smoothing before the levels."
    )
    pre_blur_ksize: Kernel = Field(5, title="Smoothing kernel", description="Side; odd.", json_schema_extra=ADVANCED)
    pre_blur_sigma: Sigma = Field(
        0, title="Smoothing sigma", description="0 takes it from the kernel.", json_schema_extra=ADVANCED
    )
    morph_kernel: Kernel = Field(3, title="Morphology kernel", description="Side; odd.", json_schema_extra=ADVANCED)
    morph_open: Iterations = Field(0, title="Open", description="Removes specks.", json_schema_extra=ADVANCED)
    morph_close: Iterations = Field(0, title="Close", description="Closes gaps.", json_schema_extra=ADVANCED)
    contour_chain: Literal["SIMPLE", "NONE", "TC89_L1", "TC89_KCOS"] = Field(
        "SIMPLE", title="Contour", description="How outlines are stored.", json_schema_extra=ADVANCED
    )
    approx_epsilon_ratio: Annotated[Finite, Field(ge=0, le=1)] = Field(
        0.01,
        title="Outline tolerance",
        description="Share of the perimeter an outline may stray.",
        json_schema_extra=ADVANCED,
    )
    polygon_max_points: Annotated[int, Field(ge=3, le=1000)] = Field(
        60, title="Outline points", description="Most points an outline keeps.", json_schema_extra=ADVANCED
    )
    max_blobs: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1000,
        title="Most blobs listed",
        description="All are counted; at most this many are listed.",
        json_schema_extra=ADVANCED,
    )

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if self.th_min > self.th_max:
            raise ValueError("the minimum level is above the maximum level")
        if self.area_min > self.area_max:
            raise ValueError("the smallest area is above the largest area")
        return self


class BlobTool(ToolCommon):
    """Counts and measures connected regions."""

    type: Literal["blob"] = "blob"
    params: BlobParams = Field(BlobParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("blob_count", "", "Count"),
        Feature("total_area", "px²", "Total area"),
        Feature("roi_area", "px²", "Region area"),
        Feature("largest_area", "px²", "Largest area"),
        Feature("smallest_area", "px²", "Smallest area"),
        Feature("mean_area", "px²", "Mean area"),
        Feature("truncated", "", "Blobs beyond those listed"),
        *OF_EACH,
        *(
            Feature(
                feature,
                _TITLES[name].unit,
                f"{end.capitalize()} {_TITLES[name].title[0].lower()}{_TITLES[name].title[1:]}",
            )
            for feature, (end, name) in EXTREMES.items()
        ),
    )


assert get_args(BlobFeature) == tuple(_TITLES)
