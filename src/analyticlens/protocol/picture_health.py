"""What a picture must be like to be judged at all: its own health, against limits that people choose and a commissioning picture."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from analyticlens.protocol.strict import Finite, Strict

# A patch of more pixels is no longer measured with every frame beside the inspection.
LARGEST_PATCH = 1 << 20
SMALLEST_SIDE = 16

ADVANCED: dict[str, Any] = {"x-advanced": True}
Share = Annotated[Finite, Field(ge=0, le=100, json_schema_extra={"unit": "%"})]
Place = Annotated[int, Field(ge=0, le=30_000, json_schema_extra={"unit": "px"})]
Side = Annotated[int, Field(ge=0, le=30_000, json_schema_extra={"unit": "px"})]


class PictureHealth(Strict):
    """Limits on the pictures themselves. A picture outside one is not judged: its verdict is undecided. None is set by itself."""

    reference: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = Field(
        "",
        title="Commissioning picture",
        description="The picture of the finished station, by its SHA-256; sharpness and place are told against it.",
        json_schema_extra=ADVANCED,
    )
    patch: tuple[Place, Place, Side, Side] = Field(
        (0, 0, 0, 0),
        title="Fixed patch",
        description="Column, row, width and height of a part that looks the same in every picture. Width 0: the whole picture.",
        json_schema_extra=ADVANCED,
    )
    brightness_min: Share | None = Field(
        None, title="Least brightness", description="Mean grey value, of full scale.", json_schema_extra=ADVANCED
    )
    brightness_max: Share | None = Field(
        None, title="Most brightness", description="Mean grey value, of full scale.", json_schema_extra=ADVANCED
    )
    black_max: Share | None = Field(
        None,
        title="Most black",
        description="Share of pixels within 2 % of black.",
        json_schema_extra=ADVANCED,
    )
    saturated_max: Share | None = Field(
        None,
        title="Most saturated",
        description="Share of pixels within 1 % of full scale.",
        json_schema_extra=ADVANCED,
    )
    sharpness_min: Annotated[Finite, Field(ge=0, le=1000, json_schema_extra={"unit": "%"})] | None = Field(
        None,
        title="Least sharpness",
        description="Of the commissioning picture's. It falls when the lens is out of focus or dirty.",
        json_schema_extra=ADVANCED,
    )
    displacement_max: Annotated[Finite, Field(ge=0, le=1000, json_schema_extra={"unit": "px"})] | None = Field(
        None,
        title="Most displacement",
        description="How far the patch may lie from its place in the commissioning picture. It grows when the camera was moved.",
        json_schema_extra=ADVANCED,
    )

    @property
    def limited(self) -> bool:
        """Whether any limit is set, so that each picture has to be measured before it is judged."""
        limits = (self.brightness_min, self.brightness_max, self.black_max, self.saturated_max)
        return self.against or any(limit is not None for limit in limits)

    @property
    def against(self) -> bool:
        """Whether a limit is set against the commissioning picture."""
        return self.sharpness_min is not None or self.displacement_max is not None

    @model_validator(mode="after")
    def _fits(self) -> PictureHealth:
        _x, _y, width, height = self.patch
        if (width == 0) != (height == 0):
            raise ValueError("a patch has both a width and a height, or neither")
        if width and min(width, height) < SMALLEST_SIDE:
            raise ValueError(f"a patch is at least {SMALLEST_SIDE} pixels wide and high")
        if width * height > LARGEST_PATCH:
            raise ValueError("a patch has at most 1,048,576 pixels (1024 x 1024)")
        if self.against and not self.reference:
            raise ValueError("limits of sharpness and displacement need a commissioning picture")
        least, most = self.brightness_min, self.brightness_max
        if least is not None and most is not None and least > most:
            raise ValueError("the least brightness is above the most")
        return self
