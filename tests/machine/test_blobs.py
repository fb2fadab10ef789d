"""What recipes name, on the machine's disk: whole or not at all, fetched before a recipe is built, gone when nothing names it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyticlens.engine.pattern.teach import teach_match
from analyticlens.machine.blobs import KEPT, BlobFiles
from analyticlens.machine.link import worker
from analyticlens.machine.station import Station
from analyticlens.protocol.limits import Limit
from analyticlens.protocol.recipe import Recipe
from tests.machine.conftest import MakeStation
from tests.machine.door import TOKEN, FakeDoor, answers, cut
from tests.machine.helpers import discs, fill
from tests.machine.test_link import asked

Until = Callable[..., Any]


def taught() -> tuple[Recipe, dict[str, bytes]]:
    """Return a recipe that finds the first disc of the drawn pictures, and its template."""
    picture = discs(3)
    bright = np.argwhere(picture > int(picture.min()) + 40)
    top, left = bright.min(axis=0)
    from analyticlens.protocol.regions import Rect

    region = Rect(x=max(0, int(left) - 6), y=max(0, int(top) - 6), w=40, h=40)
    tool, named = teach_match(picture, region, min_score=0.5, angle_min=0, angle_max=0)
    judging = tool.model_copy(update={"limits": (Limit(feature="count", min=1),)})
    return Recipe(tools=(judging,)), named


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST_BACKOFF", 0.02)


@pytest.fixture
def linked(make_station: MakeStation, door: FakeDoor, tmp_path: Path) -> Station:
    """Return a station that has its token and pictures."""
    (tmp_path / "door_token").write_text(TOKEN)
    fill(tmp_path / "pictures", [3])
    return make_station(django_url=door.url)


def test_a_file_is_kept_whole_under_its_name(tmp_path: Path) -> None:
    files = BlobFiles(tmp_path)
    content = b"template" * 1000
    name = hashlib.sha256(content).hexdigest()
    assert files.missing([name]) == [name]
    files.write(name, content)
    assert (files[name], list(files), len(files), files.missing([name])) == (content, [name], 1, [])


def test_other_bytes_than_named_are_not_kept(tmp_path: Path) -> None:
    files = BlobFiles(tmp_path)
    with pytest.raises(ValueError, match="are others"):
        files.write("0" * 64, b"something")
    assert list(files) == []


def test_a_torn_file_counts_as_missing(tmp_path: Path) -> None:
    files = BlobFiles(tmp_path)
    content = b"template" * 1000
    name = hashlib.sha256(content).hexdigest()
    files.write(name, content)
    files.path(name).write_bytes(content[:100])
    assert files.missing([name]) == [name]


def test_what_nothing_names_goes_when_it_is_old(tmp_path: Path) -> None:
    files = BlobFiles(tmp_path)
    names = []
    for content in (b"old, named", b"old, not named", b"new, not named"):
        names.append(hashlib.sha256(content).hexdigest())
        files.write(names[-1], content)
    for name in names[:2]:
        past = files.path(name).stat().st_mtime - (KEPT + timedelta(hours=1)).total_seconds()
        os.utime(files.path(name), (past, past))
    assert files.prune(names[:1]) == 1
    assert set(files) == {names[0], names[2]}


def test_a_recipe_runs_with_what_the_door_gave(linked: Station, door: FakeDoor, until: Until) -> None:
    recipe, named = taught()
    door.blobs = named
    door.ask(asked(1, recipe))
    until(lambda: linked.status().counters.ok > 1, 30)
    assert set(linked.blobs) == set(named)


def test_a_lost_reply_and_a_server_in_trouble_delay_the_recipe_and_no_more(
    linked: Station, door: FakeDoor, until: Until
) -> None:
    recipe, named = taught()
    door.blobs = named
    door.faults.add("blobs", cut, answers(503), lambda answer: b"half of it")
    door.ask(asked(1, recipe))
    until(lambda: linked.status().counters.ok > 1, 30)


def test_what_the_orchestrator_does_not_have_is_said_in_words(linked: Station, door: FakeDoor, until: Until) -> None:
    recipe, _named = taught()
    door.ask(asked(1, recipe))
    until(lambda: linked.status().applied.state == "rejected", 30)
    assert "template" in linked.status().applied.error
