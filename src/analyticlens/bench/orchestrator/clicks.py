"""From a request over REST to the machine that acts on it: an orchestrator, its watcher and a machine as `analyticlens up` starts them.

When the machine did something is read from its own outbox, where it stamps each state and each verdict with the monotonic clock, which
all processes of a computer share: nothing is asked in between, and how often we look does not matter.
"""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from analyticlens.bench.cluster import free_port
from analyticlens.bench.orchestrator.figures import Click
from analyticlens.bench.orchestrator.store import START_SECONDS, BenchFailed, Store, running, since, until_served
from analyticlens.machine import clock
from analyticlens.up.command import MACHINES, WATCHER, WEB

LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 30.0
# Between two requests: another moment of the machine's five seconds between heartbeats each time.
REST_SECONDS = (0.3, 1.2)

_never = threading.Event()


def measure(store: Store, rounds: int) -> list[Click]:
    """Return the figures. Raises BenchFailed."""
    home = store.folder / "machines" / "clicked"
    made = store.inside("station", folder=str(home), url=store.address)
    web = store.child("web", WEB, "manage", "serve")
    machine = store.child(
        "machine", MACHINES, "machine", "--machine-id", made["machine_id"], "--django-url", store.address
    )
    machine.environment |= {
        "AL_MACHINE_DATA": str(home),
        "AL_MACHINE_PORT": str(free_port()),
        "AL_MACHINE_ENROL": made["code"],
    }
    outbox = Outbox(home / "outbox.db")
    times: dict[str, list[float]] = {"running": [], "verdict": [], "stopped": []}
    chance = random.Random(1)
    with running(web, store.child("watcher", WATCHER, "manage", "watch"), machine) as supervisor:
        until_served(supervisor, web, store.port)
        if not supervisor.wait(lambda: outbox.newest_state() == ("stopped", "PRODUCAO"), START_SECONDS):
            raise BenchFailed(f"the machine does not take what is asked of it\n{machine.last_words()}")
        person = Person(store.port, made["machine_id"], made["key"])
        # The first start also opens the source, which later ones find open: it is not one of the measured.
        for turn in range(-1, rounds):
            clicked = person.ask("start")
            started = outbox.wait_for("state", clicked, lambda body: body["status"] == "running")
            judged = outbox.wait_for("verdict", clicked, lambda body: True)
            clock.wait(_never, chance.uniform(*REST_SECONDS))
            asked = person.ask("stop")
            stopped = outbox.wait_for("state", asked, lambda body: body["status"] == "stopped")
            clock.wait(_never, chance.uniform(*REST_SECONDS))
            if turn >= 0:
                times["running"].append((started - clicked) / 1e6)
                times["verdict"].append((judged - clicked) / 1e6)
                times["stopped"].append((stopped - asked) / 1e6)
    return [
        Click("start: the machine runs", times["running"]),
        Click("start: its first verdict", times["verdict"]),
        Click("stop: the machine is stopped", times["stopped"]),
    ]


@dataclass(frozen=True)
class Person:
    """Who asks, with a token."""

    port: int
    machine_id: str
    key: str

    def ask(self, act: str) -> int:
        """Ask the machine for something; return the monotonic clock's nanoseconds when the request began. Raises BenchFailed."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        start = clock.mono_ns()
        connection.request("POST", f"/api/v1/machines/{self.machine_id}/{act}/", "{}", headers)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status != 202:
            raise BenchFailed(f"{act} was answered {answer.status}: {said[:500]!r}")
        return start


@dataclass(frozen=True)
class Outbox:
    """A machine's outbox, read beside it."""

    path: Path

    def newest_state(self) -> tuple[str, str] | None:
        """Return status and mode of the newest state the machine noted."""
        found = self._bodies("state")
        return (found[0]["status"], found[0]["mode"]) if found else None

    def wait_for(self, kind: str, after_ns: int, fits: Callable[[dict[str, Any]], bool]) -> int:
        """Return the stamp of the first record of a kind after a moment that fits. Raises BenchFailed when none comes."""
        while since(after_ns) < PATIENCE_SECONDS:
            stamps = [body["mono_ns"] for body in self._bodies(kind) if body["mono_ns"] >= after_ns and fits(body)]
            if stamps:
                return int(min(stamps))
            clock.wait(_never, LOOK_SECONDS)
        raise BenchFailed(f"no {kind} that was waited for within {PATIENCE_SECONDS:.0f} s")

    def _bodies(self, kind: str) -> list[dict[str, Any]]:
        """Return the newest records of a kind, newest first; none before there is an outbox."""
        query = "SELECT body FROM records WHERE kind = ? ORDER BY key DESC LIMIT 16"
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)) as database:
                return [json.loads(body) for (body,) in database.execute(query, (kind,))]
        except sqlite3.OperationalError:
            return []
