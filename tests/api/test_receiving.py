"""A heartbeat refreshes the machine's living fields, makes a transition when its state changed, and is sampled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from api import clock
from api.models import LiveEvent, Transition, VirtualMachine, VMHeartbeat
from audit.models import AuditEntry
from tests.rows import EPOCH, goodbye, heartbeat, make_machine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]


@pytest.fixture
def machine() -> VirtualMachine:
    return make_machine()


def again(machine: VirtualMachine) -> VirtualMachine:
    return VirtualMachine.objects.get(pk=machine.pk)


def test_a_first_heartbeat_connects_the_machine(machine: VirtualMachine) -> None:
    assert machine.receive_heartbeat(heartbeat(status="running", mode="DESENVOLVIMENTO"))
    for row in (machine, again(machine)):
        assert row.is_running()
        assert row.is_connected()
        assert row.reported_mode == "DESENVOLVIMENTO"
        assert row.mode == "TESTE"
        assert row.last_heartbeat is not None
        assert (row.epoch, row.epoch_no, row.hb_seq) == (EPOCH, 1, 1)
    transition = Transition.objects.get()
    assert (transition.old_status, transition.old_connection) == ("stopped", "disconnected")
    assert (transition.new_status, transition.new_connection, transition.cause) == ("running", "connected", "heartbeat")
    assert transition.handled_at is None


def test_what_the_machine_reports_is_kept(machine: VirtualMachine) -> None:
    applied = {"version": 3, "running_version": 2, "state": "rejected", "error": "no such folder"}
    counters = {"triggered": 5, "inspected": 4, "ok": 3, "nok": 1}
    machine.receive_heartbeat(
        heartbeat(
            applied=applied, counters=counters, fps=12.5, recipe_sha256="c" * 64, warnings=["insecure"], port=5001
        )
    )
    row = again(machine)
    assert (row.reported_version, row.apply_state, row.apply_error) == (2, "rejected", "no such folder")
    assert row.reported_recipe == "c" * 64
    assert row.reported["counters"]["ok"] == 3
    assert row.reported["warnings"] == ["insecure"]
    assert row.reported["fps"] == 12.5


@pytest.mark.parametrize(
    "late", [{"hb_seq": 5}, {"hb_seq": 4}, {"epoch_no": 1, "hb_seq": 9}], ids=["doubled", "reordered", "older epoch"]
)
def test_a_late_heartbeat_is_counted_and_changes_nothing(machine: VirtualMachine, late: dict[str, Any]) -> None:
    machine.receive_heartbeat(heartbeat(epoch_no=2, hb_seq=5, status="running"))
    before = VirtualMachine.objects.values().get(pk=machine.pk)
    assert not machine.receive_heartbeat(heartbeat(**{"epoch_no": 2, "status": "error", **late}))
    assert VirtualMachine.objects.values().get(pk=machine.pk) == {**before, "stale_heartbeats": 1}
    assert Transition.objects.count() == 1


def test_a_new_epoch_begins_its_numbers_anew(machine: VirtualMachine) -> None:
    machine.receive_heartbeat(heartbeat(epoch_no=1, hb_seq=500))
    assert machine.receive_heartbeat(heartbeat(epoch_no=2, hb_seq=1, status="running"))
    assert again(machine).is_running()


def test_a_heartbeat_that_changes_nothing_makes_no_transition(machine: VirtualMachine) -> None:
    for hb_seq in range(1, 6):
        machine.receive_heartbeat(heartbeat(hb_seq))
    assert Transition.objects.count() == 1


def test_one_row_a_minute_and_each_change_is_kept(machine: VirtualMachine) -> None:
    for step in range(30):
        with clock.shifted(5 * step):
            machine.receive_heartbeat(heartbeat(step + 1, status="running" if step >= 20 else "stopped"))
    # At 0, 60 s; at 100 s the change; 160 s would be the next, after the last one at 145 s.
    assert VMHeartbeat.objects.count() == 3


def test_rows_are_kept_on_after_the_clock_was_set_back(machine: VirtualMachine) -> None:
    with clock.shifted(86_400):
        machine.receive_heartbeat(heartbeat(1))
    for step in range(1, 4):
        with clock.shifted(60 * step):
            machine.receive_heartbeat(heartbeat(step + 1))
    assert VMHeartbeat.objects.count() == 4


def test_a_kept_row_has_the_seeds_keys(machine: VirtualMachine) -> None:
    machine.receive_heartbeat(heartbeat(fps=28, health={"cpu_usage": 45.2, "memory_usage": 67.8}))
    metrics = VMHeartbeat.objects.get().performance_metrics
    assert (metrics["cpu_usage"], metrics["memory_usage"], metrics["fps_current"]) == (45.2, 67.8, 28)


def test_a_heartbeat_is_a_fact_and_leaves_no_entry(machine: VirtualMachine) -> None:
    before = AuditEntry.objects.count()
    machine.receive_heartbeat(heartbeat(status="error", error_message="no camera"))
    VMHeartbeat.objects.create(virtual_machine=machine, status="running")
    assert AuditEntry.objects.count() == before


def test_a_heartbeat_does_not_undo_what_people_wrote_meanwhile(machine: VirtualMachine) -> None:
    read_before = again(machine)
    machine.name = "Press 4"
    machine.save()
    read_before.receive_heartbeat(heartbeat())
    assert again(machine).name == "Press 4"


def test_a_whole_save_of_an_old_copy_does_not_undo_a_heartbeat(machine: VirtualMachine) -> None:
    machine.receive_heartbeat(heartbeat(1))
    read_before = again(machine)
    machine.receive_heartbeat(heartbeat(2, status="running", error_message="hot"))
    read_before.name = "Press 4"
    read_before.save()
    row = again(machine)
    assert (row.name, row.status, row.hb_seq, row.error_message) == ("Press 4", "running", 2, "hot")


def test_a_whole_save_writes_what_was_changed_on_the_object(machine: VirtualMachine) -> None:
    machine.receive_heartbeat(heartbeat(1))
    machine.status = "maintenance"
    machine.save()
    assert again(machine).status == "maintenance"


def test_an_edit_does_not_undo_a_heartbeat_that_came_meanwhile(machine: VirtualMachine) -> None:
    read_before = again(machine)
    machine.receive_heartbeat(heartbeat(status="running"))
    read_before.want(by=read_before.owner.actor(), reason="r", mode="DESENVOLVIMENTO")
    assert again(machine).is_running()


def test_pages_hear_of_it(machine: VirtualMachine) -> None:
    machine.receive_heartbeat(heartbeat())
    machine.receive_heartbeat(heartbeat(2))
    told = [(event.data["what"], event.data.get("changed")) for event in LiveEvent.objects.order_by("id")]
    assert told == [("transition", None), ("state", True), ("state", False)]


def test_a_goodbye_is_no_surprise(machine: VirtualMachine) -> None:
    machine.receive_heartbeat(heartbeat(status="running"))
    assert machine.receive_goodbye(goodbye(2))
    row = again(machine)
    assert (row.status, row.connection_status) == ("stopped", "disconnected")
    assert row.left_at is not None
    assert Transition.objects.order_by("-id")[0].cause == "goodbye"


def test_a_goodbye_that_comes_late_changes_nothing(machine: VirtualMachine) -> None:
    machine.receive_heartbeat(heartbeat(7, status="running"))
    assert not machine.receive_goodbye(goodbye(6))
    assert again(machine).is_running()


def test_the_machine_is_back_with_its_next_heartbeat(machine: VirtualMachine) -> None:
    machine.receive_heartbeat(heartbeat(1, status="running"))
    machine.receive_goodbye(goodbye(2))
    machine.receive_heartbeat(heartbeat(3, status="running"))
    row = again(machine)
    assert row.is_running()
    assert row.left_at is None


def test_creating_a_heartbeat_row_is_receiving_it(machine: VirtualMachine) -> None:
    row = VMHeartbeat.objects.create(
        virtual_machine=machine, status="error", connection_status="connected", error_message="no camera"
    )
    for found in (machine, again(machine)):
        assert (found.status, found.connection_status, found.error_message) == ("error", "connected", "no camera")
        assert found.last_heartbeat == row.timestamp
    assert Transition.objects.get().message == "no camera"
    assert VMHeartbeat.objects.get() == row


def test_a_row_with_an_older_date_is_history_and_changes_nothing(machine: VirtualMachine) -> None:
    VMHeartbeat.objects.create(virtual_machine=machine, status="running")
    VMHeartbeat.objects.create(virtual_machine=machine, status="error", timestamp=clock.wall() - timedelta(days=1))
    assert again(machine).is_running()
    assert VMHeartbeat.objects.count() == 2


def test_a_date_still_to_come_does_not_hide_the_silence(machine: VirtualMachine) -> None:
    VMHeartbeat.objects.create(virtual_machine=machine, status="running", timestamp=clock.wall() + timedelta(days=1))
    last = again(machine).last_heartbeat
    assert last is not None
    assert last <= clock.wall()


@pytest.mark.parametrize("status", ["offline", "maintenance", "idle", ""])
def test_a_heartbeat_cannot_say_what_is_not_the_machines_to_say(machine: VirtualMachine, status: str) -> None:
    with pytest.raises(ValidationError):
        VMHeartbeat.objects.create(virtual_machine=machine, status=status)
    assert not VMHeartbeat.objects.exists()
    assert again(machine).last_heartbeat is None
