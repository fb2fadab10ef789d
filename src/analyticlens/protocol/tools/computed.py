"""Tools that look nowhere and compute from what earlier tools found."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from analyticlens.protocol.limits import FeatureName
from analyticlens.protocol.strict import Strict
from analyticlens.protocol.tools.common import Feature, ToolCommon, ToolId


class Measure(Strict):
    """A name in a formula, and the feature of an earlier tool it stands for."""

    name: FeatureName = Field(title="Name", description="What the formula calls it.")
    tool: ToolId = Field(title="Tool", description="The tool that measures it.")
    feature: FeatureName = Field(
        title="Feature", description="What that tool measures.", json_schema_extra={"x-feature": True}
    )


class MathParams(Strict):
    """A value computed from other tools' features."""

    operation: Literal["area_ratio", "blob_density", "custom_formula"] = Field(
        "area_ratio",
        title="Operation",
        description="area ratio: total area by region area; blob density: count by region area; or a formula.",
    )
    custom_formula: Annotated[str, StringConstraints(max_length=500)] = Field(
        "",
        title="Formula",
        description="Over the measures named below, and blob_count, total_area, roi_area, blob_areas and the other measures of the tool "
        "it refers to; + - * / %, comparisons, and, or, not.",
    )
    reference_tool_id: ToolId | None = Field(
        None,
        title="Measures of tool",
        description="The tool whose measures are used; empty for the blob tool before this one.",
    )
    measures: tuple[Measure, ...] = Field(
        (),
        title="Measures",
        description="Features of any earlier tools, each by the name the formula uses.",
        max_length=32,
    )
    unit: Annotated[str, StringConstraints(max_length=20)] = Field(
        "", title="Unit", description="What the result is shown in, such as mm."
    )

    @model_validator(mode="after")
    def _formula_present(self) -> Self:
        if self.operation == "custom_formula" and not self.custom_formula.strip():
            raise ValueError("the formula is missing")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [measure.name for measure in self.measures]
        if len(set(names)) != len(names):
            raise ValueError("two measures have one name")
        return self


class MathTool(ToolCommon):
    """Computes a value from other tools' measures."""

    type: Literal["math"] = "math"
    params: MathParams = Field(MathParams(), title="Parameters", description="How the tool works.")
    features = (Feature("result", "", "Result"),)
    place = "none"

    @property
    def refers(self) -> tuple[int, ...]:
        """The tools whose measures it uses, where it names any."""
        wanted = self.params.reference_tool_id
        named = [measure.tool for measure in self.params.measures]
        return tuple(dict.fromkeys(named if wanted is None else [wanted, *named]))


class LogicParams(Strict):
    """How the verdicts of earlier tools are combined."""

    operation: Literal["and", "or", "not", "n_of_m"] = Field(
        "and",
        title="Operation",
        description="and: all are inside their limits; or: at least one is; not: the only one is not; n of m: so many are.",
    )
    tools: Annotated[tuple[ToolId, ...], Field(max_length=50)] = Field(
        (), title="Tools", description="The earlier tools whose limits are asked, whether or not they judge."
    )
    least: Annotated[int, Field(ge=0, le=50)] = Field(
        1, title="At least", description="So many must be inside their limits (n of m)."
    )
    most: Annotated[int, Field(ge=0, le=50)] | None = Field(
        None, title="At most", description="No more than so many may be (n of m); empty for any number."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.tools:
            return self
        if len(set(self.tools)) != len(self.tools):
            raise ValueError("a tool is named twice")
        if self.operation == "not" and len(self.tools) != 1:
            raise ValueError("not takes one tool")
        if self.operation == "n_of_m" and self.least > len(self.tools):
            raise ValueError("more tools must be inside their limits than are named")
        if self.operation == "n_of_m" and self.most is not None and self.most < self.least:
            raise ValueError("fewer tools may be inside their limits than must be")
        return self

    @property
    def range(self) -> tuple[int, int]:
        """How many of the tools must be inside their limits, at least and at most."""
        count = len(self.tools)
        if self.operation == "n_of_m":
            return self.least, count if self.most is None else self.most
        return {"and": (count, count), "or": (1, count), "not": (0, 0)}[self.operation]


class LogicTool(ToolCommon):
    """Combines what the limits of earlier tools say."""

    type: Literal["logic"] = "logic"
    params: LogicParams = Field(LogicParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("result", "", "Result"),
        Feature("passed", "", "Tools inside their limits"),
        Feature("failed", "", "Tools outside their limits"),
    )
    place = "none"
    weighs = True

    @property
    def refers(self) -> tuple[int, ...]:
        """The tools it combines."""
        return self.params.tools
