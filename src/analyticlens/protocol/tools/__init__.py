"""The tools of a recipe: one model a kind, told apart by `type`, each naming the features it measures.

To add a tool: a parameter model and a tool class in the module of its family here, its line in `Tool` and in `KINDS`, one function in
the engine.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from analyticlens.protocol.tools.blob import BlobParams, BlobTool
from analyticlens.protocol.tools.colour import ColourParams, ColourTool, TaughtColour
from analyticlens.protocol.tools.common import COVERAGE, Feature, Reference, ToolCommon
from analyticlens.protocol.tools.computed import LogicParams, LogicTool, MathParams, MathTool, Measure
from analyticlens.protocol.tools.edge import EdgeParams, EdgeTool
from analyticlens.protocol.tools.edges import CaliperParams, CaliperTool, LineParams, LineTool, LocateParams, LocateTool
from analyticlens.protocol.tools.geometry import (
    MEASURES,
    CalibrationParams,
    CalibrationTool,
    CircleParams,
    CircleTool,
    DatumParams,
    DatumTool,
    MeasureParams,
    MeasureTool,
)
from analyticlens.protocol.tools.learned import OnnxParams, OnnxTool
from analyticlens.protocol.tools.lighting import (
    BackgroundParams,
    BackgroundTool,
    FlatFieldParams,
    FlatFieldTool,
    NormalizeParams,
    NormalizeTool,
)
from analyticlens.protocol.tools.pattern import GoldenParams, GoldenTool, MatchParams, MatchTool
from analyticlens.protocol.tools.plugin import PluginParams, PluginTool
from analyticlens.protocol.tools.preparation import (
    BlurParams,
    BlurTool,
    GrayscaleParams,
    GrayscaleTool,
    MorphologyParams,
    MorphologyTool,
    ThresholdParams,
    ThresholdTool,
)
from analyticlens.protocol.tools.reading import CodeParams, CodeTool, OcrParams, OcrTool
from analyticlens.protocol.tools.statistics import (
    PERCENTILES,
    FocusParams,
    FocusTool,
    HistogramParams,
    HistogramTool,
    IntensityParams,
    IntensityTool,
)

Tool = Annotated[
    GrayscaleTool
    | BlurTool
    | ThresholdTool
    | MorphologyTool
    | BlobTool
    | LocateTool
    | MathTool
    | IntensityTool
    | NormalizeTool
    | BackgroundTool
    | FlatFieldTool
    | HistogramTool
    | FocusTool
    | EdgeTool
    | ColourTool
    | MatchTool
    | GoldenTool
    | CaliperTool
    | LineTool
    | CodeTool
    | CircleTool
    | MeasureTool
    | CalibrationTool
    | DatumTool
    | LogicTool
    | PluginTool
    | OnnxTool
    | OcrTool,
    Field(discriminator="type"),
]
KINDS: tuple[type[ToolCommon], ...] = (
    GrayscaleTool,
    BlurTool,
    ThresholdTool,
    MorphologyTool,
    BlobTool,
    LocateTool,
    MathTool,
    IntensityTool,
    NormalizeTool,
    BackgroundTool,
    FlatFieldTool,
    HistogramTool,
    FocusTool,
    EdgeTool,
    ColourTool,
    MatchTool,
    GoldenTool,
    CaliperTool,
    LineTool,
    CodeTool,
    CircleTool,
    MeasureTool,
    CalibrationTool,
    DatumTool,
    LogicTool,
    PluginTool,
    OnnxTool,
    OcrTool,
)
TOOL_CLASSES: dict[str, type[ToolCommon]] = {kind.model_fields["type"].default: kind for kind in KINDS}

__all__ = [
    "COVERAGE",
    "KINDS",
    "MEASURES",
    "PERCENTILES",
    "TOOL_CLASSES",
    "BackgroundParams",
    "BackgroundTool",
    "BlobParams",
    "BlobTool",
    "BlurParams",
    "BlurTool",
    "CalibrationParams",
    "CalibrationTool",
    "CaliperParams",
    "CaliperTool",
    "CircleParams",
    "CircleTool",
    "CodeParams",
    "CodeTool",
    "ColourParams",
    "ColourTool",
    "DatumParams",
    "DatumTool",
    "EdgeParams",
    "EdgeTool",
    "Feature",
    "FlatFieldParams",
    "FlatFieldTool",
    "FocusParams",
    "FocusTool",
    "GoldenParams",
    "GoldenTool",
    "GrayscaleParams",
    "GrayscaleTool",
    "HistogramParams",
    "HistogramTool",
    "IntensityParams",
    "IntensityTool",
    "LineParams",
    "LineTool",
    "LocateParams",
    "LocateTool",
    "LogicParams",
    "LogicTool",
    "MatchParams",
    "MatchTool",
    "MathParams",
    "MathTool",
    "Measure",
    "MeasureParams",
    "MeasureTool",
    "MorphologyParams",
    "MorphologyTool",
    "NormalizeParams",
    "NormalizeTool",
    "OcrParams",
    "OcrTool",
    "OnnxParams",
    "OnnxTool",
    "PluginParams",
    "PluginTool",
    "Reference",
    "TaughtColour",
    "ThresholdParams",
    "ThresholdTool",
    "Tool",
    "ToolCommon",
]
