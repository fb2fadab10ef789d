"""Late heartbeats: history of a time when a machine was cut off; nothing of it changes what the machine is."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from api.models import LiveEvent, Transition, VirtualMachine, VMHeartbeat
from edge.models import MachineToken
from tests.edge.caller import EPOCH, Door

OTHER = "cd" * 16


def said(number: int, epoch: str = EPOCH, epoch_no: int = 1, **more: Any) -> dict[str, Any]:
    known = {"epoch": epoch, "epoch_no": epoch_no, "hb_seq": number, "wall": f"clock {number}", "status": "error"}
    return {**known, "mode": "TESTE", "error_message": "cut off", **more}


def hand_in(door: Door, *heartbeats: Any) -> tuple[int, Any]:
    return door.call("POST", "heartbeats", {"heartbeats": list(heartbeats)})


def living(machine: VirtualMachine) -> dict[str, Any]:
    return dict(VirtualMachine.objects.filter(pk=machine.pk).values().get())


def late(machine: VirtualMachine) -> list[int]:
    rows = VMHeartbeat.objects.filter(virtual_machine=machine, late=True)
    return list(rows.order_by("id").values_list("hb_seq", flat=True))


def test_they_are_kept_in_their_order_and_change_nothing_else(door: Door, machine: VirtualMachine, seed: int) -> None:
    door.beat(200, status="running")
    before, told, changes = living(machine), LiveEvent.objects.count(), Transition.objects.count()
    # Some are above the living one's number, as if that had been lost.
    numbers = random.Random(seed).sample([n for n in range(150, 251) if n != 200], 100)
    status, answer = hand_in(door, *(said(number, fps=number / 10) for number in numbers))
    assert (status, answer) == (200, {"stored": 100, "known": 0, "refused": []})
    assert late(machine) == sorted(numbers)
    assert (living(machine), LiveEvent.objects.count(), Transition.objects.count()) == (before, told, changes)
    row = VMHeartbeat.objects.get(hb_seq=199)
    assert (row.wall, row.status, row.connection_status) == ("clock 199", "error", "disconnected")
    assert row.performance_metrics["fps_current"] == 19.9
    # Our clock says when it came, whatever the machine's says.
    assert row.timestamp >= VMHeartbeat.objects.get(hb_seq=200).timestamp


def test_the_same_again_changes_nothing(door: Door, machine: VirtualMachine) -> None:
    door.beat(5)
    assert hand_in(door, said(1), said(2), said(2, error_message="another"))[1]["stored"] == 2
    rows = list(VMHeartbeat.objects.order_by("id").values())
    answer = hand_in(door, said(2, error_message="another"), said(1), said(5))[1]
    assert (answer["stored"], answer["known"]) == (0, 3)
    assert list(VMHeartbeat.objects.order_by("id").values()) == rows


def test_bad_ones_are_refused_one_by_one(door: Door, machine: VirtualMachine) -> None:
    door.beat(9)
    bad: list[Any] = [
        said(1, status="flying"),
        "no heartbeat",
        said(2, nobody_knows=1),
        said(3, epoch=OTHER, epoch_no=1),
        said(4, epoch_no=2),
        said(5, fps="1e400"),
        said(6, wall="\ud800"),
        said(6, error_message="a\x00"),
        None,
    ]
    raw = json.dumps({"heartbeats": [*bad, said(7)]}).replace('"1e400"', "1e400")
    status, answer = door.call("POST", "heartbeats", raw.encode())
    assert status == 200
    assert [refusal["index"] for refusal in answer["refused"]] == list(range(len(bad)))
    assert all(refusal["message"] for refusal in answer["refused"])
    assert (answer["stored"], late(machine)) == (1, [7])


def test_epochs_are_the_machines_own(door: Door, make: Callable[[str], VirtualMachine]) -> None:
    stranger = make("vm_002")
    other = Door(MachineToken.issue(stranger).text)
    other.beat(1, epoch=OTHER)
    door.beat(1)
    assert hand_in(door, said(7, epoch=OTHER))[1]["stored"] == 0
    assert hand_in(other, said(7, epoch=OTHER))[1]["stored"] == 1
    assert late(stranger) == [7]


def test_of_several_epochs_the_earlier_comes_first(door: Door, machine: VirtualMachine) -> None:
    door.beat(1, epoch=EPOCH, epoch_no=1)
    door.beat(1, epoch=OTHER, epoch_no=2)
    hand_in(door, said(3, epoch=OTHER, epoch_no=2), said(8), said(4))
    assert late(machine) == [4, 8, 3]


def test_a_hundred_at_once_and_no_more(door: Door) -> None:
    door.beat(1)
    assert hand_in(door)[0] == 400
    assert hand_in(door, *(said(number) for number in range(2, 103)))[0] == 400
    assert door.call("POST", "heartbeats", {"heartbeats": [said(2)], "more": 1})[0] == 400
    assert door.call("GET", "heartbeats")[0] == 405


def test_a_revoked_token_keeps_nothing(door: Door, machine: VirtualMachine) -> None:
    door.beat(1)
    MachineToken.objects.get(machine=machine).revoke()
    assert hand_in(door, said(2))[0] == 401
    assert late(machine) == []


def test_a_living_heartbeat_that_was_handed_in_before_counts_and_is_one_row(
    door: Door, machine: VirtualMachine
) -> None:
    door.beat(1)
    hand_in(door, said(2))
    assert door.beat(2, status="running")[1]["stale"] is False
    machine.refresh_from_db()
    assert machine.is_running()
    assert VMHeartbeat.objects.filter(hb_seq=2).count() == 1
