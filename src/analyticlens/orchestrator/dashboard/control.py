"""Control of a machine from its page: taken, kept by the page that stays open, given back, broken by an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from api import control
from api.errors import Refused
from audit.middleware import actor_of
from dashboard.pictures import active
from dashboard.shell import may

if TYPE_CHECKING:
    from api.models import VirtualMachine


@dataclass(frozen=True)
class Shown:
    """Who has control, as the page shows it; `holder` is empty where nobody has."""

    holder: str
    mine: bool
    seconds: int
    may_take: bool
    may_break: bool

    @property
    def by_other(self) -> bool:
        """Whether somebody else has control, or this person by another session or token."""
        return bool(self.holder) and not self.mine


def shown(request: HttpRequest, machine: VirtualMachine) -> Shown:
    """Return what the page shows of a machine's control."""
    lease = control.current(machine)
    return Shown(
        holder=lease.holder if lease else "",
        mine=control.holds(lease, actor_of(request)),
        seconds=max(1, round(lease.seconds_left)) if lease else 0,
        may_take=may(request, "operator"),
        may_break=may(request, "admin"),
    )


@require_POST
def take(request: HttpRequest, machine_id: str) -> HttpResponse:
    """Take control."""
    machine = active(request, machine_id)
    try:
        control.take(machine, actor_of(request))
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, gettext("You have control while this page is open."))
    return redirect("machine", machine_id)


@require_POST
def keep(request: HttpRequest, machine_id: str) -> HttpResponse:
    """Keep control for another while, where this session has it: a page that slept through its end does not take it anew."""
    machine = active(request, machine_id)
    by = actor_of(request)
    if not control.holds(control.current(machine), by):
        return HttpResponse(status=HTTPStatus.CONFLICT)
    try:
        control.take(machine, by)
    except Refused as refused:
        return HttpResponse(status=refused.status)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@require_POST
def give_back(request: HttpRequest, machine_id: str) -> HttpResponse:
    """Give control back."""
    machine = active(request, machine_id)
    try:
        control.give_back(machine, actor_of(request))
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("machine", machine_id)


@require_POST
def break_it(request: HttpRequest, machine_id: str) -> HttpResponse:
    """End somebody's control. Why is asked for."""
    machine = active(request, machine_id)
    reason = request.POST.get("reason", "").strip()
    if not reason:
        messages.error(request, gettext("Say in one line why you break their control."))
    else:
        control.break_it(machine, actor_of(request), reason)
        messages.success(request, gettext("Nobody has control of it now."))
    return redirect("machine", machine_id)
