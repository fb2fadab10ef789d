"""Silence is found by one watcher of many, and not by one that was away itself."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection

from api import clock
from api.models import Instance, LiveEvent, Transition, VirtualMachine
from api.silence import Watch, call_offline
from audit import Actor
from tests.rows import goodbye, heartbeat, make_machine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]


@pytest.fixture
def machine() -> VirtualMachine:
    found = make_machine()
    found.receive_heartbeat(heartbeat(status="running"))
    return found


def looked_for(seconds: float, watch: Watch | None = None) -> list[str]:
    """Let a watcher look every 5 seconds for so long; return all it called offline."""
    watch = watch or Watch()
    found: list[str] = []
    for step in range(int(seconds // 5) + 1):
        with clock.shifted(5 * step):
            found += watch.look()
    return found


def test_a_machine_that_falls_silent_is_offline_within_20_seconds(machine: VirtualMachine) -> None:
    Instance.current()
    watch = Watch()
    looked_for(30, watch)  # a watcher that has been at work for a while
    with clock.shifted(30):
        machine.receive_heartbeat(heartbeat(2, status="running"))
    found: list[str] = []
    for seconds in (35, 40, 44):
        with clock.shifted(seconds):
            found += watch.look()
    assert found == []
    with clock.shifted(49):
        assert watch.look() == [machine.machine_id]
    row = VirtualMachine.objects.get(pk=machine.pk)
    assert (row.status, row.connection_status) == ("offline", "disconnected")
    transition = Transition.objects.order_by("-id")[0]
    assert (transition.old_status, transition.new_status, transition.cause) == ("running", "offline", "silence")
    assert LiveEvent.objects.order_by("-id")[0].data["status"] == "offline"


def test_it_is_told_once(machine: VirtualMachine) -> None:
    assert looked_for(60) == [machine.machine_id]


def test_a_watcher_that_was_away_waits_a_full_period(machine: VirtualMachine) -> None:
    Instance.current()
    watch = Watch()
    watch.look()
    with clock.shifted(100):
        assert watch.look() == []
    with clock.shifted(110):
        assert watch.look() == []
    with clock.shifted(115.1):
        assert watch.look() == [machine.machine_id]


def test_after_a_new_start_of_the_service_it_waits_a_full_period(machine: VirtualMachine) -> None:
    watch = Watch()
    for seconds in (0, 10):
        with clock.shifted(seconds):
            watch.look()
    with clock.shifted(16):
        Instance.renew()
        assert watch.look() == []
    with clock.shifted(30):
        assert watch.look() == []
    with clock.shifted(31.1):
        assert watch.look() == [machine.machine_id]


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_clock_that_is_set_makes_nobody_silent(
    machine: VirtualMachine, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()
    found: list[str] = []
    for seconds in (0, 5, 10, 15, 20):
        with clock.shifted(seconds):
            machine.receive_heartbeat(heartbeat(2 + seconds, status="running"))
            found += watch.look()
    real = clock.wall
    monkeypatch.setattr("api.clock.wall", lambda: real() + timedelta(seconds=step))
    for seconds in (25, 30, 35, 40, 45, 50):
        with clock.shifted(seconds):
            found += watch.look()
            machine.receive_heartbeat(heartbeat(2 + seconds, status="running"))
    assert found == []
    with clock.shifted(55):
        assert watch.look() == []
    with clock.shifted(64):
        assert watch.look() == []
    with clock.shifted(66):
        assert watch.look() == [machine.machine_id]


def test_one_that_fell_silent_as_the_clock_was_set_back_is_found(
    machine: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()
    looked_for(30, watch)
    with clock.shifted(30):
        machine.receive_heartbeat(heartbeat(2, status="running"))
    real = clock.wall
    monkeypatch.setattr("api.clock.wall", lambda: real() - timedelta(hours=5))
    found: list[str] = []
    for seconds in (32, 40, 46, 48):
        with clock.shifted(seconds):
            found += watch.look()
    assert found == [machine.machine_id]


def test_one_that_said_goodbye_is_not_missed(machine: VirtualMachine) -> None:
    machine.receive_goodbye(goodbye(2))
    assert looked_for(60) == []


def test_a_retired_one_is_not_missed(machine: VirtualMachine) -> None:
    machine.retire(by=Actor("user", "ana"), reason="sold")
    assert looked_for(60) == []


def test_one_never_heard_of_is_not_missed() -> None:
    make_machine()
    assert looked_for(60) == []


def test_one_in_maintenance_stays_in_maintenance_and_is_disconnected(machine: VirtualMachine) -> None:
    machine.maintain(True, by=Actor("user", "ana"), reason="cleaning")
    assert looked_for(60) == [machine.machine_id]
    row = VirtualMachine.objects.get(pk=machine.pk)
    assert (row.status, row.connection_status) == ("maintenance", "disconnected")


def test_one_that_speaks_again_is_back(machine: VirtualMachine) -> None:
    looked_for(60)
    with clock.shifted(61):
        machine.receive_heartbeat(heartbeat(2, status="running"))
    assert VirtualMachine.objects.get(pk=machine.pk).is_running()


def test_one_that_spoke_meanwhile_is_left_alone(machine: VirtualMachine) -> None:
    read_before = VirtualMachine.objects.get(pk=machine.pk)
    with clock.shifted(1):
        machine.receive_heartbeat(heartbeat(2, status="running"))
    assert not call_offline(read_before)
    assert VirtualMachine.objects.get(pk=machine.pk).is_connected()


@pytest.mark.django_db(transaction=True)
def test_of_many_watchers_one_calls_it_offline() -> None:
    machine = make_machine()
    machine.receive_heartbeat(heartbeat(status="running"))
    ready = threading.Barrier(4)
    won: list[bool] = []

    def call() -> None:
        row = VirtualMachine.objects.get(pk=machine.pk)
        ready.wait(30)
        try:
            won.append(call_offline(row))
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(won) == [False, False, False, True]
    assert Transition.objects.filter(cause="silence").count() == 1


def test_an_instance_is_the_same_until_it_is_renewed() -> None:
    first = Instance.current()
    assert Instance.current().instance_id == first.instance_id
    assert Instance.renew().instance_id != first.instance_id
    assert Instance.objects.count() == 1
