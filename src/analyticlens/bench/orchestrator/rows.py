"""Rows the figures begin with: a person, machines and their keys. Runs with Django set up."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from analyticlens.demo import discs
from analyticlens.demo.line import draw_station
from api.models import VirtualMachine
from audit import Actor, acting
from edge.management.commands.add_machine import add_machine
from edge.models import MachineToken, issue_code
from user.models import ApiToken, Role, User

BENCH = Actor("system", "analyticlens bench")
PICTURES = 8


def owner() -> User:
    """Return the administrator everything belongs to; nobody signs in with a password."""
    found = User.objects.filter(username="bench").first()
    if found is None:
        found = User(username="bench", role=Role.ADMIN)
        found.set_unusable_password()
        with acting(BENCH, "figures"):
            found.save()
    return found


def key() -> str:
    """Return a fresh token of the administrator's."""
    with acting(BENCH, "figures"):
        return ApiToken.issue(owner(), "figures", Role.ADMIN)[1].text


def machine(machine_id: str) -> VirtualMachine:
    """Return a machine of that id as people make one: with a recipe published and a mode asked for."""
    station = discs.STATION
    return VirtualMachine.objects.filter(machine_id=machine_id).first() or add_machine(
        machine_id,
        name=f"{station.name} {machine_id}",
        description=station.description,
        owner=owner(),
        django_url="http://127.0.0.1:8000",
        by=BENCH,
        reason="figures",
        configuration=station.configuration,
        recipe=station.recipe,
        mode="PRODUCAO",
    )


def callers(count: int) -> list[str]:
    """Return the tokens of so many machines that will send heartbeats."""
    with transaction.atomic():
        return [MachineToken.issue(machine(f"heart_{number:03d}")).text for number in range(count)]


def station(folder: str, url: str) -> dict[str, str]:
    """Make a machine of the demonstration line with its pictures; return its enrolment code and a person's token."""
    draw_station(discs.STATION, Path(folder) / discs.STATION.folder, 1, PICTURES)
    made = machine(discs.STATION.machine_id)
    VirtualMachine.objects.filter(pk=made.pk).update(django_url=url)
    made.want(by=BENCH, reason="figures", run_state="stopped")
    return {"machine_id": made.machine_id, "code": issue_code(made, BENCH), "key": key()}
