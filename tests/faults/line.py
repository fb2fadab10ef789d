"""A line whose machine has a witness and reaches the orchestrator through the fault proxy."""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

import psutil

from analyticlens.protocol.canonical import canonical_json
from analyticlens.protocol.configuration import Configuration
from tests.faults.proxy import FaultProxy
from tests.journeys.line import Line, Process, free_port
from tests.machine.helpers import THREE, discs, encode

ROOT = Path(__file__).parents[2]
# As fast as frames come, and few pictures kept: it is records that are counted here.
FAST: dict[str, Any] = {
    "source": {"type": "pasta", "folder_path": "parts"},
    "trigger": {"type": "continuous", "pace": "frames"},
    "pictures": {"keep_not_ok": False, "ok_every": 200},
}


class FaultLine(Line):
    """One orchestrator, one machine `vm_001`, the proxy between them, and the witness's file."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder)
        self.proxy = FaultProxy(self.port, random.Random(seed))
        self.witness = folder / "witness"
        self.code = ""

    def __enter__(self) -> Self:
        super().__enter__()
        self.proxy.__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)
        self.proxy.__exit__(*problem)

    @property
    def web(self) -> Process:
        """The orchestrator."""
        return self.processes["web"]

    @property
    def vm(self) -> Process:
        """The machine."""
        return self.processes["vm_001"]

    # --- beginning -------------------------------------------------------------------------------------------------

    def add_running(self, run_state: str = "running", **configuration: Any) -> None:
        """Make the machine at the orchestrator: published recipe, PRODUCAO, asked to be in run_state."""
        wanted = Configuration.model_validate({**FAST, **configuration})
        script = "\n".join(
            [
                "from analyticlens.protocol.configuration import Configuration",
                "from analyticlens.protocol.recipe import Recipe",
                "from audit import current_actor",
                "from edge.management.commands.add_machine import add_machine",
                "from edge.models import issue_code",
                "from user.models import User",
                "by = current_actor()",
                "machine = add_machine('vm_001', name='vm_001', owner=User.objects.first(), by=by, reason='test',",
                f"    django_url={self.proxy.url!r}, mode='PRODUCAO',",
                f"    configuration=Configuration.model_validate_json({canonical_json(wanted)!r}),",
                f"    recipe=Recipe.model_validate_json({canonical_json(THREE)!r}))",
                f"machine.want(by=by, reason='test', run_state={run_state!r})",
                "print('code:', issue_code(machine))",
            ]
        )
        found = re.search(r"code: (\S+)", self.manage("shell", "-v", "0", "-c", script))
        assert found
        self.code = found[1]

    def draw_parts(self, counts: Iterable[int] = (3, 3, 2, 3, 4, 3)) -> Path:
        """Put small pictures of so many discs each into the machine's folder."""
        folder = self.machine_folder("vm_001") / "parts"
        folder.mkdir(exist_ok=True)
        for index, count in enumerate(counts):
            (folder / f"{index:02}.png").write_bytes(encode(discs(count, (250, 60))))
        return folder

    def prepare_machine(self, **environment: str) -> Process:
        """Return the machine's process, not started: the real command line, witnessed, with the proxy as its orchestrator."""
        log = self.folder / "logs" / "vm_001.log"
        command = [sys.executable, "-m", "tests.faults.witness", "--machine-id", "vm_001"]
        command += ["--django-url", self.proxy.url, "--port", str(free_port())]
        command += ["--data", str(self.machine_folder("vm_001"))]
        paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        found = {**self.environment(), "AL_WITNESS": str(self.witness), "PYTHONPATH": paths, **environment}
        self.processes["vm_001"] = Process("vm_001", command, log, found)
        return self.vm

    def enrol_machine(self) -> None:
        """Start the machine for the first time, with its code."""
        base = list(self.vm.command)
        self.vm.command = [*base, "--enrol", self.code]
        self.vm.start()
        self.vm.command = base

    def want(self, run_state: str) -> None:
        """Ask the machine, at the orchestrator, to run or to stop."""
        script = (
            "from api.models import VirtualMachine; from audit import current_actor; "
            f"VirtualMachine.objects.get().want(by=current_actor(), reason='test', run_state={run_state!r})"
        )
        self.manage("shell", "-v", "0", "-c", script)

    def drain(self, seconds: float = 180.0) -> None:
        """Have the machine stopped by desired state, wait until everything is delivered, and end both processes as a person would."""
        self.until(self.answers, "the orchestrator answers", 60)
        self.want("stopped")
        self.until(lambda: self.state_file().get("run_state") == "stopped", "the machine stops", 60)
        self.until(lambda: self.backlog() == 0, "everything is delivered", seconds)
        assert self.vm.stop() == 0
        assert self.web.stop() == 0

    # --- looking ---------------------------------------------------------------------------------------------------

    def lines(self) -> list[list[str]]:
        """Return the witness's lines, split into words."""
        if not self.witness.exists():
            return []
        return [line.split(" ") for line in self.witness.read_text().splitlines()]

    def size(self) -> int:
        """Return how long the witness's file is: it grows with every commit."""
        return self.witness.stat().st_size if self.witness.exists() else 0

    def answers(self) -> bool:
        """Return whether the orchestrator answers; asked often, so it costs next to nothing."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/edge/v1/heartbeat")
            return connection.getresponse().status > 0
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def verdicts(self) -> int:
        """Return how many verdicts the witness saw committed."""
        return sum(words[0] == "kept" and words[5] == "verdict" for words in self.lines())

    def outbox(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a query finds in the machine's outbox."""
        path = self.machine_folder("vm_001") / "outbox.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(query, values).fetchall()

    def databases(self) -> list[Path]:
        """Return the SQLite files of the line."""
        return [self.data / "db.sqlite3", self.machine_folder("vm_001") / "outbox.db"]

    def backlog(self) -> int:
        """Return how many records are not acknowledged."""
        ((count,),) = self.outbox("SELECT coalesce(sum(last - mark), 0) FROM epochs")
        return int(count)

    def state_file(self) -> dict[str, Any]:
        """Return what the machine keeps about itself."""
        path = self.machine_folder("vm_001") / "vm_config.json"
        return dict(json.loads(path.read_text())["analyticlens"]) if path.exists() else {}

    # --- the machine's processes -----------------------------------------------------------------------------------

    def worker(self) -> psutil.Process | None:
        """Return the process the station lives in."""
        return next(iter(_below(psutil.Process(self.vm.pid))), None) if self.vm.alive() else None

    def inspectors(self) -> list[psutil.Process]:
        """Return the inspecting processes, the busiest first: the one at work, then the spare."""
        return sorted(_below(self.worker()), key=_busy, reverse=True)


def _below(process: psutil.Process | None) -> list[psutil.Process]:
    try:
        return process.children() if process is not None else []
    except psutil.NoSuchProcess:
        return []


def _busy(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
        return float(times.user + times.system)
    except psutil.Error:
        return 0.0
