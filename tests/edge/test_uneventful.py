"""Heartbeats that change nothing are taken together; what is kept, told and answered is what the long way keeps, tells and answers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from api import bus, clock
from api.models import LiveEvent, Transition, VirtualMachine, VMHeartbeat
from edge import uneventful
from edge.models import MachineToken
from edge.uneventful import Call
from tests.edge.caller import EPOCH, Door

OTHER = "cd" * 16


def call(door: Door, number: int, **more: Any) -> Call:
    said = {"epoch": EPOCH, "epoch_no": 1, "hb_seq": number, "wall": "w", "status": "stopped", "mode": "TESTE"} | more
    return Call(f"Bearer {door.token}", json.dumps(said).encode())


def taken(door: Door, number: int, **more: Any) -> dict[str, Any] | None:
    return uneventful.take([call(door, number, **more)])[0]


def told_of(machine: VirtualMachine) -> dict[str, Any]:
    row = VirtualMachine.objects.filter(pk=machine.pk).values().get()
    own = {"id", "machine_id", "name", "created_at", "updated_at"}
    return {name: value for name, value in row.items() if name not in own}


def samples(machine: VirtualMachine) -> list[dict[str, Any]]:
    rows = VMHeartbeat.objects.filter(virtual_machine=machine).order_by("id").values()
    return [{name: value for name, value in row.items() if name not in {"id", "virtual_machine_id"}} for row in rows]


def news(machine: VirtualMachine) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in event.data.items() if name != "id"}
        for event in LiveEvent.objects.filter(topic=machine.topic).order_by("id")
    ]


def test_a_machine_cannot_tell_which_way_its_heartbeats_went(make: Callable[[str], VirtualMachine], seed: int) -> None:
    chance = random.Random(seed)
    short, long = make("vm_short"), make("vm_long")
    quick, slow = (Door(MachineToken.issue(machine).text) for machine in (short, long))
    went_quick, number = 0, 1
    with clock.still():
        for step in range(60):
            number += chance.choice([1, 1, 1, 1, 0, -1, 3])
            more: dict[str, Any] = {
                "status": chance.choice(["running"] * 8 + ["stopped", "error"]),
                "mode": chance.choice(["PRODUCAO"] * 15 + ["TESTE"]),
                "fps": chance.choice([9.75, 1e16, 0.1]),
                "warnings": chance.choice([[], ["câmera — lenta"]]),
                "applied": {"error": chance.choice(["", "", "é"])},
                "health": {"cpu_usage": float(step)},
            }
            with clock.shifted(step * 17.0):
                answer = taken(quick, max(1, number), **more)
                went_quick += answer is not None
                if answer is None:
                    _status, answer = quick.beat(max(1, number), wall="w", **more)
                _status, other = slow.beat(max(1, number), wall="w", **more)
                assert answer == other
            assert told_of(short) == told_of(long)
    assert samples(short) == samples(long)
    assert news(short) == news(long)
    assert went_quick > 10


def test_of_many_machines_one_look_and_one_commit(make: Callable[[str], VirtualMachine]) -> None:
    doors = [Door(MachineToken.issue(make(f"vm_{number}")).text) for number in range(8)]
    for door in doors:
        door.beat(1)
    # Many rows written by one statement count once each, where the driver sends them one by one.
    with CaptureQueriesContext(connection) as asked:
        answers = uneventful.take([call(door, 2) for door in doors])
    assert all(answer is not None and not answer["stale"] for answer in answers)
    words = [query["sql"].split()[0] for query in asked if "SAVEPOINT" not in query["sql"]]
    assert words.count("SELECT") == 1
    assert words.count("INSERT") == 1
    assert VMHeartbeat.objects.count() == 8
    assert set(VirtualMachine.objects.values_list("hb_seq", flat=True)) == {2}


def test_a_revoked_token_is_dead_at_once(door: Door, machine: VirtualMachine) -> None:
    door.beat(1)
    assert taken(door, 2) is not None
    MachineToken.objects.get(machine=machine).revoke()
    assert taken(door, 3) is None
    assert door.beat(3)[0] == 401


def test_a_retired_machine_and_one_that_left_go_the_long_way(door: Door, machine: VirtualMachine) -> None:
    door.beat(1)
    door.call("POST", "goodbye", {"epoch": EPOCH, "epoch_no": 1, "hb_seq": 2})
    assert taken(door, 3) is None
    assert door.beat(3)[0] == 200
    assert taken(door, 4) is not None
    machine.retire(by=machine.owner.actor(), reason="r")
    assert taken(door, 5) is None


@pytest.mark.parametrize(
    "more",
    [
        {"status": "running"},
        {"error_message": "no camera"},
        {"birth": True},
        {"marks": [{"epoch": EPOCH, "epoch_no": 1, "mark": 0}]},
        {"hb_seq": 1},
        {"epoch": OTHER, "epoch_no": 2},
        {"epoch_no": 2},
        {"recipe_sha256": "e" * 64},
        {"applied": {"running_version": 3}},
        {"applied": {"state": "rejected"}},
        {"fps": 1e400},
        {"nobody_knows": 1},
    ],
)
def test_what_is_more_than_a_sign_of_life_goes_the_long_way(
    door: Door, machine: VirtualMachine, more: dict[str, Any]
) -> None:
    door.beat(1)
    before = told_of(machine)
    assert taken(door, 2, **more) is None
    assert told_of(machine) == before


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"[" * 100_000, b'{"a": NaN}', b"\xff", b'{"error_message": "\\ud800"}', b"1" * 5000],
)
def test_what_cannot_be_read_is_left_to_the_long_way(door: Door, body: bytes) -> None:
    door.beat(1)
    assert uneventful.take([Call(f"Bearer {door.token}", body)]) == [None]


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer alm_x", "Basic eA=="])
def test_without_a_token_nothing_is_asked_of_the_database(authorization: str) -> None:
    assert uneventful.take([Call(authorization, b"{}")]) == [None]


def test_somebody_elses_secret_with_this_prefix_is_refused(door: Door, make: Callable[[str], VirtualMachine]) -> None:
    door.beat(1)
    MachineToken.objects.update(sha256="0" * 64)
    assert taken(door, 2) is None


def test_of_a_machine_that_is_there_twice_the_second_is_compared_with_the_first(
    door: Door, machine: VirtualMachine
) -> None:
    door.beat(1)
    first, second = uneventful.take([call(door, 3), call(door, 2)])
    assert first is not None
    assert second is None
    assert door.beat(2)[1]["stale"] is True


def test_in_maintenance_a_heartbeat_changes_nothing(door: Door, machine: VirtualMachine) -> None:
    door.beat(1)
    machine.refresh_from_db()
    machine.maintain(True, by=machine.owner.actor(), reason="r")
    assert taken(door, 2) is not None
    machine.refresh_from_db()
    assert machine.status == "maintenance"
    assert Transition.objects.filter(machine=machine).count() == 2


def test_where_the_database_fails_none_is_answered_and_nothing_is_written(
    door: Door, machine: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.beat(1)

    def full(_news: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(bus, "publish_all", full)
    assert taken(door, 2) is None
    machine.refresh_from_db()
    assert machine.hb_seq == 1
