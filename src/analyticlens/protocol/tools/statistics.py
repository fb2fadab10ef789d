"""Tools that measure the grey values of a region."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from analyticlens.protocol.strict import Strict
from analyticlens.protocol.tools.common import SHARE_ABOVE, Feature, Grey, Kernel, Sigma, ToolCommon

# The percentiles that can be told, each with its feature's name.
PERCENTILES: dict[str, float] = {
    "p1": 1,
    "p5": 5,
    "p25": 25,
    "median": 50,
    "p75": 75,
    "p95": 95,
    "p99": 99,
}
_TITLES = {name: f"Percentile {share:g}" for name, share in PERCENTILES.items()} | {"median": "Median"}
LEVELS = tuple(Feature(name, "DN", title) for name, title in _TITLES.items())


class IntensityParams(Strict):
    """Statistics of the grey values in a region."""

    threshold: Grey | None = Field(
        None,
        title="Level for the bright share",
        description="Adds the share of pixels above this level.",
    )
    percentiles: bool = Field(
        False,
        title="Percentiles",
        description="Adds seven percentiles from 1 to 99, the median among them, and the uncertainty of the mean.",
    )


class IntensityTool(ToolCommon):
    """Measures brightness."""

    type: Literal["intensity"] = "intensity"
    params: IntensityParams = Field(IntensityParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("mean", "DN", "Mean"),
        Feature("std", "DN", "Standard deviation"),
        Feature("min", "DN", "Darkest"),
        Feature("max", "DN", "Brightest"),
        Feature("area", "px²", "Region area"),
        SHARE_ABOVE,
        Feature("mean_sigma", "DN", "Uncertainty of the mean"),
        *LEVELS,
    )


class HistogramParams(Strict):
    """The levels whose share is told."""

    low: Grey | None = Field(
        None, title="From level", description="Lowest level of the share that is told; empty for 0. Both ends count."
    )
    high: Grey | None = Field(
        None, title="To level", description="Highest level of the share that is told; empty for full scale."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("the first level is above the last")
        return self


class HistogramTool(ToolCommon):
    """Measures how the grey levels of a region are distributed."""

    type: Literal["histogram"] = "histogram"
    params: HistogramParams = Field(HistogramParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("mean", "DN", "Mean"),
        Feature("std", "DN", "Standard deviation"),
        Feature("mode", "DN", "Commonest level"),
        *LEVELS,
        Feature("entropy", "bit", "Entropy"),
        Feature("contrast", "", "Contrast"),
        Feature("skewness", "", "Skewness"),
        Feature("level_count", "", "Levels used"),
        Feature("share_between", "", "Share between the levels"),
        Feature("share_black", "", "Share at level 0"),
        Feature("share_white", "", "Share at full scale"),
        Feature("area", "px²", "Region area"),
    )


class FocusParams(Strict):
    """How sharpness is measured."""

    method: Literal["tenengrad", "laplacian"] = Field(
        "tenengrad",
        title="Method",
        description="tenengrad: mean square of the gradient; laplacian: variance of the Laplacian, finer and more sensitive to noise.",
    )
    ksize: Kernel = Field(3, title="Smoothing kernel", description="Side of the smoothing before; 1 for none; odd.")
    sigma: Sigma = Field(0, title="Smoothing sigma", description="0 takes it from the kernel.")


class FocusTool(ToolCommon):
    """Measures how sharp a region is, whatever its brightness."""

    type: Literal["focus"] = "focus"
    params: FocusParams = Field(FocusParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("sharpness", "", "Sharpness"),
        Feature("raw", "DN²", "Sharpness before normalising"),
        Feature("mean", "DN", "Mean"),
    )
