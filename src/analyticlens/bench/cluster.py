"""A PostgreSQL of one's own, for figures and tests: in a folder of its own, at a free port, as another user than root, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

SECONDS = 60
USERS = ("postgres", "nobody")
# Debian keeps a server's programs beside the path, a folder a version.
BESIDE_PATH = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)


class ClusterFailed(RuntimeError):
    """A program of the server's did not do its work; the message is its words."""


def programs() -> Path | None:
    """Return the folder of a server's programs; None where there is no PostgreSQL."""
    found = shutil.which("initdb", path=os.pathsep.join([*BESIDE_PATH, os.environ.get("PATH", "")]))
    return None if found is None else Path(found).parent


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Cluster:
    """One server. `durable` False leaves out what only a power cut would show, for tests that kill nothing.

    Raises ClusterFailed where one of its programs fails.
    """

    def __init__(self, programs: Path, *, durable: bool = True) -> None:
        self.programs, self.durable = programs, durable
        self.port = free_port()
        self.user = _user()
        self.folder = Path(tempfile.mkdtemp(prefix="analyticlens-postgres-"))
        if self.user is not None:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.data = self.folder / "data"

    def __enter__(self) -> Self:
        self._run("initdb", "-D", str(self.data), "-U", "lens", "--auth=trust", "--encoding=UTF8", "--no-locale", "-N")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "immediate", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgres://lens@127.0.0.1:{self.port}/{name}"

    def create(self, name: str) -> str:
        """Make a database; return its address."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "lens", name)
        return self.url(name)

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "max_connections": 60,
            "shared_buffers": "32MB",
            **({} if self.durable else {"fsync": "off", "full_page_writes": "off"}),
        }
        words = " ".join(f"-c {name}={value}" for name, value in settings.items())
        log = self.folder / "log"
        self._run("pg_ctl", "start", "-w", "-t", str(SECONDS), "-D", str(self.data), "-l", str(log), "-o", words)

    def kill(self) -> None:
        """Kill the server the hard way; what it was doing is lost, what it had committed must not be. It is not started again."""
        master = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        others = master.children(recursive=True)
        master.send_signal(signal.SIGKILL)
        psutil.wait_procs([master, *others], timeout=SECONDS)

    def restart(self) -> None:
        """Have it drop everything at once and come back."""
        self._run("pg_ctl", "stop", "-w", "-D", str(self.data), "-m", "immediate")
        self.start()

    def _run(self, program: str, *words: str, check: bool = True) -> None:
        done = subprocess.run(
            [*self._as_user(), str(self.programs / program), *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            text=True,
            timeout=SECONDS + 10,
            check=False,
        )
        if check and done.returncode:
            raise ClusterFailed(f"{program}: {done.stderr}")

    def _as_user(self) -> Sequence[str]:
        if self.user is None:
            return ()
        return ("setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups")


def _user() -> pwd.struct_passwd | None:
    """Return whose it shall be where we are root, whom the server refuses to run as."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in USERS if name in known)
