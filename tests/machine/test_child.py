"""The child by itself: what it answers, what it survives, and that it never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.machine.decode import Undecodable, decode
from analyticlens.machine.inspector import ChildDied, ChildLate, Inspector, Nest, Work
from analyticlens.machine.refusals import SourceRefused
from analyticlens.protocol.recipe import Recipe
from tests.machine import strange_child
from tests.machine.conftest import ROOT
from tests.machine.helpers import THREE, broken, camera, configuration, discs, encode, fill
from tests.machine.test_decode import EXTENSIONS, mutated, png

ASK = {
    "do": "inspect",
    "keep_ok": False,
    "keep_not_ok": False,
    "quality": 90,
    "details": False,
    "processed": False,
    "live": False,
}


@pytest.fixture
def hatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Inspector]]:
    """Return a maker of children; `strange=True` for those with strange cameras."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made: list[Inspector] = []

    def make(strange: bool = False) -> Inspector:
        module = "tests.machine.strange_child" if strange else "analyticlens.machine.child"
        made.append(Inspector(Nest(tmp_path, (), module)))
        return made[-1]

    yield make
    for child in made:
        child.kill()


def ask(child: Inspector, seconds: float = 20, **more: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    child.send({**ASK, **more})
    return child.receive(seconds)


def test_it_answers_what_the_engine_finds(hatch: Callable[..., Inspector], tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [2])
    child = hatch()
    child.open(Work(configuration(), THREE))
    answer, blobs = ask(child)
    found = inspect(discs(2), prepare(THREE))
    assert (answer["verdict"], answer["reason"], blobs) == (found.verdict, found.reason, {})
    assert answer["tools"][0]["features"] == found.tools[0].features
    assert (answer["frame"]["name"], answer["frame"]["width"], answer["frame"]["height"]) == ("00.png", 320, 200)


def test_it_sends_the_pictures_that_were_wished_for(hatch: Callable[..., Inspector], tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [2])
    child = hatch()
    child.open(Work(configuration(), THREE))
    answer, blobs = ask(child, keep_not_ok=True, processed=True, live=True, details=True)
    told, views = child.receive(10)
    assert answer["picture"]["size"] == len(blobs["stored"])
    assert set(views) == {"processed", "live"}
    assert told["resolution"] == [320, 200]
    assert answer["details"]["1"]["blobs"]
    assert decode(views["live"]).shape == (200, 320)


def test_a_recipe_that_cannot_be_built_names_its_tool(hatch: Callable[..., Inspector], tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [2])
    params = {"operation": "custom_formula", "custom_formula": "nothing + 1"}
    tools = [{"id": 1, "name": "b", "type": "blob"}, {"id": 5, "name": "sum", "type": "math", "params": params}]
    with pytest.raises(RecipeRefused) as refused:
        hatch().open(Work(configuration(), Recipe.model_validate({"tools": tools})))
    assert (refused.value.tool_id, refused.value.tool_name) == (5, "sum")


def test_a_source_that_does_not_open_leaves_the_child_ready(hatch: Callable[..., Inspector], tmp_path: Path) -> None:
    child = hatch()
    with pytest.raises(SourceRefused):
        child.open(Work(configuration(), THREE))
    fill(tmp_path / "pictures", [3])
    child.open(Work(configuration(), THREE))
    assert ask(child)[0]["verdict"] == "ok"


def test_a_camera_that_blocks_is_late_and_can_be_killed(hatch: Callable[..., Inspector]) -> None:
    child = hatch(strange=True)
    child.open(Work(camera(strange_child.BLOCKS), THREE))
    with pytest.raises(ChildLate):
        ask(child, 0.3)
    child.kill()
    assert not child.alive


@pytest.mark.parametrize("number", [strange_child.DIES, strange_child.RAISES])
def test_a_child_that_breaks_says_how_it_ended(hatch: Callable[..., Inspector], number: int) -> None:
    child = hatch(strange=True)
    child.open(Work(camera(number), THREE))
    with pytest.raises(ChildDied, match="the inspecting process"):
        ask(child)


def test_a_frame_of_four_channels_is_an_error(hatch: Callable[..., Inspector]) -> None:
    child = hatch(strange=True)
    child.open(Work(camera(strange_child.FOUR_CHANNELS), THREE))
    answer, _ = ask(child)
    assert (answer["verdict"], answer["reason"]) == ("error", "frame_refused")


def test_it_refuses_a_bomb_quickly_and_in_little_memory(hatch: Callable[..., Inspector], tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", [3])
    broken(folder / "01.png", png(30_000, 30_000, data=b"\0" * 1_000_000))
    child = hatch()
    child.open(Work(configuration(), THREE))
    ask(child)
    process = psutil.Process(child.process.pid)
    before = process.memory_info().rss
    answer, _ = ask(child, 10)
    assert (answer["verdict"], answer["reason"]) == ("error", "decode_failed")
    assert process.memory_info().rss - before < 64 * 1024 * 1024
    assert ask(child)[0]["verdict"] == "ok"


def test_two_hundred_damaged_files_neither_stop_it_nor_swell_it(
    hatch: Callable[..., Inspector], tmp_path: Path, rng: np.random.Generator
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    truth: dict[str, str] = {}
    recipe = prepare(THREE)
    for index in range(200):
        extension = EXTENSIONS[index % 4]
        name = f"{index:03}{extension}"
        raw, _ = mutated(encode(discs(3), extension), rng)
        (folder / name).write_bytes(raw)
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))
        try:
            truth[name] = inspect(decode(raw), recipe).verdict
        except Undecodable:
            truth[name] = "error"
    (folder / "999.png").write_bytes(encode(discs(3)))
    child = hatch()
    child.open(Work(configuration(), THREE))
    found, process, before = {}, psutil.Process(child.process.pid), 0
    for index in range(201):
        answer, _ = ask(child)
        found[answer["frame"]["name"]] = answer["verdict"]
        if index == 20:
            before = process.memory_info().rss
    assert found == {**truth, "999.png": "ok"}
    assert process.memory_info().rss - before < 50 * 1024 * 1024


def test_it_holds_its_memory_limit(hatch: Callable[..., Inspector], tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [3])
    child = hatch()
    child.open(Work(configuration(), THREE))
    soft, _ = psutil.Process(child.process.pid).rlimit(psutil.RLIMIT_AS)
    assert 0 < soft < 16 * 1024**3


ORPHAN = """
import os, sys
from pathlib import Path
from analyticlens.machine.inspector import ChildLate, Inspector, Nest, Work
from tests.machine.helpers import THREE, camera
child = Inspector(Nest(Path(sys.argv[1]), (), "tests.machine.strange_child"))
child.open(Work(camera(int(sys.argv[2])), THREE))
child.send({**__import__("tests.machine.test_child", fromlist=["ASK"]).ASK})
print(child.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [strange_child.GOOD, strange_child.BLOCKS])
def test_it_dies_with_a_parent_that_was_killed(tmp_path: Path, until: Callable[..., Any], number: int) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", ORPHAN, str(tmp_path), str(number)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
