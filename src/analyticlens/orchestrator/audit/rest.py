"""The audit trail over REST: read, chosen, page by page. Whose entries somebody may read is settled where machines are known."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from audit.clock import is_told
from audit.fields import AnyJson
from audit.models import AuditEntry

HELP = {
    "seq": "Its number: 1, 2, 3… without gaps.",
    "timestamp": "When, by this server's clock.",
    "actor_kind": "user, machine, system or local.",
    "actor_name": "Who; the name outlives the account.",
    "remote_addr": "From where.",
    "verb": "What was done.",
    "refused": "True: it was tried and refused.",
    "object_type": "To what kind of thing.",
    "object_pk": "To which one, by its number.",
    "object_repr": "To which one, as it was called then.",
    "changes": "What changed: field by field, before and after. Secrets are masked.",
    "additional_data": "What else a reader should know.",
    "reason": "Why, as it was said.",
    "prev_hash": "Hash of the entry before.",
    "hash": "SHA-256 of this entry and the hash before it.",
}


class EntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One act, linked to the one before it."""

    changes = AnyJson(read_only=True, help_text=HELP["changes"])
    additional_data = AnyJson(read_only=True, help_text=HELP["additional_data"])

    class Meta:
        model = AuditEntry
        fields = tuple(HELP)
        read_only_fields = fields
        extra_kwargs = {
            name: {"help_text": text} for name, text in HELP.items() if name not in {"changes", "additional_data"}
        }


class MomentField(IsoDateTimeField):  # type: ignore[misc]  # django-filter has no types
    """A moment as ISO 8601 writes it."""

    def to_python(self, value: Any) -> datetime | None:
        """Return it. Raises ValidationError, also for one at an end of the calendar, which the database cannot compare."""
        try:
            moment: datetime | None = super().to_python(value)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        if moment is not None and not is_told(moment):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]  # django-filter has no types
    """What is later or earlier than a moment."""

    field_class = MomentField


class EntryFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Which entries are listed."""

    since = MomentFilter("timestamp", "gte", help_text="At or after this time.")
    until = MomentFilter("timestamp", "lt", help_text="Before this time.")
    about = django_filters.CharFilter("object_repr", "icontains", help_text="About things called so.")

    class Meta:
        model = AuditEntry
        fields = ("actor_kind", "actor_name", "object_type", "object_pk", "verb", "refused")


class Entries(ListAPIView[AuditEntry]):
    """The entries, newest first."""

    serializer_class = EntrySerializer
    filterset_class = EntryFilter
    filter_backends = (DjangoFilterBackend,)
    queryset = AuditEntry.objects.all()
    keyset = ("-seq",)
