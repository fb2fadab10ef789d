"""Stations and doors for tests; each is ended with its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analyticlens.machine.station import Station
from tests.machine.door import FakeDoor
from tests.machine.helpers import settings

ROOT = Path(__file__).parents[2]
MakeStation = Callable[..., Station]


@pytest.fixture
def make_station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeStation]:
    """Return a maker of opened stations; `strange=True` gives them the cameras of strange_child."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made: list[Station] = []

    def make(data: Path = tmp_path, strange: bool = False, **more: Any) -> Station:
        if strange:
            more["child_module"] = "tests.machine.strange_child"
        station = Station(settings(data, **more))
        made.append(station)
        station.open()
        return station

    yield make
    for station in made:
        station.close()


@pytest.fixture
def door() -> Iterator[FakeDoor]:
    """Return a door that answers honestly until a test tells it to fail."""
    with FakeDoor() as served:
        yield served
