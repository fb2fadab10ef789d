"""Batches, quarantine, pictures, live frames and command reports at the door."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from api import clock
from api.models import Command, LiveEvent, VirtualMachine
from audit import Actor
from edge import live
from results.models import IngestConflict, InspectionResult, Quarantined, StoredPicture
from tests.edge.caller import EPOCH, Door
from tests.results.records import verdict

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 1000


def name(data: bytes) -> str:
    """Return a picture's SHA-256."""
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def aside(door: Door, seq: int, raw: bytes, epoch: str = EPOCH) -> tuple[int, Any]:
    """Send one unreadable record."""
    return door.call("POST", f"quarantine?epoch={epoch}&seq={seq}", raw, Content_Type="application/octet-stream")


def test_a_batch_is_answered_with_its_mark(door: Door) -> None:
    status, answer = door.batch([verdict(1), verdict(2), verdict(4)])
    assert (status, answer["high_water_mark"], answer["missing"]) == (200, 2, [[3, 3]])


def test_a_batch_may_come_before_the_birth_of_its_epoch(door: Door) -> None:
    assert door.batch([verdict(1)])[0] == 200
    assert door.beat(1, birth=True)[0] == 200


def test_a_batch_tells_the_pages_once(door: Door) -> None:
    door.batch([verdict(1), verdict(2, "nok")])
    told = LiveEvent.objects.get(topic="machine:vm_001")
    newest = InspectionResult.objects.get(seq=2)
    assert told.data == {"what": "result", "count": 2, "events": 0, "id": newest.pk, "verdict": "nok", "cycle": 2}


@pytest.mark.parametrize("poison", [b"\xff\xfe not UTF-8", b'{"seq": NaN}', b"[" * 100_000, b"x" * 5_000_000])
def test_a_record_no_door_can_read_fills_its_number(door: Door, poison: bytes) -> None:
    good = [verdict(seq) for seq in range(1, 100) if seq != 50]
    assert door.batch(good)[1]["high_water_mark"] == 49
    status, answer = aside(door, 50, poison)
    assert (status, answer["high_water_mark"], answer["missing"]) == (200, 99, [])
    kept = Quarantined.objects.get()
    assert (bytes(kept.raw), kept.size, kept.cut) == (poison[:65536], len(poison), len(poison) > 65536)
    assert kept.sha256 == hashlib.sha256(poison).hexdigest()


def test_quarantine_said_twice_is_one_row(door: Door) -> None:
    door.beat(1)
    assert aside(door, 1, b"x")[1] | {"server_time": ""} == aside(door, 1, b"x")[1] | {"server_time": ""}
    assert Quarantined.objects.count() == 1


def test_quarantine_never_takes_the_number_of_a_stored_record(door: Door) -> None:
    door.batch([verdict(1)])
    answer = aside(door, 1, b"something else")[1]
    assert [refusal["code"] for refusal in answer["refusals"]] == ["conflict"]
    assert (InspectionResult.objects.count(), Quarantined.objects.count(), IngestConflict.objects.count()) == (1, 0, 1)


@pytest.mark.parametrize("seq", ["", "0", "-1", "x", "1.5", str(2**60)])
def test_quarantine_wants_a_number(door: Door, seq: str) -> None:
    door.beat(1)
    assert door.call("POST", f"quarantine?epoch={EPOCH}&seq={seq}", b"x")[0] == 400


def test_a_restored_orchestrator_learns_old_epochs_from_the_marks(door: Door) -> None:
    old = "cd" * 16
    door.beat(1, epoch_no=5, marks=[{"epoch": old, "epoch_no": 4, "mark": 9, "last": 9}])
    assert aside(door, 1, b"poison", epoch=old)[0] == 200


def test_a_picture_is_stored_once_and_repeats_are_fine(door: Door) -> None:
    assert door.call("PUT", f"images/{name(JPEG)}", JPEG, Content_Type="image/jpeg")[0] == 201
    assert door.call("PUT", f"images/{name(JPEG)}", JPEG, Content_Type="image/jpeg")[0] == 200
    assert StoredPicture.objects.get().size == len(JPEG)


def test_a_picture_under_a_wrong_name_is_refused(door: Door) -> None:
    status, answer = door.call("PUT", "images/" + "0" * 64, JPEG, Content_Type="image/jpeg")
    assert (status, answer["error"]["code"]) == (400, "wrong_picture")
    assert StoredPicture.objects.count() == 0


