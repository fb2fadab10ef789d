"""The page of a machine's configuration: source, trigger and all else, tried before it is asked for."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from analyticlens.protocol.strict import plain
from api.configuring import source_to_try
from api.errors import BadInput, Refused
from api.rest.looking import TEST_SECONDS
from audit.middleware import actor_of
from dashboard import sentences
from dashboard.configuration_form import ConfigurationForm
from dashboard.pictures import active
from dashboard.shell import may
from edge.commissioning import commission

if TYPE_CHECKING:
    from analyticlens.protocol.configuration import Configuration
    from api.models import Command, VirtualMachine

SNAPSHOT_SECONDS = 20.0
ENDED = {"done", "failed", "refused", "expired", "unknown"}


def _before(machine: VirtualMachine) -> tuple[Configuration, int]:
    """Return what was asked last, and by which version; what the row says, and 0, where nothing was asked yet."""
    current = machine.desired()
    return (current.asked.configuration, current.version) if current else (machine.get_configuration(), 0)


def _page(
    request: HttpRequest, machine: VirtualMachine, form: ConfigurationForm, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "machine": machine,
        "form": form,
        "version": request.POST.get("version") or _before(machine)[1],
        "reason": request.POST.get("reason", ""),
        "may_edit": may(request, "engineer"),
        "commissioned": form.before.health.reference,
        **more,
    }
    return render(request, "dashboard/configuration.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def configuration(request: HttpRequest, machine_id: str) -> HttpResponse:
    """What the station is; another kind's fields, a try of the source, a commissioning picture, or all of it asked for."""
    machine = active(request, machine_id)
    before, _version = _before(machine)
    if request.method != "POST":
        return _page(request, machine, ConfigurationForm(before))
    act = request.POST.get("act")
    if act == "kind":
        return _page(request, machine, ConfigurationForm(before, typed=request.POST))
    try:
        if act == "snapshot":
            asked = machine.command("snapshot", actor_of(request), ttl=SNAPSHOT_SECONDS)
            return _page(request, machine, ConfigurationForm(before, typed=request.POST), **_looked(asked))
        if act == "commission":
            return _commissioned(request, machine)
    except Refused as refused:
        return _refused(request, machine, ConfigurationForm(before, typed=request.POST), refused)
    form = ConfigurationForm(before, data=request.POST)
    if not form.is_valid():
        return _page(request, machine, form, HTTPStatus.BAD_REQUEST)
    try:
        if act == "test":
            source = source_to_try(plain(form.configuration.source))
            asked = machine.command("test_source", actor_of(request), {"source": source}, ttl=TEST_SECONDS)
            return _page(request, machine, form, **_looked(asked))
        return _saved(request, machine, form)
    except Refused as refused:
        return _refused(request, machine, form, refused)


def _saved(request: HttpRequest, machine: VirtualMachine, form: ConfigurationForm) -> HttpResponse:
    """Ask for the configuration. Raises Refused."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        raise BadInput(gettext("Say in one line why it is changed."))
    asked = machine.want(
        by=actor_of(request), reason=reason, if_version=_number(request), configuration=form.configuration
    )
    messages.success(request, gettext("Asked for (version {n}).").format(n=asked.version))
    return redirect("machine_configuration", machine.machine_id)


def _number(request: HttpRequest) -> int:
    """Return the version the form was filled in from. Raises BadInput."""
    text = request.POST.get("version", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput(gettext("The page was not sent whole; load it again."))
    return int(text)


def _commissioned(request: HttpRequest, machine: VirtualMachine) -> HttpResponse:
    """Make the picture of a snapshot the commissioning picture. Raises Refused."""
    reason = request.POST.get("reason", "").strip() or gettext("Commissioned on the page")
    asked = commission(machine, by=actor_of(request), reason=reason, picture=request.POST.get("picture", ""))
    messages.success(request, gettext("It is the commissioning picture now (version {n}).").format(n=asked.version))
    return redirect("machine_configuration", machine.machine_id)


def _refused(request: HttpRequest, machine: VirtualMachine, form: ConfigurationForm, refused: Refused) -> HttpResponse:
    """Show the form with what was typed, and why it was refused."""
    return _page(request, machine, form, refused.status, problem=sentences.said(str(refused)))


def _looked(command: Command) -> dict[str, Any]:
    """Return what the part of the page that shows a try's outcome needs."""
    ended = command.state in ENDED
    return {
        "look": command,
        "look_ended": ended,
        "look_picture": command.result.get("picture", "") if command.state == "done" else "",
        "look_size": command.result.get("resolution") or [],
        "look_problem": sentences.said(command.message) if command.state in {"failed", "refused"} else "",
    }


@require_safe
def looked(request: HttpRequest, machine_id: str, command_id: UUID) -> HttpResponse:
    """What became of a try or a snapshot so far."""
    machine = active(request, machine_id)
    command = get_object_or_404(machine.commands, pk=command_id, kind__in=("snapshot", "test_source"))
    context = {"machine": machine, "may_edit": may(request, "engineer"), **_looked(command)}
    return render(request, "dashboard/_looked.html", context)
