"""F16: a camera that falls silent, stands still, goes black, ends or crawls is noticed, never judged unseen, and heals by itself."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from analyticlens.machine import clock, watch
from analyticlens.machine.station import Station
from tests.machine.conftest import MakeStation, make_station  # noqa: F401  a fixture
from tests.machine.helpers import THREE, configuration
from tests.peers.cameras import RtspCamera, need_rtsp

BY = "local:test"
KINDS = ("silent", "stopped", "freeze", "black", "end", "slow 30")
WITHIN_SECONDS = 25.0
Until = Callable[..., object]


def ok(station: Station) -> int:
    return station.status().counters.ok


def hurt(station: Station, camera: RtspCamera, kind: str) -> None:
    """Begin the fault."""
    child = station.loop._child
    if kind != "stopped":
        camera.do(kind)
    elif child is not None:
        os.kill(child.process.pid, signal.SIGSTOP)


def noticed(station: Station, kind: str, undecided: int) -> bool:
    """Whether the machine tells of the fault."""
    if kind in ("freeze", "black"):
        return station.status().counters.undecided > undecided
    return station.error_message != ""


def test_f16_a_camera_that_stalls(
    make_station: MakeStation,  # noqa: F811
    tmp_path: Path,
    until: Until,
    seed: int,
    faults: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need_rtsp()
    # A camera that is lost again and again is left alone for longer each time, which its own test shows.
    monkeypatch.setattr(watch, "PAUSES", (1.0,))
    kinds = list(KINDS) * max(1, faults // 20)
    random.Random(seed).shuffle(kinds)
    (tmp_path / "camera_addresses").write_text("127.0.0.1\n")
    took: list[tuple[str, float, float]] = []
    with RtspCamera() as camera:
        station = make_station(tmp_path)
        source = {"type": "rtsp", "rtsp_url": camera.url, "fps": 25}
        station.set_configuration(configuration(source=source, trigger={"type": "continuous", "interval_ms": 100}), BY)
        station.set_recipe(THREE, BY)
        station.start(BY)
        until(lambda: ok(station) >= 2)
        for kind in kinds:
            undecided, began = station.status().counters.undecided, clock.mono()
            hurt(station, camera, kind)
            until(lambda kind=kind, undecided=undecided: noticed(station, kind, undecided), WITHIN_SECONDS)
            seen, good = clock.mono(), ok(station)
            if kind in ("freeze", "black"):
                before = station.status().counters.inspected
                until(lambda before=before: station.status().counters.inspected >= before + 3)
                assert ok(station) == good, kind
            camera.do("run")
            until(lambda good=good: ok(station) > good and station.error_message == "", 60)
            took.append((kind, round(seen - began, 1), round(clock.mono() - seen, 1)))
    print(f"kind, seconds to notice, seconds to heal: {took}")
    assert len(took) == len(kinds)
    counters = station.status().counters
    assert counters.triggered == counters.inspected + counters.missed
