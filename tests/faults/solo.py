"""One machine as a process of its own, without an orchestrator: its folder, its old wire, and what its outbox holds."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import psutil

from analyticlens.machine.store import Kept, Pipeline, Store
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import VerdictBody
from tests.journeys.line import Process, free_port
from tests.machine.helpers import THREE, configuration

ROOT = Path(__file__).parents[2]


class Solo:
    """A machine `vm_solo` whose state file says what it is; it runs as soon as it is started."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "vm_solo"
        self.data.mkdir()
        self.parts = self.data / "parts"
        self.parts.mkdir()
        self.port = free_port()
        command = [sys.executable, "-m", "analyticlens", "machine", "--machine-id", "vm_solo"]
        command += ["--data", str(self.data), "--port", str(self.port)]
        self.process = Process("vm_solo", command, folder / "vm_solo.log", {**os.environ, "PYTHONUNBUFFERED": "1"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            print(self.process.tail())
        self.process.kill()

    def is_to_be(self, wanted: Configuration | None = None, recipe: Recipe = THREE, running: bool = True) -> None:
        """Write the state file: published recipe, PRODUCAO, running; by default over `parts`, as fast as frames come."""
        pipeline = Pipeline(configuration=wanted or configuration("parts"), recipe=recipe, mode="PRODUCAO")
        kept = Kept(configured=True, pipeline=pipeline, run_state="running" if running else "stopped")
        store = Store(self.data / "vm_config.json", "vm_solo", "")
        store.save(kept, status="idle", error_message="", connection_status="disconnected")

    def with_child(self, module: str) -> None:
        """Run inspections in another child module."""
        self.process.command = [sys.executable, "-m", "tests.faults.witness", *self.process.command[4:]]
        paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        self.process.env |= {
            "AL_CHILD_MODULE": module,
            "AL_WITNESS": str(self.data.parent / "witness"),
            "PYTHONPATH": paths,
        }

    def without_privileges(self) -> None:
        """Run without root's right to read what is forbidden."""
        dropped = "-dac_override,-dac_read_search"
        words = ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}", f"--ambient-caps={dropped}"]
        self.process.command = [*words, *self.process.command]

    # --- its HTTP face ---------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Call the old wire with the local token."""
        token = (self.data / "local_token").read_text().strip()
        content = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        address = f"http://127.0.0.1:{self.port}{path}"
        return httpx2.request(method, address, content=content, headers=headers, timeout=30)

    def control(self, command: str, **params: Any) -> httpx2.Response:
        """Give one of the old commands."""
        return self.ask("POST", "/api/control", {"command": command, "params": params})

    def answers(self) -> bool:
        """Return whether it serves."""
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2).status_code == 200
        except httpx2.HTTPError:
            return False

    def page(self) -> str:
        """Return its own page."""
        return httpx2.get(f"http://127.0.0.1:{self.port}/", timeout=30).text

    # --- looking ---------------------------------------------------------------------------------------------------

    def outbox(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a query finds in the outbox; nothing while there is none."""
        path = self.data / "outbox.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
            made = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchall()
            return database.execute(query, values).fetchall() if made else []

    def records(self, kind: str, skip: int = 0) -> list[dict[str, Any]]:
        """Return the bodies of a kind in order of their numbers, without the first `skip`."""
        query = "SELECT body FROM records WHERE kind = ? ORDER BY key LIMIT -1 OFFSET ?"
        return [json.loads(body) for (body,) in self.outbox(query, kind, skip)]

    def verdicts(self, skip: int = 0) -> list[VerdictBody]:
        """Return the verdicts without the first `skip`."""
        return [VerdictBody.model_validate(body) for body in self.records("verdict", skip)]

    def count(self) -> int:
        """Return how many verdicts there are."""
        return sum(n for (n,) in self.outbox("SELECT count(*) FROM records WHERE kind = 'verdict'"))

    def names(self, skip: int = 0) -> set[str]:
        """Return the names of all pictures that have a verdict after the first `skip` verdicts."""
        return {body["frame"]["name"] for body in self.records("verdict", skip)}

    def processes(self) -> list[psutil.Process]:
        """Return the worker and its inspecting processes."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def memory(self) -> int:
        """Return the memory all its processes hold, in bytes."""
        return sum(process.memory_info().rss for process in self.processes())
