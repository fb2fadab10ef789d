"""F25: what is asked of a machine reaches it though every word that it changed is dropped: within one period of its poll.

A real orchestrator whose database loses each event of the bus, and a station at its door. The period is shortened; `WAIT_SECONDS` itself is
within the thirty seconds the design gives.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from analyticlens.machine import clock
from analyticlens.machine.link import asked
from analyticlens.machine.station import Station
from tests.abuse.conftest import Served
from tests.machine.helpers import settings as machine_settings

pytestmark = pytest.mark.xdist_group("abuse")
PERIOD, ROUNDS = 2, 3
ASK = """
from api.models import VirtualMachine
from audit import Actor
machine = VirtualMachine.objects.get(machine_id="vm_deaf")
for mode in given.split():
    print(machine.want(by=Actor("system", "test"), reason="test", mode=mode).version)
"""


@pytest.fixture
def deaf(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    """A machine's station, at an orchestrator where nothing that is told is heard."""
    line = served.line
    with closing(sqlite3.connect(line.data / "db.sqlite3", timeout=30, isolation_level=None)) as database:
        database.execute(
            "CREATE TRIGGER deaf AFTER INSERT ON api_liveevent BEGIN DELETE FROM api_liveevent WHERE id = NEW.id; END"
        )
        monkeypatch.setattr(asked, "WAIT_SECONDS", PERIOD)
        code = line.add_machine("vm_deaf")
        (tmp_path / "door_token").write_text(line.enrol("vm_deaf", code))
        station = Station(machine_settings(tmp_path, django_url=line.url))
        station.open()
        try:
            yield station
        finally:
            station.close()
            database.execute("DROP TRIGGER deaf")


def test_f25_what_was_asked_is_in_force_within_a_period(
    served: Served, deaf: Station, until: Callable[..., Any]
) -> None:
    line = served.line
    until(lambda: deaf.connection == "connected")
    told = line.count("api_liveevent")
    took = []
    for number in range(ROUNDS):
        version = int(line.shell(ASK, ("DESENVOLVIMENTO", "TESTE")[number % 2]).split()[-1])
        began = clock.mono()
        until(lambda version=version: deaf.kept.applied.version == version)
        took.append(clock.mono() - began)
        # The heartbeat after it tells the orchestrator.
        until(lambda version=version: line.machine("vm_deaf")["reported_version"] == version)
    assert line.count("api_liveevent") == told
    print(
        f"F25: {ROUNDS} changes with all news dropped, in force after {max(took):.1f} s at most; a poll waits {PERIOD} s"
    )
    assert asked_period() <= 30


def asked_period() -> float:
    """Return how long a poll waits, as it is where no test shortened it."""
    source = Path(asked.__file__).read_text(encoding="utf-8")
    return float(source.partition("\nWAIT_SECONDS = ")[2].partition("\n")[0])
