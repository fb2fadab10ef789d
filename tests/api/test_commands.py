"""One-shot acts: asked once, good for a while, settled once."""

from __future__ import annotations

import pytest

from analyticlens.protocol.desired import CommandReport
from api import bus, clock
from api.errors import BadInput, NotNow
from api.models import Command, VirtualMachine
from audit import Actor
from audit.models import AuditEntry
from tests.rows import heartbeat, make_machine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]
ANA = Actor("user", "ana")


@pytest.fixture
def machine() -> VirtualMachine:
    found = make_machine()
    found.receive_heartbeat(heartbeat(status="running"))
    return found


def test_a_command_waits_for_its_machine(machine: VirtualMachine) -> None:
    asked = machine.command("trigger", ANA, ttl=10)
    (waiting,) = Command.waiting(machine.pk)
    told = waiting.as_contract()
    assert (told.id, told.kind) == (str(asked.id), "trigger")
    assert 9000 < told.ttl_ms_left <= 10000
    assert AuditEntry.objects.get(object_type="api.command").actor_name == "ana"


def test_nobody_takes_a_command_that_is_too_old(machine: VirtualMachine) -> None:
    asked = machine.command("trigger", ANA, ttl=10)
    with clock.shifted(11):
        assert Command.waiting(machine.pk) == []
        assert Command.expire() == 1
    asked.refresh_from_db()
    assert asked.state == "expired"


@pytest.mark.parametrize(
    ("kind", "ttl"), [("explode", 10), ("trigger", 0), ("trigger", 1e9), ("trigger", float("nan"))]
)
def test_what_is_no_act_is_refused(machine: VirtualMachine, kind: str, ttl: float) -> None:
    with pytest.raises(BadInput):
        machine.command(kind, ANA, ttl=ttl)


def test_a_machine_that_is_away_gets_no_command() -> None:
    with pytest.raises(NotNow):
        make_machine().command("snapshot", ANA)
    assert AuditEntry.objects.get(refused=True).verb == "command snapshot"


def test_a_machine_that_stands_still_is_not_triggered() -> None:
    machine = make_machine()
    machine.receive_heartbeat(heartbeat())
    with pytest.raises(NotNow):
        machine.command("trigger", ANA)
    assert machine.command("clear_error", ANA).state == "queued"


def test_a_report_is_taken_once(machine: VirtualMachine) -> None:
    asked = machine.command("trigger", ANA)
    assert asked.report(CommandReport(state="started"))
    assert not asked.report(CommandReport(state="started"))
    assert asked.report(CommandReport(state="done", result={"count": 3}))
    assert not asked.report(CommandReport(state="failed"))
    asked.refresh_from_db()
    assert (asked.state, asked.result) == ("done", {"count": 3})


def test_a_started_command_without_an_end_can_be_unknown(machine: VirtualMachine) -> None:
    asked = machine.command("trigger", ANA)
    asked.report(CommandReport(state="started"))
    with clock.shifted(60):
        assert Command.expire() == 0
    assert asked.report(CommandReport(state="unknown"))
    assert not asked.report(CommandReport(state="done"))


def test_an_act_a_machine_never_ended_is_unknown_until_it_tells(machine: VirtualMachine) -> None:
    asked = machine.command("trigger", ANA, ttl=10)
    asked.report(CommandReport(state="started"))
    with clock.shifted(611):
        assert (Command.expire(), Command.expire()) == (1, 0)
        asked.refresh_from_db()
        assert asked.state == "unknown"
        assert not asked.report(CommandReport(state="started"))
        assert asked.report(CommandReport(state="done"))


def test_pages_are_told_of_acts_that_are_over(machine: VirtualMachine) -> None:
    kept = [machine.command("trigger", ANA, ttl=10) for _ in range(2)]
    kept[0].report(CommandReport(state="started"))
    before = bus.newest_id()
    with clock.shifted(611):
        Command.expire()
    told = [(event.data["id"], event.data["state"]) for event in bus.since(before)]
    assert told == [(str(kept[1].pk), "expired"), (str(kept[0].pk), "unknown")]
