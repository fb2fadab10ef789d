"""Pictures nobody judges, and pictures in no condition to be judged."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyticlens.machine.station import SourceRefused, Station
from analyticlens.protocol.desired import CommandReport
from analyticlens.protocol.heartbeat import Heartbeat
from tests.machine.conftest import MakeStation
from tests.machine.door import TOKEN, FakeDoor
from tests.machine.helpers import THREE, configuration, encode, fill
from tests.machine.test_station import BY, MANUAL, ready, verdicts

Until = Callable[..., Any]


@pytest.fixture
def linked(make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until) -> Station:
    """Return a station that has its token and inspects discs when asked."""
    (tmp_path / "door_token").write_text(TOKEN)
    station: Station = make_station(django_url=door.url)
    fill(tmp_path / "pictures", [3, 3])
    ready(station, trigger=MANUAL)
    until(lambda: station.loop.ready)
    return station


def told(door: FakeDoor, until: Until, kind: str, args: dict[str, Any], number: int = 7) -> CommandReport:
    """Ask for an act and return what the machine reported last."""
    name = f"{number:032x}"
    door.command(id=name, kind=kind, args=args)
    until(lambda: [state for known, state in door.reports if known == name and state != "started"])
    return CommandReport.model_validate_json(door.called(f"commands/{name}")[-1].body)


def test_a_source_is_tried_beside_the_one_in_use(linked: Station, door: FakeDoor, until: Until, tmp_path: Path) -> None:
    fill(tmp_path / "other", [4])
    report = told(door, until, "test_source", {"source": {"type": "pasta", "folder_path": "other"}})
    assert report.state == "done", report.message
    assert (report.result["name"], report.result["resolution"]) == ("00.png", [320, 200])
    assert [*door.images] == [report.result["picture"]]
    assert linked.kept.pipeline.configuration.source.folder_path == "pictures"
    assert linked.loop.ready


@pytest.mark.parametrize(
    ("source", "state", "sentence"),
    [
        ({"type": "pasta", "folder_path": "nowhere"}, "failed", "the folder nowhere does not exist"),
        ({"type": "pasta", "lens": 5}, "refused", "lens"),
    ],
)
def test_a_source_that_gives_no_picture_says_why(
    linked: Station, door: FakeDoor, until: Until, source: Any, state: str, sentence: str
) -> None:
    report = told(door, until, "test_source", {"source": source})
    assert report.state == state
    assert report.message
    assert sentence in report.message
    assert not door.images


def test_the_source_in_use_is_not_opened_twice(
    linked: Station, door: FakeDoor, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = linked.kept.pipeline.configuration.source.model_dump(mode="json")
    opened: list[Any] = []
    build = linked.cradle.build

    def noted(*work: Any, **more: Any) -> Any:
        # What was set up just before may be swapped in at the same time, by other threads.
        if threading.current_thread().name == "looking":
            opened.append(work)
        return build(*work, **more)

    monkeypatch.setattr(linked.cradle, "build", noted)
    report = told(door, until, "test_source", {"source": source})
    assert (report.state, opened) == ("done", [])


def test_a_picture_too_dark_is_undecided_and_nothing_is_measured(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    station = make_station()
    fill(tmp_path / "pictures", [3])
    station.set_recipe(THREE, BY)
    station.set_configuration(configuration(health={"brightness_min": 40}, trigger={"type": "manual"}), BY)
    station.start(BY)
    station.trigger(BY)
    until(lambda: verdicts(station))
    (body,) = verdicts(station)
    assert (body["verdict"], body["reason"], body["tools"]) == ("undecided", "picture_dark", [])
    assert "brightness" in body["message"]
    assert body["picture"] is not None


def test_every_heartbeat_tells_what_pictures_are_like(linked: Station, door: FakeDoor, until: Until) -> None:
    linked.start(BY)
    linked.trigger(BY)
    until(lambda: verdicts(linked))
    linked.changes.heartbeat_soon.set()

    def heard() -> Heartbeat | None:
        beats = [Heartbeat.model_validate_json(call.body) for call in door.called("heartbeat")]
        return next((beat for beat in beats if beat.picture is not None), None)

    until(heard, seconds=15)
    beat = heard()
    assert beat is not None
    assert beat.picture is not None
    assert beat.picture.brightness is not None
    assert 2 < beat.picture.brightness < 10
    assert beat.picture.black is not None
    assert beat.picture.black > 90


def test_the_commissioning_picture_that_is_not_there_is_said(make_station: MakeStation, tmp_path: Path) -> None:
    station = make_station()
    fill(tmp_path / "pictures", [3])
    with pytest.raises(SourceRefused, match=r"commissioning picture .* is not here"):
        station.set_configuration(configuration(health={"reference": "ab" * 32}), BY)


def test_a_picture_of_another_size_than_at_commissioning_is_not_judged(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    station = make_station()
    fill(tmp_path / "pictures", [3])
    taught = encode(np.random.default_rng(3).integers(0, 255, (100, 100), np.uint8))
    name = hashlib.sha256(taught).hexdigest()
    station.blobs.write(name, taught)
    health = {"reference": name, "displacement_max": 2.0}
    station.set_recipe(THREE, BY)
    station.set_configuration(configuration(health=health, trigger={"type": "manual"}), BY)
    station.start(BY)
    station.trigger(BY)
    until(lambda: verdicts(station))
    assert verdicts(station)[0]["reason"] == "picture_size"
