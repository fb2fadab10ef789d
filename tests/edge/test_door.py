"""The door itself: who may come in, what is too large or malformed, and the one shape of every refusal."""

from __future__ import annotations

import random
from typing import Any

import pytest

from analyticlens.protocol.errors import ErrorAnswer
from api.models import Command, VirtualMachine
from edge.models import MachineToken
from results.models import InspectionResult, MachineEpoch
from tests.edge.caller import EPOCH, Door

CALLS = [
    ("POST", "token"),
    ("POST", "heartbeat"),
    ("POST", "goodbye"),
    ("GET", "desired"),
    ("PUT", "desired"),
    ("POST", "batches"),
    ("POST", f"quarantine?epoch={EPOCH}&seq=1"),
    ("PUT", "images/" + "ab" * 32),
    ("PUT", "live"),
    ("POST", "commands/8a1f4f6e-1c1b-4d0c-9e0e-0d9e2f1f7a11"),
]
JSON_CALLS = ["enrol", "heartbeat", "goodbye", "batches", "commands/8a1f4f6e-1c1b-4d0c-9e0e-0d9e2f1f7a11"]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("token", ["", "nonsense", "alm_" + "0" * 12 + "_" + "a" * 43 + "_" + "0" * 8])
def test_no_call_works_without_a_good_token(machine: VirtualMachine, method: str, path: str, token: str) -> None:
    status, answer = Door(token).call(method, path)
    assert (status, answer["error"]["code"]) == (401, "bad_token")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_retired_machine_finds_the_door_closed(machine: VirtualMachine, door: Door, method: str, path: str) -> None:
    VirtualMachine.objects.update(is_active=False)
    status, answer = door.call(method, path)
    assert (status, answer["error"]["code"]) == (403, "retired")


@pytest.mark.parametrize("path", [*JSON_CALLS, "token", "desired", "live", "images/" + "ab" * 32])
def test_another_method_is_refused(door: Door, path: str) -> None:
    status, answer = door.call("DELETE", path)
    assert (status, answer["error"]["code"]) == (405, "method_not_allowed")


MALFORMED = {
    "nothing": b" ",
    "no JSON": b"{",
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "NaN": b'{"epoch_no": NaN}',
    "an infinite number": b'{"epoch_no": 1e999}',
    "a doubled key": b'{"epoch": "a", "epoch": "b"}',
    "nested without end": b"[" * 10_000,
    "a lone surrogate": b'{"epoch": "\\ud800"}',
    "a list": b"[]",
    "an unknown key": b'{"surprise": 1}',
    "a number of a million digits": b'{"epoch_no": ' + b"9" * 60_000 + b"}",
}


@pytest.mark.parametrize("path", JSON_CALLS)
@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body_is_a_bad_request(door: Door, path: str, raw: bytes) -> None:
    status, answer = door.call("POST", path, raw)
    assert status == 400
    ErrorAnswer.model_validate(answer)


def test_drawn_nonsense_never_breaks_the_door(door: Door, seed: int) -> None:
    draw = random.Random(seed)
    good = {
        "epoch": EPOCH,
        "epoch_no": 1,
        "hb_seq": 1,
        "wall": "w",
        "status": "stopped",
        "mode": "TESTE",
        "records": [],
    }
    values: list[Any] = [None, True, -1, 2**70, 1.5, "", "x" * 300, [], {}, [1], {"a": 1}, "\x00", "ok", EPOCH]
    for _ in range(150):
        body = {key: draw.choice(values) if draw.random() < 0.3 else value for key, value in good.items()}
        path = draw.choice(["heartbeat", "goodbye", "batches", "enrol"])
        status, answer = door.call("POST", path, body)
        assert status < 500, (path, body)
        if status >= 400:
            ErrorAnswer.model_validate(answer)


@pytest.mark.parametrize(("path", "size"), [("heartbeat", 300_000), ("batches", 1_100_000), ("enrol", 70_000)])
def test_a_body_over_its_limit_is_refused(door: Door, path: str, size: int) -> None:
    status, answer = door.call("POST", path, b'{"a": "' + b"x" * size + b'"}')
    assert (status, answer["error"]["code"]) == (413, "too_large")
    assert answer["error"]["details"]["limit"] < size


def test_a_page_cannot_send_json_as_plain_text(door: Door) -> None:
    status, answer = door.call("POST", "heartbeat", b"{}", Content_Type="text/plain")
    assert (status, answer["error"]["code"]) == (415, "not_json")


def test_a_batch_longer_than_allowed_is_refused(door: Door) -> None:
    assert door.batch([{"seq": n, "kind": "event", "body": {}} for n in range(1, 502)])[0] == 400


def test_a_token_reaches_its_own_machine_alone(machine: VirtualMachine, door: Door, make: Any) -> None:
    other = make("vm_002")
    stranger = Door(MachineToken.issue(other).text)
    door.beat(1, status="running")
    door.batch([{"seq": 1, "kind": "event", "body": {"code": "source_lost", "wall": "w"}}])
    asked = Command.objects.create(machine=machine, kind="trigger", author="a", expires_at=machine.created_at)
    assert stranger.call("POST", f"commands/{asked.id}", {"state": "done"})[0] == 404
    assert stranger.call("POST", f"quarantine?epoch={EPOCH}&seq=2", b"x", Content_Type="text/plain")[0] == 404
    assert stranger.call("GET", "desired")[1]["commands"] == []
    status, answer = stranger.batch([{"seq": 1, "kind": "event", "body": {"code": "child_killed", "wall": "w"}}])
    assert (status, answer["refusals"]) == (200, [])
    asked.refresh_from_db()
    assert asked.state == "queued"
    assert MachineEpoch.objects.filter(machine=other).count() == 1
    assert InspectionResult.objects.count() == 0


def test_an_answer_is_not_stored_and_leaks_no_path(door: Door) -> None:
    status, answer = door.call("POST", "heartbeat", {"epoch": 1})
    assert status == 400
    assert "/" not in answer["error"]["message"]
