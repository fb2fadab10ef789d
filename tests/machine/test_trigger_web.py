"""POST /api/trigger at a real machine: who may, what it takes, what becomes of it; and the old wire beside it."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from analyticlens.machine import clock
from analyticlens.machine.station import Station
from analyticlens.machine.web import create_app
from tests.machine.conftest import MakeStation
from tests.machine.helpers import THREE, configuration, fill
from tests.machine.test_station import events

BY = "local:test"
Until = Callable[..., object]


def external(make_station: MakeStation, folder: Path, **signal: Any) -> tuple[Station, FlaskClient]:
    """Return a running machine with an external trigger, and a client of its web server."""
    fill(folder / "pictures", [3])
    station = make_station()
    station.set_configuration(configuration(trigger={"type": "external", "signal": {"type": "http", **signal}}), BY)
    station.set_recipe(THREE, BY)
    station.start(BY)
    return station, create_app(station)[0].test_client()


def bearer(folder: Path, file: str = "trigger_token") -> dict[str, str]:
    return {"Authorization": f"Bearer {(folder / file).read_text().strip()}"}


def test_a_call_with_the_token_is_one_inspection_of_its_part(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    station, client = external(make_station, tmp_path)
    assert stat.S_IMODE((tmp_path / "trigger_token").stat().st_mode) == 0o600
    for wrong in ({}, {"Authorization": "Bearer alt_guess"}, {"Authorization": "Bearer "}):
        assert client.post("/api/trigger", headers=wrong).status_code == 401
    answer = client.post("/api/trigger", json={"part_id": "A 17"}, headers=bearer(tmp_path))
    assert (answer.status_code, answer.json) == (200, {"success": True, "trigger_count": 1})
    assert client.post("/api/trigger", headers=bearer(tmp_path, "local_token")).status_code == 200
    until(lambda: station.status().counters.inspected == 2)
    # The token asks for inspections and for nothing else.
    assert client.get("/api/status", headers=bearer(tmp_path)).status_code == 401
    for hostile in ("[1]", '{"part_id": 7}', '{"part_id": "\\u0007"}', '{"part": "x"}', "{" * 2000):
        assert client.post("/api/trigger", data=hostile, headers=bearer(tmp_path)).status_code == 400
    assert client.post("/api/trigger", data="x" * 9000, headers=bearer(tmp_path)).status_code in (400, 413)
    # A person may ask as well, over the old wire too.
    old = client.post("/api/control", json={"command": "trigger"}, headers=bearer(tmp_path, "local_token"))
    assert old.status_code == 200
    until(lambda: station.status().counters.inspected == 3)
    status = station.status()
    assert (status.trigger.by_hand, status.counters.refused, status.counters.unsettled) == (1, 5, 0)
    seen = client.get("/api/status", headers=bearer(tmp_path, "local_token")).json
    assert seen is not None
    assert seen["trigger_info"] == {"type": "trigger", "interval_ms": 1000, "waiting_for_trigger": True}
    station.stop(BY)
    stopped = client.post("/api/trigger", headers=bearer(tmp_path))
    assert (stopped.status_code, stopped.json) == (409, {"success": False, "error": "the machine is not running"})
    station.set_configuration(configuration(trigger={"type": "manual"}), BY)
    assert client.post("/api/trigger", headers=bearer(tmp_path)).status_code == 409
    assert station.status().counters.unsettled == 0


def test_a_timetable_is_told_and_a_person_may_ask_beside_it(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = make_station()
    trigger = {"type": "scheduled", "cron": "0 0 1 1 *", "time_zone": "America/Sao_Paulo"}
    station.set_configuration(configuration(trigger=trigger), BY)
    station.set_recipe(THREE, BY)
    station.start(BY)
    station.trigger(BY)
    until(lambda: station.status().counters.inspected == 1)
    told = station.status().trigger.next
    assert len(told) == 5
    assert all(moment.endswith("-01-01T00:00-03:00") for moment in told)


def test_a_signal_that_cannot_be_heard_is_told_and_stops_nothing(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    station, _client = external(make_station, tmp_path, type="tcp", host="192.0.2.1")
    until(lambda: station.status().trigger.error)
    status = station.status()
    assert (status.status, status.trigger.listening) == ("running", False)
    assert status.warnings[0].startswith("signals cannot be heard: port 5500 of 192.0.2.1 cannot be listened at")
    station.trigger(BY)
    until(lambda: station.status().counters.inspected == 1)


def test_a_moment_of_the_timetable_is_inspected_and_a_jump_of_the_clock_fires_no_storm(
    make_station: MakeStation, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F34 at a whole machine, small: the clock is put shortly before a full minute, then a day on, then to 1970."""
    shift = tmp_path / "shift"
    monkeypatch.setenv("AL_CLOCK_FILE", str(shift))
    fill(tmp_path / "pictures", [3])
    station = make_station()
    station.set_configuration(configuration(trigger={"type": "scheduled", "cron": "* * * * *"}), BY)
    station.set_recipe(THREE, BY)
    station.start(BY)
    until(lambda: station.status().waiting_for_trigger)
    shift.write_text(str((58 - clock.wall().second) % 60))
    until(lambda: station.status().counters.inspected == 1)
    for jump in (86_400, -clock.wall().timestamp()):
        before = station.status().counters.triggered
        shift.write_text(str(float(shift.read_text()) + jump))
        until(lambda: "clock_jumped" in events(station))
        counters = station.status().counters
        # A minute may have begun meanwhile; a day of them did not.
        assert counters.triggered <= before + 1
    assert (counters.missed, counters.refused) == (0, 0)
