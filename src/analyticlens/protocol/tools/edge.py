"""edge: how much edge there is in a region."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import ADVANCED, Feature, Kernel, Length, Sigma, ToolCommon

Slope = Annotated[Finite, Field(ge=0, le=65535, json_schema_extra={"unit": "DN/px"})]


class EdgeParams(Strict):
    """Where grey values change fast enough to be an edge."""

    method: Literal["canny", "gradient"] = Field(
        "canny", title="Method", description="canny: lines one pixel wide; gradient: every pixel that is steep enough."
    )
    threshold_mode: Literal["adaptive", "fixed"] = Field(
        "adaptive",
        title="Threshold mode",
        description="adaptive: relative to the noise of the region; fixed: by the two slopes.",
    )
    adaptive_k: Annotated[Finite, Field(ge=1, le=100)] = Field(
        6, title="Adaptive factor", description="Smallest slope of an edge, in multiples of the noise (adaptive)."
    )
    low: Slope = Field(10, title="Lower slope", description="An edge goes on down to this slope (fixed).")
    high: Slope = Field(25, title="Upper slope", description="An edge must reach this slope somewhere (fixed).")
    ksize: Kernel = Field(5, title="Smoothing kernel", description="Side of the smoothing before; 1 for none; odd.")
    sigma: Sigma = Field(
        0, title="Smoothing sigma", description="0 takes it from the kernel.", json_schema_extra=ADVANCED
    )
    min_length: Length = Field(5, title="Shortest contour", description="Shorter ones do not count at all.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError("the lower slope is above the upper slope")
        return self


class EdgeTool(ToolCommon):
    """Measures how much of a region is edge, and its contours."""

    type: Literal["edge"] = "edge"
    params: EdgeParams = Field(EdgeParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("edge_density", "", "Share of edge pixels"),
        Feature("edge_pixels", "px²", "Edge pixels"),
        Feature("contour_count", "", "Contours"),
        Feature("longest_contour", "px", "Longest contour"),
        Feature("total_length", "px", "Length of all contours"),
        Feature("mean_strength", "DN/px", "Mean slope"),
        Feature("max_strength", "DN/px", "Steepest slope"),
        Feature("level", "DN/px", "Slope asked for"),
        Feature("area", "px²", "Region area"),
    )
