"""The supervisor: restarts what dies, ends what it started, and leaves nothing behind even when it is killed itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from analyticlens.up.processes import Child, Supervisor

Until = Callable[..., object]
FOREVER = "import signal, pathlib, os, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); signal.pause()"


def alive(pid: int) -> bool:
    """Return whether a process runs; one that ended and was not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pid_in(path: Path) -> int:
    """Return the number in a file; 0 while it is not there."""
    return int(path.read_text() or 0) if path.exists() else 0


@pytest.fixture
def said() -> list[str]:
    """What the supervisor told the person."""
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    """A supervisor that ends its children with the test."""
    made = Supervisor(said.append)
    yield made
    made.end()


def forever(tmp_path: Path, name: str, stage: int = 0) -> Child:
    """Return a child that writes its process id and waits."""
    return Child(name, (sys.executable, "-c", FOREVER, str(tmp_path / name)), tmp_path / f"{name}.log", stage=stage)


def test_a_child_that_was_killed_is_started_again_and_said(
    tmp_path: Path, supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.add(forever(tmp_path, "one"))
    assert supervisor.wait(lambda: pid_in(tmp_path / "one") > 0, 60)
    first = pid_in(tmp_path / "one")
    os.kill(first, signal.SIGKILL)
    assert supervisor.wait(lambda: pid_in(tmp_path / "one") not in {0, first}, 60)
    assert "one was killed by SIGKILL; starting it again in 0.5 s" in said[0]


def test_a_child_that_cannot_live_is_tried_less_and_less_often(
    tmp_path: Path, supervisor: Supervisor, said: list[str]
) -> None:
    words = "import sys; print('no port'); sys.exit(3)"
    child = Child("bad", (sys.executable, "-c", words), tmp_path / "bad.log")
    supervisor.add(child)
    assert supervisor.wait(lambda: child.backoff >= 2, 60)
    assert "bad ended with code 3" in said[0]
    assert "no port" in said[1]
    assert "in 1 s" in said[2]


def test_the_end_reaches_what_a_child_started(tmp_path: Path, supervisor: Supervisor, until: Until) -> None:
    code = (
        "import subprocess, sys, signal\n"
        f"subprocess.Popen([sys.executable, '-c', {FOREVER!r}, sys.argv[1]])\n"
        "signal.pause()"
    )
    supervisor.add(Child("parent", (sys.executable, "-c", code, str(tmp_path / "grandchild")), tmp_path / "parent.log"))
    assert supervisor.wait(lambda: pid_in(tmp_path / "grandchild") > 0, 60)
    grandchild = pid_in(tmp_path / "grandchild")
    supervisor.end()
    until(lambda: not alive(grandchild))


def test_the_highest_stage_ends_first(tmp_path: Path, supervisor: Supervisor) -> None:
    """Machines say goodbye while the orchestrator still listens."""
    code = (
        "import signal, sys, pathlib, os\n"
        "def end(*_):\n"
        "    with open(sys.argv[2], 'a') as order: order.write(sys.argv[1][-1])\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "while True: signal.pause()\n"
    )
    for stage in (0, 2, 1):
        command = (sys.executable, "-c", code, str(tmp_path / f"ready{stage}"), str(tmp_path / "order"))
        supervisor.add(Child(f"stage{stage}", command, tmp_path / f"{stage}.log", stage=stage))
    assert supervisor.wait(lambda: all((tmp_path / f"ready{stage}").exists() for stage in range(3)), 60)
    supervisor.end()
    assert (tmp_path / "order").read_text() == "210"


DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOREVER}"


@pytest.mark.parametrize(("words", "held"), [(FOREVER, False), (DEAF, False), (FOREVER, True)])
def test_a_killed_supervisor_leaves_no_process(tmp_path: Path, until: Until, words: str, held: bool) -> None:
    """Nor one that does not listen to SIGTERM, nor one that is held still and cannot."""
    code = (
        "import sys; from pathlib import Path; from analyticlens.up import processes\n"
        "processes.STOP_SECONDS = 1\n"
        "supervisor = processes.Supervisor(print)\n"
        f"words = (sys.executable, '-c', {words!r}, sys.argv[1])\n"
        "supervisor.add(processes.Child('one', words, Path(sys.argv[1] + '.log')))\n"
        "supervisor.run()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "one")])
    until(lambda: pid_in(tmp_path / "one"), 60)
    child = pid_in(tmp_path / "one")
    assert alive(child)
    (guardian,) = [process.pid for process in psutil.Process(parent.pid).children() if process.pid != child]
    if held:
        os.kill(child, signal.SIGSTOP)
    parent.kill()
    parent.wait()
    until(lambda: not alive(child) and not alive(guardian))


def test_a_signal_at_any_moment_ends_the_waiting(tmp_path: Path) -> None:
    """Two thousand of them, each wherever the loop just is: none is caught up in what it interrupts."""
    code = (
        "import signal; from analyticlens.up.processes import Bell\n"
        "bell, count = Bell(), 0\n"
        "def ring(*_):\n"
        "    global count\n"
        "    count += 1; bell.set()\n"
        "signal.signal(signal.SIGALRM, ring)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)\n"
        "while count < 2000:\n"
        "    bell.wait(0.00001); bell.clear()\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


def test_a_log_that_grew_large_is_set_aside(tmp_path: Path, supervisor: Supervisor) -> None:
    child = forever(tmp_path, "one")
    child.log.write_bytes(b"x" * 5_000_001)
    supervisor.add(child)
    assert child.log.stat().st_size == 0
    assert (tmp_path / "one.log.1").stat().st_size == 5_000_001
