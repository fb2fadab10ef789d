"""Changing a machine's mode from its page: what each mode means, why it is changed, and the sentence where it cannot be."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from analyticlens.protocol.words import MODES
from api.errors import Refused
from audit.middleware import actor_of
from dashboard import words
from dashboard.pictures import active
from dashboard.shell import may

if TYPE_CHECKING:
    from api.models import VirtualMachine


class Choice(NamedTuple):
    """A mode to choose, with what it means for the results."""

    value: str
    label: str
    meaning: str
    chosen: bool


def form_of(request: HttpRequest, machine: VirtualMachine, problem: str = "") -> dict[str, Any]:
    """Return what the form shows: what was typed where it was refused, else the mode that is asked for now."""
    typed = request.POST if problem else {}
    chosen = typed.get("mode") or machine.mode
    return {
        "choices": [Choice(mode, words.mode(mode), words.mode_meaning(mode), mode == chosen) for mode in MODES],
        "reason": typed.get("reason", ""),
        "problem": problem,
        "able": may(request, "engineer"),
        "counts_now": (machine.reported_mode or machine.mode) == "PRODUCAO",
    }


@require_POST
def change(request: HttpRequest, machine_id: str) -> HttpResponse:
    """Ask the machine for another mode. Why is asked for; what was typed is kept where it is refused."""
    machine = active(request, machine_id)
    wanted, reason = request.POST.get("mode", ""), request.POST.get("reason", "").strip()
    mode = next((mode for mode in MODES if mode == wanted), None)
    if mode is None:
        return _again(request, machine, gettext("Choose a mode."), HTTPStatus.BAD_REQUEST)
    if not reason:
        return _again(request, machine, gettext("Say in one line why you change the mode."), HTTPStatus.BAD_REQUEST)
    before = machine.mode
    try:
        asked = machine.want(by=actor_of(request), reason=reason, mode=mode)
    except Refused as refused:
        return _again(request, machine, str(refused), HTTPStatus(refused.status))
    if mode == before:
        messages.info(request, gettext("The mode asked for is {mode} already.").format(mode=words.mode(mode)))
    else:
        said = gettext("Mode {mode} asked (version {n}).").format(mode=words.mode(mode), n=asked.version)
        messages.success(request, said)
    return redirect("machine", machine_id)


def _again(request: HttpRequest, machine: VirtualMachine, problem: str, status: HTTPStatus) -> HttpResponse:
    from dashboard.machine import context_of

    context = {**context_of(request, machine.machine_id), "mode_form": form_of(request, machine, problem)}
    return render(request, "dashboard/machine.html", context, status=status)
