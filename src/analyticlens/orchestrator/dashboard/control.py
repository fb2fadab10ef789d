"""Control of a machine from its page: taken, kept by the page that stays open, given back, broken by an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from api import control
from api.errors import BadInput, Refused
from audit.middleware import actor_of
from dashboard.actions import act_view
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


@act_view
def take(machine: VirtualMachine, request: HttpRequest) -> str:
    """Take control."""
    control.take(machine, actor_of(request))
    return gettext("You have control while this page is open.")


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


@act_view
def give_back(machine: VirtualMachine, request: HttpRequest) -> str:
    """Give control back."""
    control.give_back(machine, actor_of(request))
    return gettext("Nobody has control of it now.")


@act_view
def break_it(machine: VirtualMachine, request: HttpRequest) -> str:
    """End somebody's control. Why is asked for."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        raise BadInput(gettext("Say in one line why you break their control."))
    control.break_it(machine, actor_of(request), reason)
    return gettext("Nobody has control of it now.")
