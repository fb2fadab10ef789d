"""Two computers with one credential are noticed; a late message is none."""

from __future__ import annotations

import pytest
from django.test import Client

from api import clock
from api.models import VirtualMachine
from audit.models import AuditEntry
from edge import twins
from tests.edge.caller import EPOCH, Door
from tests.rows import make_user

pytestmark = pytest.mark.usefixtures("still")
OTHER = "cd" * 16


def entries() -> int:
    return int(AuditEntry.objects.filter(verb="second computer noticed").count())


def test_a_second_computer_that_goes_on_beating_is_noticed(door: Door, machine: VirtualMachine) -> None:
    door.beat(9, epoch=EPOCH, epoch_no=1)
    door.beat(1, epoch=OTHER, epoch_no=2, status="running")
    for number in range(10, 16):
        with clock.shifted(5 * (number - 9)):
            assert door.beat(number, epoch=EPOCH, epoch_no=1, status="stopped")[1]["stale"] is True
            assert (twins.seen(machine) is None) == (number < 12)
    machine.refresh_from_db()
    assert machine.is_running()
    assert entries() == 1


def test_one_or_two_late_heartbeats_are_no_second_computer(door: Door, machine: VirtualMachine) -> None:
    door.beat(9, epoch=EPOCH, epoch_no=1)
    door.beat(1, epoch=OTHER, epoch_no=2)
    for minute in range(6):
        with clock.shifted(61 * minute):
            door.beat(10 + minute, epoch=EPOCH, epoch_no=1)
            door.beat(30 + minute, epoch=EPOCH, epoch_no=1)
    assert twins.seen(machine) is None
    assert entries() == 0


def test_late_and_doubled_messages_of_the_same_epoch_are_none(door: Door, machine: VirtualMachine) -> None:
    for number in [5, 4, 3, 2, 1] * 3:
        door.beat(number)
    assert twins.seen(machine) is None


def test_it_is_forgotten_once_the_second_one_is_silent_and_told_anew_when_it_comes_back(
    door: Door, machine: VirtualMachine
) -> None:
    door.beat(9, epoch=EPOCH, epoch_no=1)
    door.beat(1, epoch=OTHER, epoch_no=2)
    for number in range(10, 13):
        door.beat(number, epoch=EPOCH, epoch_no=1)
    assert twins.seen(machine) == "127.0.0.1"
    with clock.shifted(twins.SHOWN_FOR.total_seconds() + 1):
        assert twins.seen(machine) is None
        for number in range(13, 16):
            door.beat(number, epoch=EPOCH, epoch_no=1)
        assert twins.seen(machine) is not None
    assert entries() == 2


def test_the_machines_page_says_so(door: Door) -> None:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(make_user("viewer"))
    assert "Two computers" not in client.get("/m/vm_001/").content.decode()
    door.beat(9, epoch=EPOCH, epoch_no=1)
    door.beat(1, epoch=OTHER, epoch_no=2)
    for number in range(10, 13):
        door.beat(number, epoch=EPOCH, epoch_no=1)
    page = client.get("/m/vm_001/").content.decode()
    assert "Two computers say they are this machine." in page
    assert "127.0.0.1" in page
