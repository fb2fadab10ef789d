"""What is wrong is told where a person sees it, and over when its cause is gone: nobody has to start anything again."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.line import FaultLine
from tests.faults.solo import Solo
from tests.faults.verdict import Findings, judge
from tests.machine.helpers import discs, encode

Until = Callable[..., object]
Heal = Callable[[Path], None]


def draw(parts: Path) -> None:
    """Make the folder if need be, and put a good picture into it."""
    parts.mkdir(exist_ok=True)
    (parts / "good.png").write_bytes(encode(discs(3)))


def missing(parts: Path) -> Heal:
    """Take the folder away."""
    parts.rmdir()
    return draw


def empty(parts: Path) -> Heal:
    """Leave it empty."""
    return draw


def unreadable(parts: Path) -> Heal:
    """Forbid everybody to read it."""
    draw(parts)
    parts.chmod(0)
    return lambda folder: folder.chmod(0o700)


def a_file(parts: Path) -> Heal:
    """Put a file in its place."""
    parts.rmdir()
    parts.write_text("no folder")

    def heal(folder: Path) -> None:
        folder.unlink()
        draw(folder)

    return heal


HURTS: dict[str, tuple[Callable[[Path], Heal], str]] = {
    "missing": (missing, "does not exist"),
    "empty": (empty, "holds no pictures"),
    "unreadable": (unreadable, "may not be read"),
    "a file": (a_file, "is no folder"),
}


@pytest.mark.parametrize("hurt", HURTS)
def test_a_folder_that_is_wrong_is_told_and_heals(tmp_path: Path, until: Until, hurt: str) -> None:
    spoil, words = HURTS[hurt]
    with Solo(tmp_path) as solo:
        heal = spoil(solo.parts)
        solo.is_to_be()
        if hurt == "unreadable" and os.geteuid() == 0:
            solo.without_privileges()
        solo.process.start()
        until(solo.answers, 60)
        until(lambda: words in solo.page(), 60, 0.2)
        assert solo.ask("GET", "/api/status").json()["status"] == "error"
        assert {body.verdict for body in solo.verdicts()} <= {"error"}
        heal(solo.parts)
        until(lambda: solo.count() and solo.verdicts()[-1].verdict == "ok", 60)
        until(lambda: solo.ask("GET", "/api/status").json()["status"] == "running")
        assert words not in solo.page()


def test_a_port_in_use_is_told_in_one_sentence(tmp_path: Path) -> None:
    with Solo(tmp_path) as solo, socket.create_server(("127.0.0.1", solo.port)):
        solo.process.start()
        assert solo.process.running is not None
        assert solo.process.running.wait(60) == 1
        said = solo.process.log.read_text().strip().splitlines()
        assert len(said) == 1
        assert f"127.0.0.1:{solo.port}" in said[0]
        assert "in use" in said[0]


def test_a_machine_started_before_its_orchestrator_enrols_and_delivers_by_itself(fault_line: FaultLine) -> None:
    line = fault_line
    line.add_running()
    line.web.stop()
    line.enrol_machine()
    line.until(lambda: line.state_file() != {}, "the machine is open", 60)
    line.until(lambda: "link_lost" in line.vm.log.read_text(), "it finds nobody", 60)
    line.web.start()
    line.until(lambda: line.count("results_inspectionresult") > 20, "verdicts arrive", 90)


def test_verdicts_made_without_an_orchestrator_are_delivered_when_it_is_back(fault_line: FaultLine) -> None:
    line = fault_line
    line.add_running()
    line.enrol_machine()
    line.until(lambda: line.verdicts() > 20, "the machine inspects", 60)
    line.vm.stop()
    line.web.stop()
    line.vm.start()
    before = line.verdicts()
    line.until(lambda: line.verdicts() > before + 100, "it inspects alone, as what it was", 60)
    line.web.start()
    finish(line)


@pytest.mark.parametrize("times", [3])
def test_f42_sigterm_under_load_loses_nothing_and_comes_back_running(
    fault_line: FaultLine, seed: int, times: int
) -> None:
    """Both processes in turn: they end within their time with code 0, and the machine is in PRODUCAO and running again."""
    line, chance = fault_line, random.Random(seed)
    line.add_running()
    line.enrol_machine()
    for _ in range(times):
        inspects_until(line, line.verdicts() + chance.randint(20, 200))
        line.until(line.answers, "the orchestrator answers", 60)
        victim = chance.choice([line.vm, line.web])
        assert victim.stop() == 0
        victim.start()
    before = line.verdicts()
    line.until(lambda: line.verdicts() > before + 20, "it inspects again by itself", 60)
    assert line.state_file()["pipeline"]["mode"] == "PRODUCAO"
    finish(line)


def inspects_until(line: FaultLine, count: int) -> None:
    """Wait until there are more than so many verdicts."""
    line.until(lambda: line.verdicts() > count, "the machine inspects", 60)


def finish(line: FaultLine) -> Findings:
    """Stop, drain, end both processes, and find nothing wrong."""
    line.drain()
    found = judge(line)
    print(f"{found}")
    assert found.faults() == {}
    assert found.unseen == []
    return found
