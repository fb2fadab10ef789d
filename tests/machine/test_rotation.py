"""The machine changes its own token: kept before it is used, and no crash or lost answer shuts it out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analyticlens.machine import clock
from analyticlens.machine.link import rotation, worker
from analyticlens.machine.station import Station
from analyticlens.protocol.canonical import sha256_text
from tests.machine.conftest import MakeStation
from tests.machine.door import TOKEN, FakeDoor, cut

Until = Callable[..., Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off and look again briefly."""
    monkeypatch.setattr(worker, "FIRST_BACKOFF", 0.02)
    monkeypatch.setattr(rotation, "NOT_CONNECTED_SECONDS", 0.02)
    monkeypatch.setattr(rotation, "LOOK_AGAIN_SECONDS", 0.02)


def due(station: Station, token: str = TOKEN) -> None:
    """Let the token's time come."""
    station.outbox.keep_word(rotation.DUE, f"{sha256_text(token)} {(clock.wall() - timedelta(1)).isoformat()}")


def begun(make_station: MakeStation, door: FakeDoor, folder: Path, until: Until, **more: Any) -> Station:
    (folder / "door_token").write_text(TOKEN)
    station = make_station(django_url=door.url, **more)
    until(lambda: station.status().connection_status == "connected")
    return station


def test_a_token_is_changed_when_its_time_has_come(
    make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    station = begun(make_station, door, tmp_path, until)
    until(lambda: station.outbox.word(rotation.DUE))
    assert door.called("token") == []
    due(station)
    until(lambda: door.tokens[0] != TOKEN)
    assert (tmp_path / "door_token").read_text().strip() == door.tokens[0]
    assert (tmp_path / "door_token").stat().st_mode & 0o777 == 0o600
    until(lambda: station.status().connection_status == "connected")
    until(lambda: sha256_text(door.tokens[0]) in station.outbox.word(rotation.DUE))
    assert len(door.called("token")) == 1


def test_an_answer_that_was_lost_is_asked_for_again(
    make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    door.faults.add("token", cut, cut)
    station = begun(make_station, door, tmp_path, until)
    due(station)
    until(lambda: door.tokens[0] != TOKEN)
    assert len(door.called("token")) == 3
    assert (tmp_path / "door_token").read_text().strip() == door.tokens[0]


def test_a_clock_that_was_set_back_does_not_put_it_off_for_years(
    make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    station = begun(make_station, door, tmp_path, until)
    far = f"{sha256_text(TOKEN)} {(clock.wall() + timedelta(4000)).isoformat()}"
    station.outbox.keep_word(rotation.DUE, far)
    until(lambda: station.outbox.word(rotation.DUE) != far)
    assert door.called("token") == []


def test_a_token_in_a_file_of_somebody_elses_stays(
    make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    path = tmp_path / "given"
    path.write_text(TOKEN)
    station = begun(make_station, door, tmp_path, until, token_file=path)
    due(station)
    until(lambda: len(door.called("heartbeat")) > 1)
    assert door.called("token") == []
