"""A line of real processes on loopback: one orchestrator, its watcher, machines. Nothing of it is mocked.

    with Line(tmp_path) as line:
        line.start_orchestrator()
        line.start_machine("vm_001", line.add_station("vm_001", discs.STATION))
        line.until(lambda: line.count("results_inspectionresult") > 10, "verdicts arrive")

Every process has its log below the line's folder; what fails prints their ends. State is read from the database itself, acts go
through the same addresses a browser or a machine uses.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
import pytest

from analyticlens.demo.line import TRUTH, draw_station, read_truth
from analyticlens.demo.station import DemoStation

T = TypeVar("T")
START_SECONDS = 90.0
# As long as the supervisor gives its processes.
STOP_SECONDS = 15.0
TAIL = 4000
ADD_STATION = """
import json
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.recipe import Recipe
from audit import Actor
from edge.management.commands.add_machine import add_machine
from edge.models import issue_code
from user.models import User
words = json.loads(given)
machine = add_machine(
    words["machine_id"], name=words["machine_id"], owner=User.objects.get(), django_url=words["url"],
    by=Actor("system", "test"), reason="test", mode="PRODUCAO",
    configuration=Configuration.model_validate(words["configuration"]), recipe=Recipe.model_validate(words["recipe"]),
)
print(issue_code(machine))
"""


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@cache
def _template() -> Path:
    """Return a data folder as the first start makes it: migrated, with an administrator. Made once a test process, then copied."""
    folder = Path(tempfile.mkdtemp(prefix="analyticlens-line-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    first = Line(folder / "logs")
    first.data = folder / "data"
    first.manage("migrate", "--verbosity", "0")
    first.manage("ensure_admin", "--password-file", str(first.data / "password"))
    return first.data


@dataclass
class Process:
    """A program, how it is started, and its log. It can be started again after it ended."""

    name: str
    command: Sequence[str]
    log: Path
    env: dict[str, str]
    running: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it, in a session of its own."""
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command, stdout=log, stderr=subprocess.STDOUT, env=self.env, start_new_session=True
            )

    @property
    def pid(self) -> int:
        """Its process id. Fails when it was never started."""
        assert self.running is not None, f"{self.name} was never started"
        return self.running.pid

    def alive(self) -> bool:
        """Return whether it runs."""
        return self.running is not None and self.running.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.alive():
            os.kill(self.pid, number)

    def stop(self) -> int:
        """Ask it to end, and return its exit code; one that does not end in time fails the test."""
        assert self.running is not None, f"{self.name} was never started"
        self.send(signal.SIGTERM)
        try:
            return self.running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"{self.name} did not end within {STOP_SECONDS} s of SIGTERM\n{self.tail()}")

    def kill(self) -> None:
        """End it and whatever it started, at once, as a power cut does."""
        if self.running is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()

    def tail(self) -> str:
        """Return the end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- {self.name} ({self.log})\n{text[-TAIL:]}"


class Line:
    """The processes of one test and what they keep."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "orchestrator"
        self.port = free_port()
        self.processes: dict[str, Process] = {}
        self._browsers: list[Browser] = []
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            print(self.tails())
        for browser in self._browsers:
            browser.client.close()
        for process in self.processes.values():
            process.kill()

    @property
    def url(self) -> str:
        """Where the orchestrator serves."""
        return f"http://127.0.0.1:{self.port}"

    def tails(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(process.tail() for process in self.processes.values())

    # Processes

    def environment(self) -> dict[str, str]:
        """Return what the processes find in their environment."""
        return {**os.environ, "AL_DATA": str(self.data), "AL_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}

    def command(self, *words: str) -> list[str]:
        """Return how `analyticlens …` is started from this very environment."""
        return [sys.executable, "-m", "analyticlens", *words]

    def process(self, name: str, *words: str) -> Process:
        """Return the process of that name, made when asked for first."""
        if name not in self.processes:
            log = self._logs / f"{name}.log"
            self.processes[name] = Process(name, self.command(*words), log, self.environment())
        return self.processes[name]

    def manage(self, *words: str) -> str:
        """Run a management command to its end and return what it printed."""
        done = subprocess.run(
            self.command("manage", *words),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"manage {' '.join(words)} failed\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start_orchestrator(self) -> Process:
        """Make its data if need be, serve, and wait until the port answers."""
        if not self.data.exists():
            shutil.copytree(_template(), self.data)
        web = self.process("web", "manage", "serve")
        web.start()
        self.until(lambda: self._answers() or not web.alive(), "the orchestrator answers", START_SECONDS)
        assert web.alive(), web.tail()
        return web

    def start_watcher(self) -> Process:
        """Start the watcher."""
        watcher = self.process("watcher", "manage", "watch")
        watcher.start()
        return watcher

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/edge/v1/heartbeat", timeout=2).status_code > 0
        except httpx2.HTTPError:
            return False

    # Machines

    def add_machine(self, machine_id: str, *words: str) -> str:
        """Make a machine at the orchestrator; return its enrolment code."""
        printed = self.manage("add_machine", machine_id, "--url", self.url, *words)
        found = re.search(r"enrolment code: (\S+)", printed)
        assert found, printed
        return found[1]

    def add_station(
        self, machine_id: str, station: DemoStation, seed: int = 1, pictures: int = 16, **changes: Any
    ) -> str:
        """Make a machine like a station of the demonstration line, its pictures drawn, its recipe published, in PRODUCAO.

        `changes` replace fields of its configuration. Return its enrolment code.
        """
        draw_station(station, self.machine_folder(machine_id) / station.folder, seed, pictures)
        configuration = station.configuration.model_copy(update=changes)
        words = {
            "machine_id": machine_id,
            "url": self.url,
            "configuration": configuration.model_dump(mode="json"),
            "recipe": station.recipe.model_dump(mode="json"),
        }
        printed = self.shell(ADD_STATION, json.dumps(words))
        return printed.split()[-1]

    def truth(self, machine_id: str, station: DemoStation) -> dict[str, dict[str, Any]]:
        """Return what a station's pictures show, by file name."""
        return read_truth(self.machine_folder(machine_id) / station.folder / TRUTH)

    def shell(self, code: str, given: str = "") -> str:
        """Run Python at the orchestrator; `given` is what it finds in the variable of that name."""
        return self.manage("shell", "-v", "0", "-c", f"given = {given!r}\n{code}")

    def enrol(self, machine_id: str, code: str) -> str:
        """Use a code as a machine would; return the token."""
        answer = httpx2.post(f"{self.url}/edge/v1/enrol", json={"machine_id": machine_id, "code": code}, timeout=30)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def machine_folder(self, machine_id: str) -> Path:
        """Return a machine's data folder, made when asked for first."""
        folder = self.folder / machine_id
        folder.mkdir(exist_ok=True)
        return folder

    def start_machine(self, machine_id: str, code: str | None = None, *words: str) -> Process:
        """Start a machine's process; with a code it enrols."""
        enrol = ["--enrol", code] if code else []
        machine = self.processes.get(machine_id)
        if machine is None:
            port = str(free_port())
            machine = self.process(
                machine_id,
                "machine",
                *("--machine-id", machine_id, "--django-url", self.url, "--port", port),
                *("--data", str(self.machine_folder(machine_id))),
                *words,
            )
        base = list(machine.command)
        machine.command = [*base, *enrol]
        machine.start()
        # A code is good once: whoever starts the machine again starts it without.
        machine.command = base
        return machine

    # Looking

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Return what a query finds in the orchestrator's database."""
        address = f"file:{self.data / 'db.sqlite3'}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=20)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, values)]

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"])

    def machine(self, machine_id: str) -> dict[str, Any]:
        """Return a machine's row."""
        return self.rows("SELECT * FROM api_virtualmachine WHERE machine_id = ?", machine_id)[0]

    def until(self, condition: Callable[[], T], what: str, seconds: float = 60.0) -> T:
        """Return the condition's first true value; fail with the ends of the logs when there is none within seconds."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds} s: {what}\n{self.tails()}")
            time.sleep(0.02)  # noqa: TID251  a test waits here for a condition
        return value

    # A person's browser

    def browser(self) -> Browser:
        """Return a browser signed in as the administrator."""
        browser = Browser(self.url, "admin", (self.data / "password").read_text().strip())
        self._browsers.append(browser)
        return browser


class Browser:
    """A person's session over HTTP: forms with their token, pages, the event stream."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self.client = httpx2.Client(base_url=url, timeout=30, headers={"Origin": url})
        self.client.get("/admin/login/")
        signed_in = self.post("/admin/login/", username=name, password=password, next="/admin/")
        assert signed_in.status_code == 302, signed_in.text[:500]

    def ask(self, machine_id: str, act: str, **fields: str) -> httpx2.Response:
        """Press a button of a machine's page: start, stop, restart, trigger, publish."""
        answer = self.post(f"/m/{machine_id}/{act}", **fields)
        assert answer.status_code in {200, 204, 302, 303}, answer.text[:500]
        return answer

    def post(self, path: str, **fields: str) -> httpx2.Response:
        """Send a form."""
        token = self.client.cookies["al_csrf"]
        return self.client.post(
            path, data={**fields, "csrfmiddlewaretoken": token}, headers={"Referer": str(self.client.base_url)}
        )

    def events(self, path: str = "/live/", **headers: str) -> Events:
        """Open the event stream."""
        return Events(self.client, path, headers)


class Events:
    """An open event stream, read event by event."""

    def __init__(self, client: httpx2.Client, path: str, headers: dict[str, str]) -> None:
        self._context = client.stream("GET", path, headers=headers, timeout=httpx2.Timeout(30))

    def __enter__(self) -> Self:
        self.response = self._context.__enter__()
        self._lines = self.response.iter_lines()
        return self

    def __exit__(self, *problem: Any) -> None:
        self._context.__exit__(*problem)

    def next(self) -> dict[str, Any]:
        """Return the next event: its id, its name ("message" for one without), its data."""
        found: dict[str, Any] = {"event": "message"}
        for line in self._lines:
            name, _colon, value = line.partition(": ")
            if name in {"id", "event"}:
                found[name] = value
            elif name == "data":
                found["data"] = json.loads(value)
            elif not line and "data" in found:
                return found
        return {"event": "end"}
