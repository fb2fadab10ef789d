"""colour: which of the taught colours a region has."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import ADVANCED, Feature, ToolCommon, ToolName

ChannelA = Annotated[Finite, Field(ge=-200, le=200)]
Lightness = Annotated[Finite, Field(ge=0, le=100)]
DeltaE = Annotated[Finite, Field(ge=0, le=200)]


class TaughtColour(Strict):
    """A colour by its name and its place in CIELAB (sRGB, white D65)."""

    name: ToolName = Field(title="Name", description="What people call the colour.")
    l: Lightness = Field(title="L", description="Lightness, 0 black to 100 white.")  # noqa: E741  its name in the field
    a: ChannelA = Field(title="a", description="From green to red.")
    b: ChannelA = Field(title="b", description="From blue to yellow.")


class ColourParams(Strict):
    """The taught colours, and how near is near enough."""

    colours: tuple[TaughtColour, ...] = Field(
        (), title="Taught colours", description="Those told apart, in order.", max_length=64
    )
    expected: Annotated[int, Field(ge=0, le=64)] = Field(
        0,
        title="Expected colour",
        description="Number of the colour that share is of, from 1; 0 for the nearest one.",
    )
    tolerance: DeltaE = Field(5, title="Tolerance", description="Largest CIEDE2000 of a pixel that counts for share.")
    step: Annotated[int, Field(ge=1, le=16)] = Field(
        1,
        title="Step",
        description="Looks at every pixel of every so many rows and columns: faster in large regions.",
        json_schema_extra=ADVANCED,
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.expected > len(self.colours):
            raise ValueError(f"there is no taught colour number {self.expected}")
        names = [colour.name for colour in self.colours]
        if len(set(names)) != len(names):
            raise ValueError("two taught colours have the same name")
        return self


class ColourTool(ToolCommon):
    """Measures the colour of a region and tells which taught one it is nearest to."""

    type: Literal["colour"] = "colour"
    params: ColourParams = Field(ColourParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("l", "", "L"),
        Feature("a", "", "a"),
        Feature("b", "", "b"),
        Feature("chroma", "", "Chroma"),
        Feature("hue_deg", "deg", "Hue"),
        Feature("spread", "", "Spread of the pixels about their mean"),
        Feature("nearest", "", "Number of the nearest taught colour"),
        Feature("delta_e", "", "CIEDE2000 to the nearest"),
        Feature("margin", "", "How much farther the next one is"),
        Feature("delta_e_expected", "", "CIEDE2000 to the expected"),
        Feature("share", "", "Share of pixels within the tolerance"),
        Feature("area", "px²", "Region area"),
    )
