"""Tools that prepare the picture for those after them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import (
    ADVANCED,
    SHARE_ABOVE,
    Feature,
    Grey,
    Iterations,
    Kernel,
    Share,
    Sigma,
    ToolCommon,
    WideKernel,
)

GreyStep = Annotated[Finite, Field(ge=-65535, le=65535, json_schema_extra={"unit": "DN"})]


class GrayscaleParams(Strict):
    """How colour becomes grey."""

    method: Literal[
        "luminance",
        "average",
        "weighted",
        "red",
        "green",
        "blue",
        "hue",
        "saturation",
        "value",
        "lab_l",
        "lab_a",
        "lab_b",
    ] = Field(
        "luminance",
        title="Method",
        description="luminance 0.299 R + 0.587 G + 0.114 B; average of the three; weighted by the weights below; "
        "one channel; hue, saturation or value of HSV; L, a or b of CIELAB. Hue 0 to 360 degrees and L 0 to 100 fill the "
        "range of grey levels; a and b lie about its middle, one of 255 parts of it for each unit.",
    )
    normalize: bool = Field(
        False, title="Stretch", description="Stretch the darkest to 0 and the brightest to full scale."
    )
    threshold: Grey | None = Field(
        None,
        title="Level for the bright share",
        description="Adds the share of pixels above this level.",
    )
    weight_red: Share = Field(
        0.2126,
        title="Weight of red",
        description="Of weighted; weights count by their share.",
        json_schema_extra=ADVANCED,
    )
    weight_green: Share = Field(0.7152, title="Weight of green", description="Of weighted.", json_schema_extra=ADVANCED)
    weight_blue: Share = Field(0.0722, title="Weight of blue", description="Of weighted.", json_schema_extra=ADVANCED)

    @model_validator(mode="after")
    def _weighs(self) -> Self:
        if self.weight_red + self.weight_green + self.weight_blue < 0.001:
            raise ValueError("one of the weights must be above 0")
        return self


class GrayscaleTool(ToolCommon):
    """Turns colour into grey."""

    type: Literal["grayscale"] = "grayscale"
    params: GrayscaleParams = Field(GrayscaleParams(), title="Parameters", description="How the tool works.")
    features = (Feature("mean", "DN", "Mean"), SHARE_ABOVE)
    filters = True


class BlurParams(Strict):
    """Smoothing."""

    method: Literal["gaussian", "median", "mean", "bilateral"] = Field(
        "gaussian",
        title="Method",
        description="gaussian and mean smooth, median removes specks, bilateral smooths but keeps edges.",
    )
    ksize: Kernel = Field(5, title="Kernel", description="Side of the kernel; odd.")
    sigma: Sigma = Field(0, title="Sigma", description="Spread of gaussian and bilateral; 0 takes it from the kernel.")
    sigma_grey: Annotated[Finite, Field(ge=1, le=65535, json_schema_extra={"unit": "DN"})] = Field(
        25,
        title="Grey difference",
        description="Bilateral: neighbours that differ by more hardly count.",
        json_schema_extra=ADVANCED,
    )


class BlurTool(ToolCommon):
    """Smooths the picture."""

    type: Literal["blur"] = "blur"
    params: BlurParams = Field(BlurParams(), title="Parameters", description="How the tool works.")
    filters = True


class ThresholdParams(Strict):
    """Grey becomes black and white."""

    mode: Literal["binary", "range", "otsu", "adaptive_mean", "adaptive_gaussian"] = Field(
        "binary",
        title="Mode",
        description="binary: above the minimum; range: minimum to maximum; otsu: the level is found; "
        "adaptive: brighter than the mean of its surroundings, plain or Gaussian.",
    )
    th_min: Grey = Field(128, title="Minimum", description="Lowest grey value that becomes white; both ends count.")
    th_max: Grey = Field(255, title="Maximum", description="Highest grey value that becomes white (mode range).")
    window: WideKernel = Field(51, title="Window", description="Side of the surroundings (adaptive); odd.")
    offset: GreyStep = Field(
        0,
        title="Offset",
        description="Added to the level that otsu found, or to the mean of the surroundings (adaptive).",
    )
    invert: bool = Field(False, title="Invert", description="What would be white becomes black, and black white.")


class ThresholdTool(ToolCommon):
    """Turns grey into black and white."""

    type: Literal["threshold"] = "threshold"
    params: ThresholdParams = Field(ThresholdParams(), title="Parameters", description="How the tool works.")
    features = (Feature("share_on", "", "White share"), Feature("level", "DN", "Level used"))
    filters = True


class MorphologyParams(Strict):
    """Opening and closing, and what is built from them."""

    open: Iterations = Field(0, title="Open", description="Erode, then dilate, this many times: removes specks.")
    close: Iterations = Field(0, title="Close", description="Dilate, then erode, this many times: closes gaps.")
    kernel: Kernel = Field(3, title="Kernel", description="Side of the structuring element; odd.")
    shape: Literal["rect", "ellipse", "cross"] = Field(
        "ellipse", title="Shape", description="Form of the structuring element."
    )
    operation: Literal["open_close", "erode", "dilate", "top_hat", "black_hat", "gradient"] = Field(
        "open_close",
        title="Operation",
        description="open close: opens, then closes, as often as said there; erode shrinks bright shapes, dilate grows them; "
        "top hat keeps small bright parts, black hat small dark ones; gradient keeps outlines.",
    )
    iterations: Annotated[int, Field(ge=1, le=20)] = Field(
        1, title="Repeats", description="How often the operation shrinks or grows (all but open close)."
    )


class MorphologyTool(ToolCommon):
    """Shrinks, grows, opens and closes bright shapes."""

    type: Literal["morphology"] = "morphology"
    params: MorphologyParams = Field(MorphologyParams(), title="Parameters", description="How the tool works.")
    filters = True
