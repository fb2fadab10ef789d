"""A data folder of the figures' own, and the programs that run on it as `analyticlens up` runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from analyticlens.bench.cluster import free_port
from analyticlens.machine import clock
from analyticlens.up.command import PYTHON
from analyticlens.up.processes import Child, Supervisor

START_SECONDS = 120.0
TASK_SECONDS = 900.0


class BenchFailed(RuntimeError):
    """A program did not do what was to be measured; the message ends with its last words."""


def progress(text: str) -> None:
    """Say what is being measured, beside the table."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Store:
    """Where rows are kept: SQLite in the folder, or the PostgreSQL of the address."""

    folder: Path
    database: str
    url: str = ""
    port: int = field(default_factory=free_port)

    def environment(self) -> dict[str, str]:
        """Return what the orchestrator's programs find in their environment beside ours."""
        return {
            "AL_DATA": str(self.folder),
            "AL_HOST": "127.0.0.1",
            "AL_PORT": str(self.port),
            "DATABASE_URL": self.url,
            "AL_LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def address(self) -> str:
        """Where the orchestrator serves."""
        return f"http://127.0.0.1:{self.port}"

    def inside(self, task: str, **job: Any) -> Any:
        """Have a process with Django set up do a task of `inside`, and return its answer. Raises BenchFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "analyticlens.bench.orchestrator.inside", task, json.dumps(job)],
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            timeout=TASK_SECONDS,
            check=False,
        )
        if done.returncode:
            raise BenchFailed(f"{task} on {self.database} failed\n{done.stderr[-4000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def child(self, name: str, stage: int, *words: str) -> Child:
        """Return a program of `analyticlens` on this folder."""
        log = self.folder / "logs" / f"{name}.log"
        return Child(name, (*PYTHON, *words), log, self.environment(), stage)


@contextmanager
def running(*children: Child) -> Iterator[Supervisor]:
    """Start programs, and end them afterwards in order."""
    supervisor = Supervisor(progress)
    try:
        for child in children:
            supervisor.add(child)
        yield supervisor
    finally:
        supervisor.end()


def until_served(supervisor: Supervisor, child: Child, port: int) -> None:
    """Wait until a program answers at its port. Raises BenchFailed."""
    if not supervisor.wait(lambda: _answers(port), START_SECONDS):
        raise BenchFailed(f"{child.name} does not answer\n{child.last_words()}")


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/edge/v1/heartbeat")
        connection.getresponse().read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def since(start_ns: int) -> float:
    """Return the seconds since a moment of the monotonic clock."""
    return (clock.mono_ns() - start_ns) / 1e9
