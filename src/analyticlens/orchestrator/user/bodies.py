"""What bodies over REST have in common: a field that nobody knows is refused, for who misspelt one asked for something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers


class Closed(serializers.Serializer[Any]):
    """A body that holds its own fields and no others. Read-only ones may stand in it: what was read may be sent back."""

    def to_internal_value(self, data: Any) -> Any:
        """Return what the body says. Raises ValidationError, which names each field that is none."""
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({name[:100]: _("There is no such field.") for name in unknown[:20]})
        return super().to_internal_value(data)
