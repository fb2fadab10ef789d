"""What people ask of a machine from its page: one POST an act, the same functions REST and admin call, one sentence back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_POST

from api.errors import Refused
from audit.middleware import actor_of
from dashboard import sentences, tools
from dashboard.pictures import active
from recipes.publishing import publish as publish_recipe

if TYPE_CHECKING:
    from api.models import VirtualMachine
    from dashboard.control import Shown

Ask = Callable[["VirtualMachine", HttpRequest], str]
View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Act:
    """A button. `sure` is the question asked first where the act stops production."""

    name: str
    label: str
    icon: str
    allowed: bool
    why_not: str
    sure: str = ""
    main: bool = False

    machine_id: str = ""

    @property
    def href(self) -> str:
        """Where the button posts to."""
        return reverse(f"machine_{self.name}", args=[self.machine_id])


def acts_of(machine: VirtualMachine, may_operate: bool, of_control: Shown) -> list[Act]:
    """Return the buttons of a machine's page; those that cannot be used now say why."""
    producing = machine.is_running() and (machine.reported_mode or machine.mode) == "PRODUCAO"
    role = "" if may_operate else gettext("Needs the role operator.")
    other = gettext("{who} has control.").format(who=of_control.holder) if of_control.by_other else ""
    away = "" if machine.is_connected() else gettext("The machine is not connected.")

    def act(name: str, label: str, icon: str, able: bool, unable: str, sure: str = "") -> Act:
        # A stop is admitted from anybody.
        taken = "" if name == "stop" else other
        why_not = role or taken or ("" if able else away or unable)
        return Act(
            name, label, icon, not why_not, why_not, sure if producing else "", name == "start", machine.machine_id
        )

    running = gettext("The machine is not running.")
    return [
        act("start", pgettext("act", "Start"), "play", machine.can_start(), gettext("It is running already.")),
        act("stop", pgettext("act", "Stop"), "square", machine.can_stop(), running, gettext("Stop production?")),
        act(
            "restart",
            pgettext("act", "Restart"),
            "rotate-cw",
            machine.can_restart(),
            running,
            gettext("Interrupt production?"),
        ),
        act("trigger", pgettext("act", "Trigger"), "zap", machine.is_running() and machine.is_connected(), running),
    ]


def act_view(ask: Ask) -> View:
    """Make a view of an act: it is done, or refused with a sentence; either way the person is back where they were."""

    @require_POST
    @wraps(ask)
    def view(request: HttpRequest, machine_id: str) -> HttpResponse:
        machine = active(request, machine_id)
        try:
            messages.success(request, ask(machine, request))
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("machine", machine_id)

    return view


@act_view
def start(machine: VirtualMachine, request: HttpRequest) -> str:
    """Ask the machine to run."""
    asked = machine.want(by=actor_of(request), reason=gettext("Start on the page"), run_state="running")
    return gettext("Start asked (version {n}).").format(n=asked.version)


@act_view
def stop(machine: VirtualMachine, request: HttpRequest) -> str:
    """Ask the machine to stop."""
    asked = machine.want(by=actor_of(request), reason=gettext("Stop on the page"), run_state="stopped")
    return gettext("Stop asked (version {n}).").format(n=asked.version)


@act_view
def restart(machine: VirtualMachine, request: HttpRequest) -> str:
    """Ask the machine to rebuild source and engine."""
    asked = machine.want(by=actor_of(request), reason=gettext("Restart on the page"), restart=True)
    return gettext("Restart asked (version {n}).").format(n=asked.version)


@act_view
def trigger(machine: VirtualMachine, request: HttpRequest) -> str:
    """Ask for one inspection."""
    machine.command("trigger", actor_of(request))
    return gettext("One inspection asked for.")


@require_POST
def publish(request: HttpRequest, machine_id: str) -> HttpResponse:
    """Make the tools as they are now a recipe version, and ask the machine to run it. Why is asked for; what was typed is kept."""
    machine = active(request, machine_id)
    reason = request.POST.get("reason", "").strip()
    if not reason:
        return tools.listing_again(
            request, machine, gettext("Say in one line why you publish."), "", HTTPStatus.BAD_REQUEST
        )
    try:
        version = publish_recipe(machine, by=actor_of(request), reason=reason)
    except Refused as refused:
        return tools.listing_again(request, machine, sentences.said(str(refused)), reason, HTTPStatus(refused.status))
    messages.success(request, gettext("Version {n} is published.").format(n=version.number))
    return redirect("tools", machine_id)
