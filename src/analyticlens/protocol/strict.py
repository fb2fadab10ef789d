"""The model every part of the contract is made of: unknown keys are refused, values do not change after they were checked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

MACHINE_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}$"

MachineId = Annotated[str, StringConstraints(pattern=MACHINE_ID_PATTERN, max_length=50)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
EpochId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
ShortText = Annotated[str, StringConstraints(max_length=200)]
LongText = Annotated[str, StringConstraints(max_length=2000)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
MAX_COUNT = 2**53
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Number = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Milliseconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False, json_schema_extra={"unit": "ms"})]
Seconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False, json_schema_extra={"unit": "s"})]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False, json_schema_extra={"unit": "%"})]
WallTime = Annotated[
    ShortText, Field(description="The machine's wall clock, ISO 8601 with zone; shown, never trusted.")
]
MonoTime = Annotated[
    int, Field(ge=0, le=2**63 - 1, description="The machine's monotonic clock.", json_schema_extra={"unit": "ns"})
]


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and numbers that are not finite. A text under a field is its description."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True, use_attribute_docstrings=True
    )


def first_error(error: ValidationError) -> str:
    """Return the first problem of a failed validation as one sentence with its place, fit for a person."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{place}: {text}" if place else text


def plain(model: BaseModel) -> dict[str, Any]:
    """Return the model as JSON-ready data: tuples as lists, no Python objects."""
    return model.model_dump(mode="json")
