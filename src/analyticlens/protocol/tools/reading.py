"""Tools that read: codes and printed text."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from analyticlens.protocol.strict import Finite, Strict
from analyticlens.protocol.tools.common import ADVANCED, Feature, Share, ToolCommon

CodeFormat = Literal[
    "qr_code",
    "micro_qr_code",
    "data_matrix",
    "aztec",
    "pdf417",
    "code_128",
    "code_93",
    "code_39",
    "codabar",
    "itf",
    "ean_13",
    "ean_8",
    "upc_a",
    "upc_e",
    "databar",
]
ExpectedText = Annotated[str, StringConstraints(max_length=2000)]
PatternText = Annotated[str, StringConstraints(max_length=200)]
TextLength = Annotated[int, Field(ge=1, le=2000)]
Milliseconds = Annotated[Finite, Field(ge=10, le=10_000, json_schema_extra={"unit": "ms", **ADVANCED})]


class Wanted(Strict):
    """What a text that was read should be."""

    expected_text: ExpectedText = Field(
        "", title="Expected text", description="The text that must be read, to the letter; empty for any."
    )
    pattern: PatternText = Field(
        "",
        title="Pattern",
        description="What the whole text must look like, such as PART-\\d{6}; empty for anything.",
    )
    min_length: TextLength = Field(1, title="Shortest", description="Shorter texts are passed over.")
    max_length: TextLength = Field(2000, title="Longest", description="Longer texts are passed over.")

    @model_validator(mode="after")
    def _lengths_in_order(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError("the shortest text is longer than the longest")
        return self


class CodeParams(Wanted):
    """Which codes are read, and what they should say."""

    formats: tuple[CodeFormat, ...] = Field(
        ("qr_code", "data_matrix", "code_128", "ean_13"),
        title="Formats",
        description="The kinds of code that are read; fewer are quicker and surer.",
        min_length=1,
        max_length=15,
    )
    expected_count: Annotated[int, Field(ge=1, le=50)] = Field(
        1, title="Codes", description="The search goes on until so many were read, or everything was tried."
    )
    inverted: bool = Field(False, title="Light on dark too", description="Also read codes that are light on dark.")
    retries: bool = Field(
        True,
        title="Try harder",
        description="What cannot be read as it is, is enlarged, smoothed and turned straight before it is given up.",
    )
    budget_ms: Milliseconds = Field(
        190, title="Time", description="The tries are chosen so that together they take at most this long."
    )

    @model_validator(mode="after")
    def _formats_differ(self) -> Self:
        if len(set(self.formats)) != len(self.formats):
            raise ValueError("a format is named twice")
        return self


class CodeTool(ToolCommon):
    """Reads 1-D and 2-D codes."""

    type: Literal["code"] = "code"
    params: CodeParams = Field(CodeParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("count", "", "Codes read"),
        Feature("matches", "", "Text as expected"),
        Feature("matching_count", "", "Codes with the text expected"),
        Feature("length", "", "Length of the text"),
        Feature("x", "px", "X"),
        Feature("y", "px", "Y"),
        Feature("angle_deg", "deg", "Angle"),
        Feature("attempts", "", "Tries"),
    )


class OcrParams(Wanted):
    """How text is laid out, and what it should say."""

    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]{2,20}(\+[A-Za-z_]{2,20}){0,3}$")] = Field(
        "eng", title="Language", description="The language data to read with; several joined by +."
    )
    layout: Literal["line", "word", "character", "block", "sparse"] = Field(
        "line",
        title="Layout",
        description="What the region holds: one line, one word, one character, a block, or here and there.",
    )
    characters: Annotated[str, StringConstraints(max_length=200)] = Field(
        "", title="Characters", description="The only characters that can occur; empty for all."
    )
    inverted: bool = Field(False, title="Light on dark", description="The text is lighter than what it stands on.")
    scale: Annotated[Finite, Field(ge=0.25, le=8, json_schema_extra={"unit": "×"})] = Field(
        2, title="Enlarge", description="Capital letters are read best some 30 px high."
    )
    min_confidence: Share = Field(
        0.5, title="Least confidence", description="Text the reader is less sure of was not read."
    )


class OcrTool(ToolCommon):
    """Reads printed text."""

    type: Literal["ocr"] = "ocr"
    params: OcrParams = Field(OcrParams(), title="Parameters", description="How the tool works.")
    features = (
        Feature("matches", "", "Text as expected"),
        Feature("length", "", "Length of the text"),
        Feature("confidence", "", "Confidence"),
        Feature("lowest_confidence", "", "Confidence of the worst word"),
        Feature("words", "", "Words"),
    )
