"""Results in Django's admin: facts to read."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from api.admin import History
from results.models import IngestConflict, InspectionResult, MachineEpoch, MachineEvent, Quarantined, StoredPicture


class ReadOnly(History):
    """Rows that machines make and people read."""

    list_select_related = ("machine",)
    # Counting millions of rows for a page's foot would take longer than the page.
    show_full_result_count = False


@admin.register(InspectionResult)
class InspectionResultAdmin(ReadOnly):
    """Inspections."""

    list_display = ("received_at", "machine", "cycle", "verdict", "reason", "mode", "simulated", "frame_name")
    list_filter = ("machine", "verdict", "simulated")
    search_fields = ("machine__machine_id", "part_id", "frame_name")
    ordering = ("-id",)


@admin.register(MachineEvent)
class MachineEventAdmin(ReadOnly):
    """Events, changes of state, gaps."""

    list_display = ("received_at", "machine", "kind", "code", "message")
    list_filter = ("machine", "kind")
    search_fields = ("machine__machine_id", "code", "message")
    ordering = ("-id",)


@admin.register(MachineEpoch)
class MachineEpochAdmin(ReadOnly):
    """Epochs and their marks."""

    list_display = ("opened_at", "machine", "epoch_no", "mark", "month")
    list_filter = ("machine",)
    ordering = ("-id",)


@admin.register(Quarantined)
class QuarantinedAdmin(ReadOnly):
    """Records that could not be read."""

    list_display = ("received_at", "machine", "seq", "size", "reason")
    list_filter = ("machine",)
    exclude = ("raw",)
    readonly_fields = ("as_text",)
    ordering = ("-id",)

    @admin.display(description=_("what came"))
    def as_text(self, row: Quarantined) -> str:
        """Show the bytes with everything unprintable escaped."""
        return repr(bytes(row.raw))[2:-1]


@admin.register(IngestConflict)
class IngestConflictAdmin(ReadOnly):
    """Second records of a number."""

    list_display = ("received_at", "machine", "seq", "kept_sha256", "refused_sha256")
    list_filter = ("machine",)
    exclude = ("raw",)
    readonly_fields = ("as_text",)
    ordering = ("-id",)

    @admin.display(description=_("what came"))
    def as_text(self, row: IngestConflict) -> str:
        """Show the bytes with everything unprintable escaped."""
        return repr(bytes(row.raw))[2:-1]


@admin.register(StoredPicture)
class StoredPictureAdmin(ReadOnly):
    """Pictures."""

    list_display = ("received_at", "machine", "sha256", "mime", "size")
    list_filter = ("machine",)
    search_fields = ("sha256",)
    ordering = ("-id",)
