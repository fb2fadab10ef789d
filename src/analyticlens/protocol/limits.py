"""Limits: the allowed range of a measured value."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from analyticlens.protocol.strict import Finite, Strict

Bound = Annotated[Finite, Field(ge=-1e15, le=1e15)]
FeatureName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Limit(Strict):
    """The allowed range of one feature, both ends inclusive; inside `guard` of an end the tool cannot decide."""

    feature: FeatureName = Field(title="Feature", description="Name of the measured value this limit judges.")
    min: Bound | None = Field(None, title="Minimum", description="Smallest good value; empty for no lower end.")
    max: Bound | None = Field(None, title="Maximum", description="Largest good value; empty for no upper end.")
    guard: Annotated[Finite, Field(ge=0, le=1e15)] = Field(
        0, title="Guard band", description="Values this close to an end, on either side, are undecided."
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError(f"the limit on {self.feature} needs a minimum or a maximum")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"the limit on {self.feature} has its minimum above its maximum")
        return self
