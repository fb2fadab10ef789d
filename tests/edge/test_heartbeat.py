"""Heartbeats at the door: the machine's state follows the newest one, births open epochs, marks are compared."""

from __future__ import annotations

import random

from api.models import Instance, VirtualMachine
from results.models import MachineEpoch
from tests.edge.caller import EPOCH, Door

OTHER = "cd" * 16


def test_a_birth_is_answered_with_what_the_machine_needs_to_go_on(door: Door) -> None:
    status, answer = door.beat(birth=True, marks=[{"epoch": EPOCH, "epoch_no": 1, "mark": 0}])
    assert status == 200
    assert answer["instance_id"] == Instance.current().instance_id
    assert (answer["desired_version"], answer["stale"], answer["marks"]) == (0, False, [])


def test_the_machine_says_what_it_is(door: Door, machine: VirtualMachine) -> None:
    door.beat(status="running")
    machine.refresh_from_db()
    assert machine.is_running()
    assert machine.is_connected()


def test_late_and_doubled_heartbeats_change_nothing(door: Door, machine: VirtualMachine, seed: int) -> None:
    numbers = list(range(1, 31)) * 2
    random.Random(seed).shuffle(numbers)
    newest = late = 0
    for number in numbers:
        status, answer = door.beat(number, status="error", error_message=f"word {number}")
        assert status == 200
        assert answer["stale"] == (number <= newest)
        late += answer["stale"]
        newest = max(newest, number)
        machine.refresh_from_db()
        assert (machine.error_message, machine.stale_heartbeats) == (f"word {newest}", late)


def test_a_late_heartbeat_of_an_earlier_epoch_changes_nothing(door: Door, machine: VirtualMachine) -> None:
    door.beat(9, epoch=EPOCH, epoch_no=1)
    door.beat(1, epoch=OTHER, epoch_no=2, status="running")
    assert door.beat(10, epoch=EPOCH, epoch_no=1, status="stopped")[1]["stale"] is True
    machine.refresh_from_db()
    assert machine.is_running()


def test_an_epoch_that_is_not_above_the_highest_is_told_the_highest(door: Door) -> None:
    door.beat(1, epoch=EPOCH, epoch_no=7)
    status, answer = door.beat(1, epoch=OTHER, epoch_no=7, birth=True)
    assert status == 409
    assert answer["error"]["details"] == {"highest": 7}
    assert door.beat(1, epoch=OTHER, epoch_no=8, birth=True)[0] == 200


def test_a_birth_said_twice_is_no_second_epoch(door: Door, machine: VirtualMachine) -> None:
    for _ in range(2):
        assert door.beat(1, birth=True)[0] == 200
    assert MachineEpoch.objects.filter(machine=machine).count() == 1


def test_marks_that_differ_are_answered_and_others_not(door: Door, machine: VirtualMachine) -> None:
    door.beat(1)
    door.batch([{"seq": 1, "kind": "event", "body": {"code": "source_lost", "wall": "w"}}])
    marks = [{"epoch": EPOCH, "epoch_no": 1, "mark": 1}, {"epoch": OTHER, "epoch_no": 2, "mark": 40, "last": 50}]
    _status, answer = door.beat(2, marks=marks)
    assert [(mark["epoch"], mark["mark"]) for mark in answer["marks"]] == [(OTHER, 0)]


def test_another_instance_wants_all_marks(door: Door) -> None:
    _status, first = door.beat(1, instance_id=Instance.current().instance_id)
    assert first["want_marks"] is False
    before = Instance.current().instance_id
    Instance.renew()
    _status, second = door.beat(2, instance_id=before)
    assert second["want_marks"] is True
    assert second["instance_id"] != before


def test_the_month_of_an_epoch_is_set_once(door: Door, machine: VirtualMachine) -> None:
    from api import clock

    door.beat(1)
    month = MachineEpoch.objects.get(machine=machine).month
    with clock.shifted(40 * 24 * 3600):
        door.beat(2)
        assert MachineEpoch.objects.get(machine=machine).month == month


def test_goodbye_is_a_planned_leave(door: Door, machine: VirtualMachine) -> None:
    door.beat(1, status="running")
    status, _answer = door.call("POST", "goodbye", {"epoch": EPOCH, "epoch_no": 1, "hb_seq": 2})
    machine.refresh_from_db()
    assert status == 200
    assert not machine.is_connected()
    assert machine.left_at is not None


def test_a_known_epoch_with_another_number_is_refused(door: Door, machine: VirtualMachine) -> None:
    door.beat(1, epoch=EPOCH, epoch_no=1)
    status, answer = door.beat(2, epoch=EPOCH, epoch_no=5, status="running")
    assert (status, answer["error"]["code"]) == (409, "epoch_number")
    machine.refresh_from_db()
    assert (machine.epoch_no, machine.status) == (1, "stopped")


def test_a_birth_whose_earlier_epoch_has_the_number_of_another_is_told_the_highest(door: Door) -> None:
    door.beat(1, epoch=EPOCH, epoch_no=5)
    earlier = {"epoch": "12" * 16, "epoch_no": 5, "mark": 0}
    status, answer = door.beat(1, epoch=OTHER, epoch_no=6, birth=True, marks=[earlier])
    assert (status, answer["error"]["details"]) == (409, {"highest": 5})
    again = {**earlier, "epoch_no": 6}
    assert door.beat(1, epoch=OTHER, epoch_no=7, birth=True, marks=[again])[0] == 200
    numbers = MachineEpoch.objects.order_by("epoch_no").values_list("epoch_no", flat=True)
    assert list(numbers) == [5, 6, 7]


def test_a_text_with_a_nul_is_told_and_stops_no_heartbeat(door: Door, machine: VirtualMachine) -> None:
    warnings = ["a\x00", "\\u0000 as it is written"]
    status, _answer = door.beat(1, status="error", error_message="lens\x00cap", warnings=warnings)
    machine.refresh_from_db()
    assert status == 200
    assert machine.error_message == "lens\ufffdcap"
    assert machine.reported["warnings"] == ["a\ufffd", "\\u0000 as it is written"]
