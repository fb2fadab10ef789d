"""Tools that compare the picture with a taught one: match finds it, golden says where it differs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from analyticlens.protocol.regions import Point
from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import (
    ADVANCED,
    BlobName,
    Feature,
    PixelArea,
    Reference,
    Score,
    Share,
    ToolCommon,
)

Turn = Annotated[Finite, Field(ge=-180, le=180, json_schema_extra={"unit": "deg"})]
Scale = Annotated[Finite, Field(ge=0.5, le=2)]


class MatchParams(Strict):
    """A taught picture, found again wherever it lies."""

    template: BlobName | None = Field(None, title="Template", description="SHA-256 of the taught picture, a grey PNG.")
    mask: BlobName | None = Field(
        None, title="Mask", description="SHA-256 of a PNG of the same size; where it is 0 the template does not count."
    )
    angle_min: Turn = Field(-15, title="Smallest angle", description="Least turn searched, against the template.")
    angle_max: Turn = Field(15, title="Largest angle", description="Greatest turn searched; -180 to 180 is all round.")
    scale_min: Scale = Field(1, title="Smallest scale", description="Least size searched; 1 is the taught size.")
    scale_max: Scale = Field(
        1, title="Largest scale", description="Greatest size searched; the size is fixed where both are equal."
    )
    min_score: Score = Field(
        0.7, title="Least score", description="What agrees less is not found; a score of 0.7 may hide about a quarter."
    )
    max_matches: Annotated[int, Field(ge=1, le=50)] = Field(
        1, title="Most instances", description="At most this many are found, the best first."
    )
    max_overlap: Share = Field(
        0.3, title="Most overlap", description="Share of the smaller of two instances that the other may cover."
    )
    polarity: Literal["same", "reversed", "any"] = Field(
        "same", title="Polarity", description="reversed: bright and dark exchanged against the template; any: either."
    )
    origin: Point | None = Field(
        None,
        title="Origin",
        description="The point of the template whose place is reported, in its pixels; empty for its centre.",
        json_schema_extra=ADVANCED,
    )
    reference: Reference | None = Field(
        None, title="Reference", description="Taught place of the origin; offsets are measured from it."
    )
    rotate: bool = Field(True, title="Turn", description="Later regions also turn, about the found point.")
    apply_transform: bool = Field(
        False,
        title="Move later regions",
        description="Tools after this one follow it unless they say what they follow.",
    )

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if self.angle_min > self.angle_max:
            raise ValueError("the smallest angle is above the largest angle")
        if self.scale_min > self.scale_max:
            raise ValueError("the smallest scale is above the largest scale")
        return self


class MatchTool(ToolCommon):
    """Finds a taught picture by place, angle and size: a datum for later regions."""

    type: Literal["match"] = "match"
    params: MatchParams = Field(MatchParams(), title="Parameters", description="How the tool works.")
    datum = True
    features = (
        Feature("x", "px", "X"),
        Feature("y", "px", "Y"),
        Feature("angle_deg", "deg", "Angle"),
        Feature("scale", "", "Scale"),
        Feature("score", "", "Score"),
        Feature("ncc", "", "Correlation"),
        Feature("visible", "", "Visible share"),
        Feature("count", "", "Instances"),
        Feature("offset_x", "px", "Offset X"),
        Feature("offset_y", "px", "Offset Y"),
        Feature("offset_angle_deg", "deg", "Offset angle"),
        Feature("sigma", "px", "Uncertainty of the place"),
        Feature("angle_deg_sigma", "deg", "Uncertainty of the angle"),
    )

    @property
    def blobs(self) -> tuple[str, ...]:
        """The template, and its mask where it has one."""
        return tuple(name for name in (self.params.template, self.params.mask) if name is not None)


class GoldenParams(Strict):
    """A part that must look like good parts do, pixel by pixel."""

    mean: BlobName | None = Field(None, title="Mean", description="SHA-256 of the mean of good pictures, a 16-bit PNG.")
    spread: BlobName | None = Field(
        None,
        title="Spread",
        description="SHA-256 of what good pictures differ by, a standard deviation a pixel, a 16-bit PNG.",
    )
    steps: Annotated[int, Field(ge=1, le=256)] = Field(
        256,
        title="Steps a level",
        description="Steps of both PNGs that make one grey level: 256 for 8-bit pictures, 1 for 16-bit ones.",
        json_schema_extra=ADVANCED,
    )
    threshold: Annotated[Finite, Field(ge=3, le=100)] = Field(
        5, title="Threshold", description="A defect differs by more than this many standard deviations somewhere."
    )
    grow: Annotated[Finite, Field(ge=0.3, le=1)] = Field(
        0.5, title="Growth", description="It reaches as far as this share of the threshold.", json_schema_extra=ADVANCED
    )
    min_area: PixelArea = Field(3, title="Smallest area", description="Smaller differences are no defects.")
    jitter: Annotated[Finite, Field(ge=0, le=5, json_schema_extra={"unit": "px"})] = Field(
        0.12, title="Edge tolerance", description="How far an edge may lie from its taught place after alignment."
    )
    max_shift: Annotated[Finite, Field(ge=0, le=5, json_schema_extra={"unit": "px"})] = Field(
        2, title="Largest shift", description="How far the part may lie from where its region is."
    )
    max_angle: Annotated[Finite, Field(ge=0, le=5, json_schema_extra={"unit": "deg"})] = Field(
        1, title="Largest turn", description="How far the part may be turned against its region."
    )


class GoldenTool(ToolCommon):
    """Compares a part with the mean and spread of good ones."""

    type: Literal["golden"] = "golden"
    params: GoldenParams = Field(GoldenParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("defect_count", "", "Defects"),
        Feature("defect_area", "px²", "Area of all defects"),
        Feature("largest_defect", "px²", "Largest defect"),
        Feature("peak_z", "", "Largest difference, in standard deviations"),
        Feature("offset_x", "px", "Offset X"),
        Feature("offset_y", "px", "Offset Y"),
        Feature("offset_angle_deg", "deg", "Offset angle"),
        Feature("gain", "", "Gain"),
        Feature("offset", "DN", "Offset of the light"),
    )

    @property
    def blobs(self) -> tuple[str, ...]:
        """The mean and the spread."""
        return tuple(name for name in (self.params.mean, self.params.spread) if name is not None)
