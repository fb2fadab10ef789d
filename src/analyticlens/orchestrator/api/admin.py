"""Machines, tools and heartbeats in Django's admin. What it changes goes the way pages and programs go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from api import configuring
from api.errors import Refused
from api.models import (
    Command,
    DesiredVersion,
    GroupMember,
    GroupVersion,
    MachineGroup,
    Transition,
    VirtualMachine,
    VMHeartbeat,
    VMInspectionTool,
)
from audit import acting
from audit.middleware import actor_of

if TYPE_CHECKING:
    MachineForm = forms.ModelForm[VirtualMachine]
    ToolForm = forms.ModelForm[VMInspectionTool]
    MachineAdmin = admin.ModelAdmin[VirtualMachine]
    ToolAdmin = admin.ModelAdmin[VMInspectionTool]
    FactAdmin = admin.ModelAdmin[Any]
else:
    MachineForm = ToolForm = forms.ModelForm
    MachineAdmin = ToolAdmin = FactAdmin = admin.ModelAdmin

REPORTED = (
    "status",
    "connection_status",
    "error_message",
    "last_heartbeat",
    "reported_mode",
    "reported_version",
    "reported_recipe",
    "apply_state",
    "apply_error",
)


class ReasonedMachineForm(MachineForm):
    """A machine, and why it is changed."""

    reason = forms.CharField(label=_("Reason"), max_length=500, required=False, help_text=_("Kept with the change."))


class ReasonedToolForm(ToolForm):
    """A tool, and why it is changed."""

    reason = forms.CharField(label=_("Reason"), max_length=500, required=False, help_text=_("Kept with the change."))


@admin.register(VirtualMachine)
class VirtualMachineAdmin(MachineAdmin):
    """Machines: what people set can be edited, what machines report cannot."""

    form = ReasonedMachineForm
    list_display = (
        "machine_id",
        "name",
        "status",
        "mode",
        "connection_status",
        "source_type",
        "owner",
        "last_heartbeat",
        "is_active",
    )
    list_filter = ("status", "mode", "connection_status", "source_type")
    search_fields = ("machine_id", "name", "description", "ip_address")
    ordering = ("status", "mode", "source_type", "machine_id")
    list_select_related = ("owner",)
    autocomplete_fields = ("line",)
    actions = ("enter_maintenance", "leave_maintenance", "retire")
    readonly_fields = (*REPORTED, "published_recipe", "created_at", "updated_at")
    fieldsets = (
        (_("Identification"), {"fields": ("machine_id", "name", "description", "owner", "line", "is_active")}),
        (_("Status and operation"), {"fields": ("mode", *REPORTED)}),
        (_("Network"), {"fields": ("django_url", "ip_address", "port", "link_kind")}),
        (
            _("Picture source"),
            {
                "fields": (
                    "source_type",
                    "camera_id",
                    ("resolution_width", "resolution_height"),
                    "fps",
                    "folder_path",
                    "rtsp_url",
                )
            },
        ),
        (_("Trigger"), {"fields": ("trigger_type", "trigger_interval_ms")}),
        (_("Inspection"), {"fields": ("inspection_config", "published_recipe")}),
        (_("Metadata"), {"fields": ("created_at", "updated_at")}),
        (_("Why"), {"fields": ("reason",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: VirtualMachine | None = None) -> tuple[str, ...]:
        """A machine's name to the world is settled when it is made."""
        return (*self.readonly_fields, "machine_id") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: VirtualMachine, form: Any, change: bool) -> None:
        """Save what only the orchestrator knows, and ask the machine for the rest."""
        actor, reason = actor_of(request), form.cleaned_data["reason"] or _written(form)
        asked = {*configuring.COLUMNS, "mode"} & set(form.changed_data)
        with transaction.atomic(), acting(actor, reason):
            if not change:
                super().save_model(request, obj, form, change)
                return
            leaves = "is_active" in form.changed_data and not obj.is_active
            kept = asked | {"reason"} | ({"is_active"} if leaves else set())
            others = [name for name in form.changed_data if name not in kept]
            if "is_active" in others:
                obj.save(update_fields=["is_active", "updated_at"])
            try:
                self._ask(request, obj, asked, reason)
            except Refused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
                request.refused = True  # type: ignore[attr-defined]  # `response_change` is told no other way
                return
            if others:
                obj.save(update_fields=[*others, "updated_at"])
            if leaves:
                obj.retire(by=actor, reason=reason)

    def _ask(self, request: HttpRequest, machine: VirtualMachine, asked: set[str], reason: str) -> None:
        """Ask for what the form says, first of all: a refusal keeps nothing of the form. Raises Refused."""
        if not asked:
            return
        configuration = machine.get_configuration() if asked - {"mode"} else None
        mode: Any = machine.mode if "mode" in asked else None
        machine.want(by=actor_of(request), reason=reason, configuration=configuration, mode=mode)

    def response_change(self, request: HttpRequest, obj: VirtualMachine) -> HttpResponse:
        """Answer that it was changed; or, where it was refused, show the machine as it is."""
        if getattr(request, "refused", False):
            return HttpResponseRedirect(request.get_full_path())
        return super().response_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: VirtualMachine | None = None) -> bool:
        """Machines are retired: their history stays."""
        return False

    @admin.action(description=_("Put into maintenance"))
    def enter_maintenance(self, request: HttpRequest, machines: QuerySet[VirtualMachine]) -> None:
        """Put the chosen machines into maintenance."""
        self._each(request, machines, lambda machine: machine.maintain(True, by=actor_of(request), reason="admin"))

    @admin.action(description=_("Take out of maintenance"))
    def leave_maintenance(self, request: HttpRequest, machines: QuerySet[VirtualMachine]) -> None:
        """Take the chosen machines out of maintenance."""
        self._each(request, machines, lambda machine: machine.maintain(False, by=actor_of(request), reason="admin"))

    @admin.action(description=_("Retire"))
    def retire(self, request: HttpRequest, machines: QuerySet[VirtualMachine]) -> None:
        """Retire the chosen machines."""
        self._each(request, machines, lambda machine: machine.retire(by=actor_of(request), reason="admin"))

    def _each(self, request: HttpRequest, machines: QuerySet[VirtualMachine], act: Any) -> None:
        for machine in machines:
            try:
                act(machine)
            except Refused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)


