"""Tokens and enrolment codes in Django's admin. A code is shown once, a token never."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from api.admin import History, VirtualMachineAdmin
from api.models import VirtualMachine
from audit import acting
from audit.middleware import actor_of
from edge.models import CODE_LIFE, EnrolmentCode, MachineToken, carried, enrol_command, issue_code


@admin.action(description=_("Issue an enrolment code"))
def issue_enrolment_code(
    modeladmin: VirtualMachineAdmin, request: HttpRequest, machines: QuerySet[VirtualMachine]
) -> HttpResponse:
    """Show a fresh code of each chosen machine, and the command that uses it. The page is the only place it is ever in."""
    codes = [(machine, carried(issue_code(machine, actor_of(request)))) for machine in machines.filter(is_active=True)]
    rows = [
        {"machine": machine, "code": code, "command": enrol_command(machine.machine_id, machine.django_url, code)}
        for machine, code in codes
    ]
    context = {
        **modeladmin.admin_site.each_context(request),
        "title": _("Enrolment codes"),
        "codes": rows,
        "minutes": CODE_LIFE.seconds // 60,
    }
    return TemplateResponse(request, "edge/enrolment_code.html", context)


# The room below knows nothing of enrolment; its list of machines is where people look for it.
VirtualMachineAdmin.actions = (*VirtualMachineAdmin.actions, issue_enrolment_code)  # type: ignore[assignment]


@admin.register(MachineToken)
class MachineTokenAdmin(History):
    """Tokens: who has one, since when, used when."""

    list_display = ("prefix", "machine", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("machine",)
    list_select_related = ("machine",)
    exclude = ("sha256",)
    ordering = ("-id",)
    actions = ("revoke",)

    @admin.action(description=_("Revoke at once"))
    def revoke(self, request: HttpRequest, tokens: QuerySet[MachineToken]) -> None:
        """End the chosen tokens."""
        with acting(actor_of(request)):
            for token in tokens:
                token.revoke()


@admin.register(EnrolmentCode)
class EnrolmentCodeAdmin(History):
    """Codes: for whom, by whom, used or not."""

    list_display = ("machine", "created_at", "expires_at", "used_at", "tries", "issued_by")
    list_filter = ("machine",)
    list_select_related = ("machine",)
    exclude = ("sha256",)
    ordering = ("-id",)
