"""What every tool has, and the kinds of numbers their parameters are made of."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from analyticlens.protocol.limits import Limit
from analyticlens.protocol.regions import Area, Arrow, Degrees, Point, Polygon, Rect, Region
from analyticlens.protocol.strict import Finite, Strict


class Feature(NamedTuple):
    """A measured value a tool can report: its name, unit ("" for none) and title."""

    name: str
    unit: str
    title: str


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd")
    return value


Grey = Annotated[Finite, Field(ge=0, le=65535, json_schema_extra={"unit": "DN"})]
Kernel = Annotated[int, Field(ge=1, le=99, json_schema_extra={"unit": "px"}), AfterValidator(_odd)]
WideKernel = Annotated[int, Field(ge=3, le=499, json_schema_extra={"unit": "px"}), AfterValidator(_odd)]
Sigma = Annotated[Finite, Field(ge=0, le=50, json_schema_extra={"unit": "px"})]
Iterations = Annotated[int, Field(ge=0, le=20)]
Share = Annotated[Finite, Field(ge=0, le=1)]
Score = Annotated[Finite, Field(ge=0, le=1)]
Length = Annotated[Finite, Field(ge=0, le=100_000, json_schema_extra={"unit": "px"})]
# What a tool looks at, by the SHA-256 of its bytes: a taught template, a golden picture, a model.
BlobName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(json_schema_extra={"x-blob": True})]
PixelArea = Annotated[Finite, Field(ge=0, le=1e9, json_schema_extra={"unit": "px²"})]
ToolId = Annotated[int, Field(ge=1, le=1_000_000, json_schema_extra={"x-tool": True})]
ToolName = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
ADVANCED: dict[str, Any] = {"x-advanced": True}


SHARE_ABOVE = Feature("share_above", "", "Bright share")
COVERAGE = Feature("coverage", "", "Share of the region inside the picture")


class Reference(Point):
    """Where a datum was found on the part it was taught with."""

    angle_deg: Degrees = Field(0, title="Angle", description="Direction of the edge's normal then.")


class ToolCommon(Strict):
    """What every tool has. The class says what kind of tool it is; the fields are what a recipe says of one."""

    # What it measures, in the order pages show it; `coverage` comes by itself where a region is.
    features: ClassVar[tuple[Feature, ...]] = ()
    # Where it looks: in an area (or the whole picture), along an arrow, or nowhere: it computes from
    # what earlier tools found (a region says nothing then, as in the old machines).
    place: ClassVar[Literal["area", "arrow", "none"]] = "area"
    # An arrow tool that takes a rectangle instead, searched from its top to its bottom.
    rectangles: ClassVar[bool] = False
    # An area tool that takes only a ring or a circle.
    round_only: ClassVar[bool] = False
    # It changes the picture that every later tool sees.
    filters: ClassVar[bool] = False
    # It finds a pose that later regions can follow.
    datum: ClassVar[bool] = False
    # It weighs itself what its sources could not decide: they are not needed for a verdict each by itself.
    weighs: ClassVar[bool] = False
    # It runs code that is not the engine's own, which no cost bound can promise to end: the machine holds it to its time.
    foreign: ClassVar[bool] = False
    # Its features are known only where its plug-in or model is: limits are checked when the recipe is prepared.
    open_features: ClassVar[bool] = False

    id: ToolId = Field(title="Number", description="Names the tool inside its recipe; unique there.")
    name: ToolName = Field(title="Name", description="What people call the tool; unique in its recipe.")
    region: Region | None = Field(
        None, title="Region", description="Where the tool looks; empty for the whole picture."
    )
    exclude: tuple[Area, ...] = Field(
        (),
        title="Left out",
        description="Areas inside the region that do not belong to it; they move with it.",
        max_length=16,
    )
    min_coverage: Share = Field(
        1,
        title="Least coverage",
        description="Share of the region that must lie inside the picture; below it the part is undecided.",
    )
    follow: tuple[ToolId, ...] | None = Field(
        None,
        title="Follows",
        description="Tools whose pose moves this region, in order; empty list for none; "
        "nothing said: every earlier tool that moves later regions.",
    )
    judge: bool = Field(True, title="Judges", description="Whether its limits count for the verdict.")
    limits: tuple[Limit, ...] = Field((), title="Limits", description="Allowed ranges of its features.", max_length=32)

    @property
    def refers(self) -> tuple[int, ...]:
        """The ids of the earlier tools whose findings it computes with."""
        return ()

    @property
    def blobs(self) -> tuple[str, ...]:
        """The SHA-256 of everything it needs beside the recipe."""
        return ()

    @property
    def follows_data(self) -> bool:
        """Whether earlier data move what it looks at, or what it was taught."""
        return self.place != "none" or self.datum

    @property
    def moves_later(self) -> bool:
        """Whether later regions that say nothing follow it."""
        return self.datum and bool(getattr(getattr(self, "params", None), "apply_transform", False))

    @model_validator(mode="after")
    def _limits_fit(self) -> Self:
        known = {feature.name for feature in self.features}
        known |= {COVERAGE.name} if self.place == "area" else set()
        named = [limit.feature for limit in self.limits]
        for feature in named:
            if feature not in known and not self.open_features:
                raise ValueError(f"{self.type} tools have no feature {feature!r}")  # type: ignore[attr-defined]
        if COVERAGE.name in named and self.place == "area" and self.region is None:
            raise ValueError("a limit on the coverage needs a region")
        if len(set(named)) != len(named):
            raise ValueError("a feature has two limits")
        return self

    @model_validator(mode="after")
    def _region_fits(self) -> Self:
        kind: str = self.type  # type: ignore[attr-defined]
        searched = isinstance(self.region, Arrow) or (self.rectangles and isinstance(self.region, Rect))
        if self.place == "arrow" and not searched:
            raise ValueError(
                f"a {kind} tool needs an arrow or a rectangle as its region"
                if self.rectangles
                else f"a {kind} tool needs an arrow as its region"
            )
        if self.place != "arrow" and isinstance(self.region, Arrow):
            raise ValueError(f"a {kind} tool cannot have an arrow as its region")
        if isinstance(self.region, Polygon) and len(self.region.points) < 3:
            raise ValueError("a polygon needs three corners")
        if self.exclude and (self.place != "area" or self.region is None):
            raise ValueError("only an area can have parts left out")
        return self
