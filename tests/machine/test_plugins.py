"""Plug-ins on a running machine: whatever one does, the frame is an error, and the next one is judged."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyticlens.engine import RecipeRefused
from analyticlens.machine import backoff
from analyticlens.machine.station import Station
from analyticlens.protocol.recipe import Recipe
from tests.machine.conftest import ROOT, MakeStation
from tests.machine.helpers import configuration, encode
from tests.machine.test_station import BY, verdicts
from tests.plugins.installed import install

Until = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("plugins"))


@pytest.fixture
def station(make_station: MakeStation, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    """Return a station that knows the plug-ins and reads two pictures, the second with a bright first pixel."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{folder}")
    monkeypatch.setattr(backoff, "BACKOFF", (0.05, 0.1))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name, level in (("00.png", 60), ("01.png", 255)):
        (pictures / name).write_bytes(encode(np.full((48, 64), level, np.uint8)))
    made = make_station()
    made.set_configuration(configuration(inspection_timeout_ms=5000), BY)
    return made


def strange(how: str) -> Recipe:
    tool = {"id": 1, "name": "foreign", "type": "plugin", "params": {"plugin": "strange", "settings": {"how": how}}}
    return Recipe.model_validate({"tools": [tool | {"limits": [{"feature": "value", "min": 1}]}]})


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raises its own kind", "tool_error"),
        ("returns a verdict", "tool_error"),
        ("hangs", "timeout"),
        ("leaves", "tool_error"),
        ("ends the process", "child_died"),
    ],
)
def test_whatever_a_plug_in_does_its_frame_is_an_error_and_the_machine_goes_on(
    station: Station, until: Until, how: str, reason: str
) -> None:
    station.set_recipe(strange(how), BY)
    station.start(BY)
    until(lambda: station.status().counters.inspected >= 5, 90)
    told = [(body["verdict"], body["reason"]) for body in verdicts(station)[:5]]
    # Each picture has one verdict a round: what ended its process is not tried again before the others had their turn.
    assert told == [("ok", None), ("error", reason), ("ok", None), ("error", reason), ("ok", None)]
    until(lambda: station.status().status == "running")


def test_a_plug_in_that_is_not_there_is_refused_in_words(station: Station) -> None:
    tool = {"id": 1, "name": "foreign", "type": "plugin", "params": {"plugin": "nobody"}}
    with pytest.raises(RecipeRefused, match="there is no plug-in 'nobody' on this computer"):
        station.set_recipe(Recipe.model_validate({"tools": [tool]}), BY)