@pytest.mark.parametrize("path", ["images/..%2f..%2fetc", "images/" + "A" * 64, "images/" + "a" * 63, "images/"])
def test_a_name_that_is_no_hash_leads_nowhere(door: Door, path: str) -> None:
    from django.test import Client

    assert Client().put(f"/edge/v1/{path}", JPEG, headers={"Authorization": f"Bearer {door.token}"}).status_code == 404


def test_a_live_picture_is_taken_only_while_somebody_looks(machine: VirtualMachine, door: Door) -> None:
    assert door.call("PUT", "live", JPEG, Content_Type="image/jpeg")[1] == {"watched": False}
    assert live.latest(machine) is None
    live.watch(machine)
    assert door.call("PUT", "live", JPEG, Content_Type="image/jpeg")[1]["watched"] is True
    newest = live.latest(machine)
    assert newest is not None
    assert newest.jpeg == JPEG


def test_a_live_form_carries_what_to_draw(machine: VirtualMachine, door: Door) -> None:
    live.watch(machine)
    shape = {"shape": "cross", "at": {"x": 3, "y": 4}}
    said = {"cycle": 7, "verdict": "nok", "overlay": [{"tool_id": 1, "role": "found", "shape": shape}]}
    line = b"\r\n"
    parts = [
        b"--edge", b'Content-Disposition: form-data; name="live"', b"", json.dumps(said).encode(),
        b"--edge", b'Content-Disposition: form-data; name="frame"; filename="f.jpg"', b"Content-Type: image/jpeg", b"", JPEG,
        b"--edge--", b"",
    ]  # fmt: skip
    status, _answer = door.call("PUT", "live", line.join(parts), Content_Type="multipart/form-data; boundary=edge")
    newest = live.latest(machine)
    assert status == 200
    assert newest is not None
    assert (newest.jpeg, newest.frame.cycle, len(newest.frame.overlay)) == (JPEG, 7, 1)
    told = LiveEvent.objects.filter(data__what="frame").get().data
    assert (told["number"], told["cycle"]) == (newest.number, 7)
    assert "overlay" not in told


@pytest.mark.parametrize("raw", [b"", b"GIF89a", b"<html>"])
def test_a_live_picture_that_is_none_is_refused(machine: VirtualMachine, door: Door, raw: bytes) -> None:
    live.watch(machine)
    assert door.call("PUT", "live", raw, Content_Type="image/jpeg")[0] == 415


def test_heartbeats_say_whether_somebody_looks(machine: VirtualMachine, door: Door) -> None:
    assert door.beat(1)[1]["watched"] is False
    live.watch(machine)
    assert door.beat(2)[1]["watched"] is True


def asked(machine: VirtualMachine, door: Door) -> Command:
    """Return a command the machine was asked."""
    door.beat(1, status="running")
    machine.refresh_from_db()
    return machine.command("trigger", Actor("system", "test"), {}, 10)


def test_a_command_waits_until_it_is_reported(machine: VirtualMachine, door: Door) -> None:
    command = asked(machine, door)
    assert door.beat(2)[1]["commands_waiting"] is True
    assert [waiting["id"] for waiting in door.call("GET", "desired")[1]["commands"]] == [str(command.id)]
    assert door.call("POST", f"commands/{command.id}", {"state": "started"}) == (
        200,
        {"state": "started", "taken": True},
    )
    assert door.call("GET", "desired")[1]["commands"] == []
    assert door.call("POST", f"commands/{command.id}", {"state": "done", "result": {"n": 1}})[1]["taken"] is True


def test_a_command_is_settled_once(machine: VirtualMachine, door: Door) -> None:
    command = asked(machine, door)
    door.call("POST", f"commands/{command.id}", {"state": "done"})
    assert door.call("POST", f"commands/{command.id}", {"state": "failed"})[1]["taken"] is False
    command.refresh_from_db()
    assert command.state == "done"


def test_a_command_nobody_took_expires(machine: VirtualMachine, door: Door) -> None:
    command = asked(machine, door)
    with clock.shifted(11):
        assert door.call("GET", "desired")[1]["commands"] == []
        assert Command.expire() == 1
    command.refresh_from_db()
    assert command.state == "expired"
