"""`analyticlens up`: the whole line in one command, with real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analyticlens.demo.line import STATIONS, read_truth
from tests.line.line import START_SECONDS, Up, free_port

pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.timeout(900)]

Until = Callable[..., object]
MACHINES = {station.machine_id for station in STATIONS}


def truth(up: Up) -> dict[tuple[str, str], tuple[str, str]]:
    """Return (machine, picture) -> (verdict, reason) as it was written when the pictures were drawn."""
    return {
        (machine_id, name): (frame["verdict"], frame["reason"] or "")
        for machine_id in MACHINES
        for name, frame in read_truth(up.data / "machines" / machine_id / "parts" / "truth.json").items()
    }


def test_three_machines_run_and_every_verdict_equals_its_truth(up: Up, until: Until) -> None:
    """As the orchestrator stored them; they run published recipes, so they count."""
    assert up.running() >= MACHINES
    until(lambda: len(up.results(MACHINES)) >= 60, 180)
    expected, results = truth(up), up.results(MACHINES)
    assert {(row[0], row[1]): (row[2], row[3]) for row in results} == {
        (r[0], r[1]): expected[r[0], r[1]] for r in results
    }
    assert {row[0] for row in results} == MACHINES
    assert {(row[4], row[5]) for row in results} == {("PRODUCAO", 0)}
    assert {row[2] for row in results} >= {"ok", "nok", "undecided"}


def test_it_says_where_who_and_how_to_stop(up: Up) -> None:
    """And shows the password this once, which a file only its owner reads keeps."""
    said = "\n".join(up.said)
    assert f"AnalyticLens is at {up.url}/" in said
    assert "Sign in as admin" in said
    assert "Ctrl-C" in said
    assert said.count(up.password) == 1
    assert (up.data / "admin-password").stat().st_mode & 0o777 == 0o600
    assert up.data.stat().st_mode & 0o777 == 0o700


def test_a_second_up_on_the_folder_is_refused(up: Up) -> None:
    """It says which process has it, and starts nothing."""
    second = Up(up.data, free_port())
    assert second.process.wait(90) == 1
    second.end()
    assert f"another `analyticlens up` (process {up.process.pid}) runs on {up.data}" in "\n".join(second.said)


def test_a_port_in_use_is_one_sentence(up: Up, tmp_path: Path) -> None:
    """The folder it would have used is as empty as before but for its own lock."""
    second = Up(tmp_path / "data", up.port)
    assert second.process.wait(90) == 1
    second.end()
    assert f"port {up.port} on 127.0.0.1 is in use" in second.said[-1]
    assert not (tmp_path / "data" / "db.sqlite3").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--port", "99999"], "'99999' is no port; ports go from 1 to 65535"),
        (["--port", "http"], "'http' is no port"),
        (["--host", "192.0.2.1", "--plain-http"], "cannot listen at 192.0.2.1"),
        (["--host", "no such host", "--plain-http"], "cannot listen at no such host"),
        (["--data", "/dev/null"], "the data folder /dev/null cannot be used"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(tmp_path: Path, options: list[str], sentence: str) -> None:
    """And no program's traceback."""
    wrong = Up(tmp_path / "data", free_port(), *options)
    assert wrong.process.wait(90) != 0
    wrong.end()
    assert sentence in wrong.said[-1]
    assert not any("Traceback" in line for line in wrong.said)


def test_a_port_that_was_taken_meanwhile_keeps_no_machine_away(up: Up, until: Until) -> None:
    """Killed, its port taken by another program before it is back: it comes back at another port."""
    before = json.loads((up.data / "ports.json").read_text())["vm_001"]
    (pid,) = [pid for pid, command in up.processes().items() if "--machine-id vm_001" in command and _leads(pid)]
    os.killpg(pid, signal.SIGKILL)
    taken: list[socket.socket] = []

    def take() -> bool:
        try:
            taken.append(socket.create_server(("127.0.0.1", before)))
        except OSError:
            return False
        return True

    until(take, 5)
    with taken[0]:
        until(lambda: json.loads((up.data / "ports.json").read_text())["vm_001"] != before, 90)
        count = len(up.results(["vm_001"]))
        until(lambda: len(up.results(["vm_001"])) > count + 1, 120)


@pytest.mark.parametrize("who", ["web", "watcher", "vm_002"])
def test_a_process_that_is_killed_comes_back(up: Up, until: Until, who: str) -> None:
    """Said at the terminal; the machine runs again and its verdicts go on."""
    words = {"web": "manage serve", "watcher": "manage watch", "vm_002": "--machine-id vm_002"}[who]
    (pid,) = [pid for pid, command in up.processes().items() if words in command and _leads(pid)]
    before = len(up.results(MACHINES))
    os.kill(pid, signal.SIGKILL)
    until(lambda: any(line.startswith(f"{who} was killed by SIGKILL") for line in up.said), 60)
    until(up.answers, 90)
    until(lambda: up.running() >= MACHINES and len(up.results(MACHINES)) > before + 6, 180)
    assert {(row[0], row[1]): (row[2], row[3]) for row in up.results(MACHINES)}.items() <= truth(up).items()


def _leads(pid: int) -> bool:
    """Return whether a process leads its session: the one the supervisor started."""
    return os.getsid(pid) == pid


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Return a starter of lines that are ended with the test."""
    started: list[Up] = []

    def start(*options: str) -> Up:
        started.append(Up(tmp_path / "data", free_port(), *options))
        return started[-1]

    yield start
    for line in started:
        line.end(signal.SIGTERM)


def test_ctrl_c_ends_everything_and_the_next_start_goes_on(up: Up, until: Until) -> None:
    """No process is left; the second start draws nothing, enrols nobody, keeps all results and adds to them.

    Nor is one left when that start is killed itself: the kernel tells its processes, and they end; a third start follows at once.
    """
    assert up.end(signal.SIGINT) == 0
    assert up.processes() == {}
    assert up.said[-1] == "Stopped; all data is kept"
    kept, tokens = up.results(MACHINES), up.rows("SELECT prefix FROM edge_machinetoken")
    up.start(free_port())
    until(lambda: up.ready, START_SECONDS)
    until(lambda: len(up.results(MACHINES)) > len(kept), 120)
    assert up.results(MACHINES)[: len(kept)] == kept
    assert up.rows("SELECT prefix FROM edge_machinetoken") == tokens
    assert not any(re.search("drawing|enrol|Password", line) for line in up.said_now)
    assert len(up.processes()) >= 5
    up.process.kill()
    up.process.wait()
    until(lambda: up.processes() == {}, 90)
    assert up.end() == -signal.SIGKILL
    up.start(free_port())
    until(lambda: up.ready, START_SECONDS)
    assert up.running() >= MACHINES


def test_without_the_demonstration_there_are_only_the_pages(starting: Callable[..., Up], until: Until) -> None:
    """For a person who brings machines of their own."""
    bare = starting("--no-demo")
    until(lambda: bare.ready, START_SECONDS)
    assert bare.answers()
    assert bare.rows("SELECT count(*) FROM api_virtualmachine") == [(0,)]


def test_the_truth_was_written_for_every_picture(up: Up) -> None:
    """A picture without truth could not be checked."""
    for machine_id in MACHINES:
        folder = up.data / "machines" / machine_id / "parts"
        frames = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["frames"]
        assert set(frames) == {path.name for path in folder.glob("*.jpg")}
