"""The management commands of the door: adding a machine, and the watcher's loop."""

from __future__ import annotations

import shlex
import threading
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from api import clock
from api.models import Command, DesiredVersion, LiveEvent, VirtualMachine, VMHeartbeat
from audit import Actor
from edge.management.commands import watch
from tests.edge.caller import Door
from user.models import User


def add(*words: str) -> str:
    """Run add_machine and return what it printed."""
    printed = StringIO()
    call_command("add_machine", *words, stdout=printed)
    return printed.getvalue()


@pytest.fixture
def chief(db: None) -> User:
    """Return an administrator."""
    return User.objects.create(username="chief", role="admin")


def test_what_is_printed_enrols(chief: User) -> None:
    printed = add("vm_004", "--name", "Press 4", "--url", "http://vision.plant:8000").splitlines()
    words = shlex.split(printed[-1])
    assert words[:6] == [
        "analyticlens",
        "machine",
        "--machine-id",
        "vm_004",
        "--django-url",
        "http://vision.plant:8000",
    ]
    assert Door("").call("POST", "enrol", {"machine_id": "vm_004", "code": words[-1]})[0] == 200
    machine = VirtualMachine.objects.get()
    assert (machine.name, machine.owner) == ("Press 4", chief)


def test_a_folder_is_asked_for_as_its_source(chief: User) -> None:
    add("vm_004", "--folder", "pictures")
    machine = VirtualMachine.objects.get()
    assert (machine.source_type, machine.folder_path) == ("pasta", "pictures")
    assert DesiredVersion.objects.get().asked.configuration.source.folder_path == "pictures"


def test_a_machine_that_is_there_gets_another_code(chief: User) -> None:
    first, second = add("vm_004"), add("vm_004")
    assert first != second
    assert VirtualMachine.objects.count() == 1


@pytest.mark.parametrize("machine_id", ["../x", "a b", "x" * 51, "-x"])
def test_a_name_no_machine_can_have_is_refused_in_words(chief: User, machine_id: str) -> None:
    with pytest.raises(CommandError, match="50"):
        call_command("add_machine", "--", machine_id, stdout=StringIO())
    assert VirtualMachine.objects.count() == 0


def test_without_an_owner_it_says_what_to_do(db: None) -> None:
    with pytest.raises(CommandError, match="createsuperuser"):
        add("vm_004")
    with pytest.raises(CommandError, match="no user 'nobody'"):
        add("vm_004", "--owner", "nobody")


@pytest.mark.django_db(transaction=True)
def test_the_watcher_goes_on_after_a_duty_failed(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def broken() -> None:
        raise RuntimeError("disk full")

    for duty in (broken, lambda: done.append("next")):
        watch.attempt(duty)
    assert done == ["next"]
    assert "disk full" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_watcher_does_all_its_duties_and_stops_when_told(
    machine: VirtualMachine, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.beat(1, status="running")
    machine.refresh_from_db()
    command = machine.command("trigger", Actor("system", "test"), {}, 10)
    stop = threading.Event()
    with clock.shifted(700):
        monkeypatch.setattr(watch, "forget_codes", lambda _now: stop.set())
        watch.watch(stop)
    command.refresh_from_db()
    assert command.state == "expired"
    assert LiveEvent.objects.count() == 1


def test_old_heartbeats_are_forgotten(machine: VirtualMachine, door: Door, settings: Any) -> None:
    door.beat(1)
    assert watch.forget_heartbeats(clock.wall()) == 0
    assert watch.forget_heartbeats(clock.wall() + timedelta(days=settings.HEARTBEAT_DAYS + 1)) == 1
    assert Command.objects.count() == VMHeartbeat.objects.count() == 0
