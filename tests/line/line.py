"""A real `analyticlens up` for tests: started on a free port with a data folder of its own, read from outside, ended for sure."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

# What starts a process group's worth of Python programs on two busy cores, and judges a first picture.
START_SECONDS = 240.0


def free_port() -> int:
    """Return a port nobody listens at just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


class Up:
    """One `analyticlens up` on a data folder. It can be started again after it ended."""

    def __init__(self, data: Path, port: int, *options: str) -> None:
        self.data, self.options = data, options
        self.said: list[str] = []
        self.start(port)

    def start(self, port: int) -> None:
        """Start it on its data folder."""
        self.port = port
        self._said_before = len(self.said)
        command = [sys.executable, "-m", "analyticlens", "up", "--data", str(self.data), "--port", str(port)]
        command += self.options
        # A session of its own, as a terminal would give it; the settings of the test run are not its settings.
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("AL_", "DJANGO_"))}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))

    @property
    def said_now(self) -> list[str]:
        """What it said since it was last started."""
        return self.said[self._said_before :]

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ready(self) -> bool:
        """Whether its closing lines were said. Fails when it ended before."""
        assert self.process.poll() is None, "\n".join(self.said)
        return any(line.startswith("Sign in as") for line in self.said_now)

    @property
    def password(self) -> str:
        """The administrator's password."""
        return (self.data / "admin-password").read_text().strip()

    def answers(self) -> bool:
        """Return whether the pages answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def end(self, number: int = signal.SIGINT) -> int:
        """Ask it to end; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Ask its database."""
        with closing(sqlite3.connect(f"file:{self.data / 'db.sqlite3'}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(question).fetchall()

    def running(self) -> set[str]:
        """Return the machines that say they run and are connected."""
        question = (
            "SELECT machine_id FROM api_virtualmachine WHERE status = 'running' AND connection_status = 'connected'"
        )
        return {machine_id for (machine_id,) in self.rows(question)}

    def results(self, machines: Iterable[str]) -> list[tuple[Any, ...]]:
        """Return (machine, picture, verdict, reason, mode, simulated) of every stored result of these machines."""
        wanted = set(machines)
        rows = self.rows(
            "SELECT m.machine_id, r.frame_name, r.verdict, r.reason, r.mode, r.simulated"
            " FROM results_inspectionresult r JOIN api_virtualmachine m ON m.id = r.machine_id ORDER BY r.id"
        )
        return [row for row in rows if row[0] in wanted]

    def processes(self) -> dict[int, str]:
        """Return process id -> command line of everything that runs on its data folder, itself aside."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.process.pid:
                words = _read_words(entry / "cmdline")
                folder = f"AL_DATA={self.data}\0" in _read_words(entry / "environ")
                if words and (str(self.data) in words or folder):
                    found[int(entry.name)] = re.sub("\0", " ", words).strip()
        return found


def _read_words(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
