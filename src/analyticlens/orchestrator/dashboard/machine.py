"""One machine's page, and the parts of it that change while one looks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from dashboard import control
from dashboard.actions import acts_of
from dashboard.groups import line_of
from dashboard.mode import form_of
from dashboard.pictures import active
from dashboard.shell import may
from dashboard.station import Station
from edge import live


def context_of(request: HttpRequest, machine_id: str) -> dict[str, object]:
    """Return what the templates of a machine's page need."""
    result = request.GET.get("result")
    station = Station(active(request, machine_id), result)
    _ = station.result  # a result that is not there is a 404, before anything is drawn
    query = f"?{urlencode({'result': result})}" if result is not None else ""
    may_operate = may(request, "operator")
    of_control = control.shown(request, station.machine)
    return {
        "station": station,
        "machine": station.machine,
        "live_url": reverse("machine_now", args=[machine_id]) + query,
        "acts": acts_of(station.machine, may_operate, of_control),
        "control": of_control,
        "mode_form": form_of(request, station.machine),
        "in_group": line_of(request, station.machine),
        "why_no_acts": "" if may_operate else gettext("Starting and stopping needs the role operator."),
    }


@require_safe
def machine(request: HttpRequest, machine_id: str) -> HttpResponse:
    """What it sees, what it says of it, how it is, and what may be asked of it."""
    return render(request, "dashboard/machine.html", context_of(request, machine_id))


@require_safe
def now(request: HttpRequest, machine_id: str) -> HttpResponse:
    """The parts that change. Only a page that stays open asks for them: that is someone looking, so the machine sends live pictures."""
    context = context_of(request, machine_id)
    station = context["station"]
    assert isinstance(station, Station)
    if not station.frozen:
        live.watch(station.machine)
    return render(request, "dashboard/_station.html", context)
