"""Fields of REST that its description would otherwise tell wrongly."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field({})
class AnyJson(serializers.JSONField):
    """Any JSON, null among it."""


@extend_schema_field({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "example": "06:00"})
class ClockTime(serializers.TimeField):
    """A time of the day, such as 06:00."""

    def __init__(self, help_text: str) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M"], help_text=help_text)
