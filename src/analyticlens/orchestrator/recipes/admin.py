"""Recipe versions in Django's admin, to read; and tools whose edits a machine in development runs at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from api.admin import History, VMInspectionToolAdmin
from api.errors import Refused
from api.models import VirtualMachine, VMInspectionTool
from audit.middleware import actor_of
from recipes.models import Blob, RecipeVersion
from recipes.publishing import apply_draft


@admin.register(RecipeVersion)
class RecipeVersionAdmin(History):
    """Who published what, and why."""

    list_display = ("machine", "number", "origin", "author", "reason", "created_at", "sha256")
    list_filter = ("origin", "machine")
    search_fields = ("machine__machine_id", "author", "reason", "sha256")
    date_hierarchy = "created_at"
    list_select_related = ("machine",)


admin.site.unregister(VMInspectionTool)


@admin.register(VMInspectionTool)
class ApplyingToolAdmin(VMInspectionToolAdmin):
    """The api room's, which cannot know recipes."""

    def save_model(self, request: HttpRequest, obj: VMInspectionTool, form: Any, change: bool) -> None:
        """Save the tool, and have a machine in development run it."""
        super().save_model(request, obj, form, change)
        self._apply(request, obj.virtual_machine, form.cleaned_data["reason"] or "edited in the admin")

    def delete_model(self, request: HttpRequest, obj: VMInspectionTool) -> None:
        """Remove the tool, and have a machine in development run what is left."""
        super().delete_model(request, obj)
        self._apply(request, obj.virtual_machine, "removed in the admin")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[VMInspectionTool]) -> None:
        """Remove the chosen tools, and have machines in development run what is left."""
        machines = list(VirtualMachine.objects.filter(tools__in=queryset).distinct())
        super().delete_queryset(request, queryset)
        for machine in machines:
            self._apply(request, machine, "removed in the admin")

    def _apply(self, request: HttpRequest, machine: VirtualMachine, reason: str) -> None:
        """Apply the draft; what the machine would not run is told, and the edit stays."""
        try:
            apply_draft(machine, by=actor_of(request), reason=reason)
        except Refused as refusal:
            self.message_user(request, str(refusal), messages.WARNING)


@admin.register(Blob)
class BlobAdmin(History):
    """What recipes name: templates, golden pictures, models."""

    list_display = ("name", "mime", "size", "author", "created_at", "sha256")
    list_filter = ("mime",)
    search_fields = ("name", "author", "sha256")
    date_hierarchy = "created_at"
