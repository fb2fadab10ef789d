"""A machine whose camera is lost: noticed in time, opened anew by itself, nothing judged unseen, its password told nowhere."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analyticlens.machine import login
from analyticlens.machine.inspector import Inspector
from analyticlens.machine.login import Login
from analyticlens.machine.station import ResultEvent, Station
from tests.machine.conftest import MakeStation
from tests.machine.helpers import THREE, configuration
from tests.peers.cameras import RtspCamera, need_rtsp

BY = "local:test"
Until = Callable[..., object]


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    need_rtsp()
    with RtspCamera() as started:
        yield started


def machine(make_station: MakeStation, data: Path, url: str, trigger: str = "continuous") -> Station:
    (data / "camera_addresses").write_text("127.0.0.1\n")
    station = make_station(data)
    source = {"type": "rtsp", "rtsp_url": url, "fps": 25}
    station.set_configuration(configuration(source=source, trigger={"type": trigger, "interval_ms": 100}), BY)
    station.set_recipe(THREE, BY)
    station.start(BY)
    return station


def ok(station: Station) -> int:
    return station.status().counters.ok


def child_of(station: Station, until: Until) -> Inspector:
    """Return the inspecting process; one that was given up is replaced in a moment."""
    until(lambda: station.loop.ready and station.loop._child is not None)
    child = station.loop._child
    assert child is not None
    return child


def test_its_frames_are_judged_with_their_age(
    make_station: MakeStation, tmp_path: Path, camera: RtspCamera, until: Until
) -> None:
    station = machine(make_station, tmp_path, camera.url)
    events: list[ResultEvent] = []
    station.subscribe(events.append, wants=lambda: False)
    until(lambda: len(events) >= 5)
    bodies = [event.body for event in events]
    assert {body.verdict for body in bodies} == {"ok"}
    assert all(body.durations_ms.age is not None and 0 <= body.durations_ms.age < 5000 for body in bodies)
    numbers = [body.frame.number for body in bodies]
    assert numbers == sorted(set(numbers))
    until(lambda: (facts := station.loop.camera.facts()) is not None and facts.resolution == (320, 200))
    assert station.frame_age() is not None


@pytest.mark.parametrize("trigger", ["continuous", "manual"])
def test_silence_is_noticed_and_heals(
    make_station: MakeStation, tmp_path: Path, camera: RtspCamera, until: Until, trigger: str
) -> None:
    station = machine(make_station, tmp_path, camera.url, trigger)
    camera.do("silent")
    until(lambda: "no picture" in station.error_message)
    camera.do("run")
    until(lambda: station.error_message == "")
    if trigger == "manual":
        station.trigger(BY)
    before = ok(station)
    until(lambda: ok(station) > before)


def test_a_camera_that_dies_and_comes_back(
    make_station: MakeStation, tmp_path: Path, camera: RtspCamera, until: Until
) -> None:
    station = machine(make_station, tmp_path, camera.url)
    until(lambda: ok(station) >= 2)
    camera.kill()
    until(lambda: "nothing answers at port" in station.error_message)
    judged = ok(station)
    camera.start()
    until(lambda: ok(station) > judged)
    assert station.error_message == ""


def test_nothing_is_ok_while_the_picture_is_frozen(
    make_station: MakeStation, tmp_path: Path, camera: RtspCamera, until: Until
) -> None:
    station = machine(make_station, tmp_path, camera.url)
    until(lambda: ok(station) >= 2)
    camera.do("freeze")
    until(lambda: station.status().counters.undecided >= 1)
    good = ok(station)
    until(lambda: station.status().counters.undecided >= 5)
    assert ok(station) == good
    last = station.status().last_verdict
    assert last is not None
    assert last.reason == "frozen"
    camera.do("run")
    until(lambda: ok(station) > good)


def test_a_stopped_process_is_replaced_while_the_machine_stands(
    make_station: MakeStation, tmp_path: Path, camera: RtspCamera, until: Until
) -> None:
    station = machine(make_station, tmp_path, camera.url)
    station.stop(BY)
    child = child_of(station, until)
    os.kill(child.process.pid, signal.SIGSTOP)
    until(lambda: station.loop._child is not child and station.loop.ready)
    assert child.process.poll() is not None


def test_its_password_is_told_nowhere(
    make_station: MakeStation, tmp_path: Path, until: Until, capfd: pytest.CaptureFixture[str]
) -> None:
    need_rtsp()
    canary = "c4n4ry-/p@ss"
    with RtspCamera("bob", canary) as locked:
        url = locked.url.replace("rtsp://", "rtsp://bob:c4n4ry-%2Fp%40ss@")
        station = machine(make_station, tmp_path, url)
        until(lambda: ok(station) >= 2)
        child = child_of(station, until)
        told = [Path(f"/proc/{child.process.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        station.set_login(Login("bob", "other c4n4ry"), BY)
        until(lambda: "refuses the user" in station.error_message)
        told += [repr(station.status()).encode(), repr(station.kept).encode(), repr(Login("bob", canary)).encode()]
        station.close()
    kept = login.read(tmp_path)
    assert kept.password == "other c4n4ry"
    assert (tmp_path / login.FILE).stat().st_mode & 0o777 == 0o600
    told += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != login.FILE]
    out, err = capfd.readouterr()
    told += [out.encode(), err.encode()]
    assert [text for text in told if b"c4n4ry" in text] == []


def test_a_login_others_may_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / login.FILE
    path.write_text(json.dumps({"source_user": "bob", "source_password": "x"}))
    path.chmod(0o644)
    with pytest.raises(PermissionError):
        login.read(tmp_path)
    path.chmod(0o600)
    assert login.read(tmp_path) == Login("bob", "x")
