"""Tools that ask a model that was trained elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import ADVANCED, BlobName, Feature, PixelArea, ToolCommon

InputSide = Annotated[int, Field(ge=8, le=2048, json_schema_extra={"unit": "px"})]
Level = Annotated[Finite, Field(ge=-1e6, le=1e6)]
Spread = Annotated[Finite, Field(gt=0, le=1e6)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Index = Annotated[int, Field(ge=0, le=10_000)]


class OnnxParams(Strict):
    """A model in ONNX form, what it is given, and what it gives."""

    model: BlobName | None = Field(
        None, title="Model", description="The file of the model, by the SHA-256 of its bytes."
    )
    kind: Literal["classification", "segmentation", "anomaly"] = Field(
        "classification",
        title="Kind",
        description="classification: a number for each class; segmentation: one for each class and pixel; "
        "anomaly: a score, or a map of scores.",
    )
    width: InputSide = Field(224, title="Input width", description="Columns of the picture the model takes.")
    height: InputSide = Field(224, title="Input height", description="Rows of the picture the model takes.")
    channels: Literal["grey", "rgb", "bgr"] = Field(
        "rgb", title="Channels", description="One channel of luminance, or three in this order."
    )
    layout: Literal["nchw", "nhwc"] = Field(
        "nchw",
        title="Layout",
        description="Channels before rows and columns, or behind them.",
        json_schema_extra=ADVANCED,
    )
    scale: Spread = Field(
        1, title="Full scale", description="What the brightest possible pixel becomes before mean and spread: 1 or 255."
    )
    mean: Annotated[tuple[Level, ...], Field(max_length=3)] = Field(
        (), title="Mean", description="Subtracted from each channel; one number for all, or one a channel."
    )
    spread: Annotated[tuple[Spread, ...], Field(max_length=3)] = Field(
        (), title="Spread", description="Divides each channel after that; one number for all, or one a channel."
    )
    output: Annotated[int, Field(ge=0, le=63)] = Field(
        0, title="Output", description="Which of the model's outputs is read, from 0.", json_schema_extra=ADVANCED
    )
    activation: Literal["none", "softmax", "sigmoid"] = Field(
        "softmax",
        title="Activation",
        description="What makes the numbers of the classes shares; none where the model did.",
    )
    labels: Annotated[tuple[Label, ...], Field(max_length=1000)] = Field(
        (), title="Labels", description="The names of the classes in the model's order; empty for numbers."
    )
    target: Index = Field(
        1, title="Class sought", description="The class whose area is measured (segmentation), from 0."
    )
    threshold: Level = Field(
        0.5, title="Threshold", description="A pixel counts from this share (segmentation) or score (anomaly) on."
    )
    min_area: PixelArea = Field(0, title="Smallest area", description="Smaller pieces of the map do not count.")

    @model_validator(mode="after")
    def _channels_fit(self) -> Self:
        allowed = {0, 1, 1 if self.channels == "grey" else 3}
        if len(self.mean) not in allowed or len(self.spread) not in allowed:
            raise ValueError("mean and spread have one number, or one a channel")
        return self


class OnnxTool(ToolCommon):
    """Asks a trained model."""

    type: Literal["onnx"] = "onnx"
    params: OnnxParams = Field(OnnxParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("class_index", "", "Class"),
        Feature("score", "", "Share of the class"),
        Feature("margin", "", "Lead over the next class"),
        Feature("anomaly_score", "", "Anomaly score"),
        Feature("area", "px²", "Area"),
        Feature("share", "", "Share of the region"),
        Feature("count", "", "Pieces"),
        Feature("largest_area", "px²", "Largest piece"),
        Feature("x", "px", "X"),
        Feature("y", "px", "Y"),
    )
    foreign = True

    @property
    def blobs(self) -> tuple[str, ...]:
        """The model."""
        return () if self.params.model is None else (self.params.model,)
