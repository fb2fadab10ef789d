"""What a machine that is cut off would have said comes afterwards, a minute apart, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from analyticlens.machine import clock
from analyticlens.machine.link import missed, worker
from analyticlens.machine.link.missed import Missed
from analyticlens.machine.station import Station
from analyticlens.protocol.heartbeat import Heartbeat
from tests.machine.conftest import MakeStation
from tests.machine.door import TOKEN, FakeDoor, answers, cut

Until = Callable[..., Any]
EPOCH = "ab" * 16


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off briefly, and keep one of all that fail."""
    monkeypatch.setattr(worker, "FIRST_BACKOFF", 0.02)
    monkeypatch.setattr(missed, "EVERY_SECONDS", 0.0)


@pytest.fixture
def linked(make_station: MakeStation, door: FakeDoor, tmp_path: Any) -> Station:
    """Return a station that has its token and is connected."""
    (tmp_path / "door_token").write_text(TOKEN)
    return make_station(django_url=door.url)


def connected(station: Station) -> bool:
    return station.status().connection_status == "connected"


def beat(number: int, **more: Any) -> Heartbeat:
    said = {"epoch": EPOCH, "epoch_no": 1, "hb_seq": number, "wall": "w", "status": "stopped", "mode": "TESTE"}
    return Heartbeat.model_validate(said | more)


def numbers(kept: Missed) -> list[int]:
    return [said.hb_seq for said in kept._kept]


def test_what_was_not_heard_is_handed_in(linked: Station, door: FakeDoor, until: Until) -> None:
    until(lambda: connected(linked))
    door.down = True
    until(lambda: not connected(linked))
    failed = len(door.called("heartbeat"))
    until(lambda: len(door.called("heartbeat")) >= failed + 3)
    door.down = False
    until(lambda: len(door.late) >= 3)
    kept = [said["hb_seq"] for said in door.late]
    assert kept == sorted(set(kept))
    assert all(not said["birth"] and not said["marks"] for said in door.late)


def test_an_answer_that_was_lost_is_asked_for_again(linked: Station, door: FakeDoor, until: Until) -> None:
    until(lambda: connected(linked))
    door.faults.add("heartbeats", cut, answers(503))
    door.faults.add("heartbeat", answers(503), answers(503))
    linked.changes.heartbeat_soon.set()
    until(lambda: len(door.called("heartbeats")) >= 3)
    bodies = [call.json()["heartbeats"] for call in door.called("heartbeats")]
    assert bodies[0][0] == bodies[1][0] == bodies[2][0]


@pytest.mark.parametrize("status", [404, 400, 413])
def test_an_orchestrator_that_never_takes_them_is_not_asked_for_ever(
    linked: Station, door: FakeDoor, until: Until, status: int
) -> None:
    until(lambda: connected(linked))
    door.faults.add("heartbeats", answers(status))
    door.faults.add("heartbeat", answers(503))
    linked.changes.heartbeat_soon.set()
    until(lambda: door.called("heartbeats"))
    until(lambda: not linked_missed(linked))
    until(lambda: connected(linked))


def linked_missed(station: Station) -> int:
    assert station.link is not None
    return len(station.link._heart.missed)


def test_one_a_minute_is_kept_and_no_more_than_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "EVERY_SECONDS", 60.0)
    now = [0.0]
    monkeypatch.setattr(clock, "mono", lambda: now[0])
    kept = Missed(None)  # type: ignore[arg-type]  # keeping needs no station
    for number in range(1, 41):
        now[0] = 5.0 * number
        kept.keep(beat(number, birth=True, warnings=["w"]))
    assert numbers(kept) == [1, 13, 25, 37]
    assert kept._kept[0].birth is False
    for number in range(1, missed.MOST_KEPT + 11):
        now[0] = 1000.0 + 60.0 * number
        kept.keep(beat(number))
    assert len(kept) == missed.MOST_KEPT
    assert numbers(kept)[0] == 11


def test_a_batch_is_bounded_in_number_and_in_bytes() -> None:
    kept = Missed(None)  # type: ignore[arg-type]  # keeping needs no station
    for number in range(1, 251):
        kept.keep(beat(number))
    assert [said.hb_seq for said in kept._batch()] == list(range(1, 101))
    kept._forget(kept._batch())
    assert numbers(kept)[0] == 101
    large = Missed(None)  # type: ignore[arg-type]  # keeping needs no station
    for number in range(1, 101):
        large.keep(
            beat(number, error_message="é" * 2000 + "", app_version="\U0001f600" * 200, engine_version="x" * 200)
        )
    sizes = sum(len(said.model_dump_json().encode()) for said in large._batch())
    assert 0 < sizes <= 1024 * 1024
