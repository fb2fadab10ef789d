"""Entries in Django's admin: to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from audit.models import AuditEntry

if TYPE_CHECKING:
    EntryAdmin = admin.ModelAdmin[AuditEntry]
else:
    EntryAdmin = admin.ModelAdmin

if admin.site.is_registered(AuditEntry):
    # django-auditlog's own page of it shows neither who (as text) nor why.
    admin.site.unregister(AuditEntry)


@admin.register(AuditEntry)
class AuditEntryAdmin(EntryAdmin):
    """Who did what, newest first."""

    list_display = ("seq", "timestamp", "actor_name", "verb", "object_type", "object_repr", "refused", "reason")
    list_filter = ("refused", "actor_kind", "object_type", "verb")
    search_fields = ("actor_name", "object_repr", "reason")
    date_hierarchy = "timestamp"
    fields = (
        "seq",
        "timestamp",
        ("actor_kind", "actor_name", "remote_addr"),
        ("verb", "refused"),
        ("object_type", "object_pk", "object_repr"),
        "changes",
        "additional_data",
        "reason",
        ("prev_hash", "hash"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Entries come with their acts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Entries are never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Entries are never deleted."""
        return False
