"""Tools that even out light and contrast before anything is measured."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import ADVANCED, BlobName, Feature, Share, ToolCommon, WideKernel

Percentile = Annotated[Finite, Field(ge=0, le=100, json_schema_extra={"unit": "%"})]
GAIN = Feature("gain", "", "Gain")
CLIPPED = Feature("clipped", "", "Share cut off at black or white")


class NormalizeParams(Strict):
    """How grey levels are brought to the same scale."""

    mode: Literal["min_max", "percentile", "mean_std", "local"] = Field(
        "min_max",
        title="Mode",
        description="min max: darkest to 0, brightest to full scale; percentile: the same between two percentiles; "
        "mean std: to a mean and spread; local: to a mean and spread within a window about each pixel.",
    )
    low_percent: Percentile = Field(1, title="Low percentile", description="Becomes 0 (percentile).")
    high_percent: Percentile = Field(99, title="High percentile", description="Becomes full scale (percentile).")
    mean: Share = Field(0.5, title="Mean", description="Share of full scale (mean std, local).")
    std: Annotated[Finite, Field(ge=0.001, le=1)] = Field(
        0.2, title="Spread", description="Standard deviation as a share of full scale (mean std, local)."
    )
    window: WideKernel = Field(51, title="Window", description="Side of the surroundings (local); odd.")
    max_gain: Annotated[Finite, Field(ge=1, le=1000)] = Field(
        20,
        title="Largest gain",
        description="Flat parts are not spread further than this (mean std, local).",
        json_schema_extra=ADVANCED,
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low_percent > self.high_percent:
            raise ValueError("the low percentile is above the high one")
        return self


class NormalizeTool(ToolCommon):
    """Brings grey levels to one scale, and says by how much it changed them; the region becomes grey."""

    type: Literal["normalize"] = "normalize"
    params: NormalizeParams = Field(NormalizeParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("mean_before", "DN", "Mean before"),
        Feature("std_before", "DN", "Spread before"),
        GAIN,
        CLIPPED,
    )
    filters = True


class BackgroundParams(Strict):
    """What counts as background, and what is kept."""

    method: Literal["mean", "gaussian", "median", "opening", "closing", "taught"] = Field(
        "gaussian",
        title="Background",
        description="Of a wide window: mean, gaussian or median; opening takes bright parts away, closing dark ones; "
        "taught: a picture without parts.",
    )
    size: WideKernel = Field(
        99,
        title="Window",
        description="Side; odd. So many times as wide as what shall be kept at nine tenths: opening or closing 1, median 1.5, "
        "mean 3, gaussian 8.",
    )
    reduce: Annotated[int, Field(ge=1, le=16)] = Field(
        1,
        title="Reduce",
        description="The background is found on a picture this many times smaller: faster, less exact.",
        json_schema_extra=ADVANCED,
    )
    keep: Literal["bright", "dark", "both"] = Field(
        "both",
        title="Keep",
        description="bright: what is brighter than the background, from 0 up; dark: what is darker, from 0 up; "
        "both: about the middle of the scale.",
    )
    picture: BlobName | None = Field(None, title="Taught picture", description="The picture without parts (taught).")


class BackgroundTool(ToolCommon):
    """Takes the background away."""

    type: Literal["background"] = "background"
    params: BackgroundParams = Field(BackgroundParams(), title="Parameters", description="How the tool works.")
    features = (Feature("mean", "DN", "Mean of what is left"), Feature("std", "DN", "Spread of what is left"))
    filters = True

    @property
    def blobs(self) -> tuple[str, ...]:
        """The taught picture, where it is used."""
        taught = self.params.picture if self.params.method == "taught" else None
        return () if taught is None else (taught,)


class FlatFieldParams(Strict):
    """The light and the camera as they were taught."""

    bright: BlobName | None = Field(
        None, title="Bright picture", description="Taught: of an even white surface, not overexposed."
    )
    dark: BlobName | None = Field(
        None, title="Dark picture", description="Taught: with the lens covered; empty for black."
    )
    max_gain: Annotated[Finite, Field(ge=1, le=100)] = Field(
        8, title="Largest gain", description="Darker corners are not lifted further than this."
    )


class FlatFieldTool(ToolCommon):
    """Makes an even surface look even: each pixel is divided by what it saw of a white one."""

    type: Literal["flat_field"] = "flat_field"
    params: FlatFieldParams = Field(FlatFieldParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("gain_max", "", "Largest gain used"),
        Feature("limited", "", "Share that needed more gain"),
        CLIPPED,
    )
    filters = True

    @property
    def blobs(self) -> tuple[str, ...]:
        """The taught pictures."""
        return tuple(name for name in (self.params.bright, self.params.dark) if name is not None)
