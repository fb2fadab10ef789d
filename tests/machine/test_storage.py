"""A storage that failed: what was lost is told, and a machine that stands still heals too."""

from __future__ import annotations

import json
from pathlib import Path

from tests.machine.conftest import MakeStation
from tests.machine.helpers import fill
from tests.machine.test_station import BY, Until, ready


def test_a_stopped_machine_heals_when_there_is_room_again_and_tells_what_was_lost(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    with station.outbox.transaction() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
    station.start(BY)
    until(lambda: station.status().status == "error")
    station.stop(BY)
    assert station.status().status == "error"
    with station.outbox._mutex:
        station.outbox._db.execute("PRAGMA max_page_count = 1000000")
    until(lambda: station.status().status == "stopped")
    events = station.outbox._read("SELECT body FROM records WHERE kind = 'event'")
    told = [body for (raw,) in events if (body := json.loads(raw))["code"] == "storage_failed"]
    counters = station.status().counters
    assert len(told) == 1
    assert told[0]["details"]["results"] == counters.missed > 0
    assert counters.triggered == counters.inspected + counters.missed
    assert station.start(BY)