def _written(form: Any) -> str:
    """Return a reason for a change whose author gave none."""
    return "edited in the admin: " + ", ".join(form.changed_data)[:400]


@admin.register(VMInspectionTool)
class VMInspectionToolAdmin(ToolAdmin):
    """Tools, in the order they run."""

    form = ReasonedToolForm
    list_display = (
        "name",
        "virtual_machine",
        "tool_type",
        "method",
        "order_index",
        "region",
        "inspec_pass_fail",
        "is_active",
    )
    list_filter = ("tool_type", "method", "is_active")
    search_fields = ("name", "virtual_machine__machine_id", "virtual_machine__name")
    ordering = ("tool_type", "method", "virtual_machine", "order_index", "name")
    list_select_related = ("virtual_machine",)
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (
            _("Identification"),
            {"fields": ("virtual_machine", "name", "tool_type", "method", "order_index", "is_active")},
        ),
        (_("Configuration"), {"fields": ("tool_config", "roi_config", "inspec_pass_fail", "normalize")}),
        (_("Metadata"), {"fields": ("created_at", "updated_at")}),
        (_("Why"), {"fields": ("reason",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: VMInspectionTool | None = None) -> tuple[str, ...]:
        """A tool stays with its machine: its number counts there."""
        return (*self.readonly_fields, "virtual_machine") if obj else self.readonly_fields

    @admin.display(description=_("Region"))
    def region(self, tool: VMInspectionTool) -> str:
        """Show the region as people read it."""
        return tool.get_roi_display()

    def save_model(self, request: HttpRequest, obj: VMInspectionTool, form: Any, change: bool) -> None:
        """Save the tool with its entry."""
        with acting(actor_of(request), form.cleaned_data["reason"] or _written(form)):
            super().save_model(request, obj, form, change)


class History(FactAdmin):
    """Rows to read."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They come about by themselves."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They are what they were."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They stay."""
        return False


@admin.register(VMHeartbeat)
class VMHeartbeatAdmin(History):
    """Heartbeats: machines make them, people read them, retention forgets them."""

    list_display = ("timestamp", "wall", "virtual_machine", "status", "connection_status", "error_message")
    list_filter = ("status", "connection_status")
    date_hierarchy = "timestamp"
    ordering = ("-timestamp",)
    list_select_related = ("virtual_machine",)


@admin.register(DesiredVersion)
class DesiredVersionAdmin(History):
    """What was asked of machines."""

    list_display = ("machine", "version", "author", "reason", "created_at")
    list_filter = ("machine",)
    list_select_related = ("machine",)


@admin.register(Transition)
class TransitionAdmin(History):
    """How machines' states changed."""

    list_display = ("at", "machine", "old_status", "new_status", "old_connection", "new_connection", "cause")
    list_filter = ("new_status", "cause")
    date_hierarchy = "at"
    list_select_related = ("machine",)


@admin.register(Command)
class CommandAdmin(History):
    """One-shot acts and what became of them."""

    list_display = ("created_at", "machine", "kind", "state", "author", "message")
    list_filter = ("kind", "state")
    list_select_related = ("machine",)


@admin.register(MachineGroup)
class MachineGroupAdmin(History):
    """Groups, to read: they are changed at their pages and over REST, where a change is previewed and reaches each machine."""

    list_display = ("code", "name", "site", "version", "created_at")
    list_filter = ("site",)
    list_select_related = ("site",)
    search_fields = ("code", "name", "description")


@admin.register(GroupVersion)
class GroupVersionAdmin(History):
    """What groups shared, version by version."""

    list_display = ("group", "version", "author", "reason", "created_at")
    list_filter = ("group",)
    list_select_related = ("group",)


@admin.register(GroupMember)
class GroupMemberAdmin(History):
    """Which machine is in which group, the version it has, and what is its own."""

    list_display = ("machine", "group", "applied", "joined_at")
    list_filter = ("group",)
    list_select_related = ("machine", "group")
    search_fields = ("machine__machine_id", "machine__name")
