"""Starts orchestrator, watcher and demonstration line as processes, and keeps them running until a signal."""

from __future__ import annotations

import argparse
import errno
import http.client
import json
import os
import queue
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from analyticlens.machine import clock
from analyticlens.protocol.loopback import is_loopback
from analyticlens.up.folder import Folder, FolderBusy
from analyticlens.up.processes import LAUNCH, STOP_SECONDS, Child, Supervisor, how

PYTHON = (sys.executable, "-m", "analyticlens")
WEB, WATCHER, MACHINES = 0, 1, 2
PREPARE_SECONDS, PAGES_SECONDS = 300.0, 60.0
# A supervisor that was killed: its processes have STOP_SECONDS to end.
LEFTOVER_SECONDS = STOP_SECONDS + 5.0
FIRST_MACHINE_PORT = 5001
# Tells every command on the data folder that it is served with the certificates beside it.
SERVING = "serving"
TLS_SETTINGS = ("AL_TLS_CERT", "AL_TLS_KEY", "AL_TLS_AUTHORITY")


class CannotStart(Exception):
    """Why it cannot be started, in one sentence for the person at the terminal."""


def say(text: str) -> None:
    """Print for the person at the terminal, at once."""
    print(text, flush=True)


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed options."""
    parser = argparse.ArgumentParser(
        prog="analyticlens up",
        description="Start the orchestrator, its watcher and three demonstration machines; Ctrl-C stops them all.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("AL_DATA", "data")),
        help="folder everything is kept in (./data)",
    )
    parser.add_argument(
        "--host", default=os.environ.get("AL_HOST", "127.0.0.1"), help="address to serve at (127.0.0.1)"
    )
    parser.add_argument(
        # A text as default is read like an option, so that nonsense in the environment is refused the same way.
        "--port",
        type=_port,
        default=os.environ.get("AL_PORT", "8000"),
        help="port to serve at (8000)",
    )
    parser.add_argument(
        "--tls", action="store_true", help="serve over TLS, with a certificate of an authority of its own"
    )
    parser.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="serve over TLS with this certificate (and its chain)"
    )
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the key of --tls-cert")
    parser.add_argument(
        "--tls-authority", type=Path, metavar="FILE", help="who signed --tls-cert, where computers do not know them"
    )
    parser.add_argument(
        "--plain-http", action="store_true", help="let others reach it without TLS: passwords travel readable"
    )
    parser.add_argument("--no-demo", action="store_true", help="without the demonstration machines")
    chosen = parser.parse_args(arguments)
    if bool(chosen.tls_cert) != bool(chosen.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    if chosen.tls and chosen.tls_cert:
        parser.error("--tls makes a certificate; --tls-cert takes one")
    if chosen.tls_authority and not chosen.tls_cert:
        parser.error("--tls-authority goes with --tls-cert")
    return chosen


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; ports go from 1 to 65535")
    return int(text)


def main(arguments: Sequence[str]) -> int:
    """Run until a signal; return the exit code."""
    chosen = options(arguments)
    folder = Folder(chosen.data.expanduser().resolve())
    try:
        lock = take(folder)
        try:
            tls = tls_of(chosen, folder)
            Line(folder, chosen.host, chosen.port, demo=not chosen.no_demo, tls=tls).run()
        finally:
            os.close(lock)
    except CannotStart as problem:
        print(f"analyticlens up: {problem}", file=sys.stderr)
        return 1
    return 0


def tls_of(chosen: argparse.Namespace, folder: Folder) -> dict[str, str]:
    """Return the settings that make the pages speak TLS; none where they do not. Raises CannotStart."""
    serving = folder.root / "tls" / SERVING
    if not chosen.tls:
        serving.unlink(missing_ok=True)
    if chosen.tls_cert:
        given = {"AL_TLS_CERT": chosen.tls_cert, "AL_TLS_KEY": chosen.tls_key, "AL_TLS_AUTHORITY": chosen.tls_authority}
        files = {name: path.expanduser().resolve() for name, path in given.items() if path}
        for path in files.values():
            if not path.is_file():
                raise CannotStart(f"there is no file {path}")
        return {name: str(path) for name, path in files.items()}
    if os.environ.get("AL_TLS_CERT") and not chosen.tls:
        return {name: os.environ[name] for name in TLS_SETTINGS if os.environ.get(name)}
    if not chosen.tls:
        behind_proxy = os.environ.get("AL_HTTPS", "") not in ("", "0")
        if not is_loopback(chosen.host) and not chosen.plain_http and not behind_proxy:
            raise CannotStart(
                f"at {chosen.host} others can reach it, and without TLS passwords travel readable; "
                "say --tls, or AL_HTTPS=1 behind a proxy with TLS, or --plain-http"
            )
        return {}
    names = [chosen.host, *os.environ.get("AL_ALLOWED_HOSTS", "").split(",")]
    try:
        from analyticlens.up.authority import certificates

        made = certificates(folder.root / "tls", names)
        serving.touch()
    except OSError as problem:
        raise CannotStart(f"the certificates cannot be kept: {problem.strerror}") from None
    return {
        "AL_TLS_CERT": str(made.certificate),
        "AL_TLS_KEY": str(made.key),
        "AL_TLS_AUTHORITY": str(made.authority),
    }


def take(folder: Folder) -> int:
    """Make the data folder and take it for this process. Raises CannotStart."""
    try:
        folder.make()
        return folder.lock()
    except FolderBusy as busy:
        raise CannotStart(
            f"another `analyticlens up` (process {busy}) runs on {folder.root}; stop it first, or choose another folder with --data"
        ) from None
    except OSError as problem:
        raise CannotStart(f"the data folder {folder.root} cannot be used: {problem.strerror}") from None


def check_port(host: str, port: int, patience: float = 0.0) -> None:
    """See that the port can be listened at; wait up to patience seconds for it. Raises CannotStart."""
    never, deadline = threading.Event(), clock.mono() + patience
    while True:
        try:
            socket.create_server((host, port), family=_family(host)).close()
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                said = os.strerror(problem.errno) if problem.errno and problem.errno > 0 else str(problem)
                raise CannotStart(f"cannot listen at {host} port {port}: {said}") from None
            if clock.mono() >= deadline:
                raise CannotStart(
                    f"port {port} on {host} is in use by another program; stop that program, or choose another with --port"
                ) from None
            clock.wait(never, 0.2)
        else:
            return


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def free_port(taken: set[int]) -> int:
    """Return a port on loopback that nobody listens at, from 5001 up."""
    for port in range(FIRST_MACHINE_PORT, 65536):
        if port not in taken:
            try:
                check_port("127.0.0.1", port)
            except CannotStart:
                continue
            return port
    raise CannotStart("no port is free for the machines")


class Preparation:
    """The process that prepares the data folder and then follows the line's start; what it says comes through a queue."""

    def __init__(self, folder: Folder, url: str, *, demo: bool) -> None:
        folder.logs.mkdir(exist_ok=True)
        self.log = folder.logs / "prepare.log"
        job = json.dumps({"data": str(folder.root), "url": url, "demo": demo})
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(LAUNCH), str(os.getpid()), sys.executable, "-m", "analyticlens.up.prepare", job],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.codes: dict[str, str | None] | None = None
        self.followed = False
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def listen(self) -> None:
        """Pass on what it said since."""
        while not self._lines.empty():
            event = json.loads(self._lines.get())
            if "say" in event:
                say(event["say"])
            if "machines" in event:
                self.codes = event["machines"]
            self.followed = self.followed or "followed" in event

    def prepared(self) -> bool:
        """Return whether everything is ready to be started. Raises CannotStart when it failed."""
        self.listen()
        code = self.process.poll()
        if code and self.codes is None:
            raise CannotStart(f"preparing the data folder failed (it {how(code)}); its words are in {self.log}")
        return self.codes is not None

    def go_on(self) -> None:
        """Tell it that the pages answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(b"go\n")
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def done(self) -> bool:
        """Return whether it has nothing more to tell."""
        self.listen()
        return self.followed or (self.process.poll() is not None and self._lines.empty())

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


class Line:
    """One start of everything."""

    def __init__(self, folder: Folder, host: str, port: int, *, demo: bool, tls: dict[str, str]) -> None:
        self.folder = folder
        self.tls = tls
        self.host, self.port, self.demo = host, port, demo
        reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        self.netloc = f"[{reached}]:{port}" if ":" in reached else f"{reached}:{port}"
        self.url = f"{'https' if tls else 'http'}://{self.netloc}"
        self.supervisor = Supervisor(say)

    def run(self) -> None:
        """Start, wait for the first verdicts, keep everything running until a signal, end in order. Raises CannotStart."""
        self.supervisor.catch_signals()
        say(f"AnalyticLens starts; data folder {self.folder.root}")
        check_port(self.host, self.port, LEFTOVER_SECONDS if self.folder.left_unclean() else 0.0)
        self.folder.begin()
        preparation = Preparation(self.folder, self.url, demo=self.demo)
        self.supervisor.guard(preparation.process.pid)
        try:
            self._start(preparation)
            self.supervisor.run()
        finally:
            preparation.end()
            self.supervisor.forget(preparation.process.pid)
            say("Stopping")
            self.supervisor.end()
            self.folder.leave()
        say("Stopped; all data is kept")

    def _start(self, preparation: Preparation) -> None:
        wait = self.supervisor.wait
        if not wait(preparation.prepared, PREPARE_SECONDS):
            return self._not_in_time("the database was not prepared in time")
        say("Starting the pages")
        self.supervisor.add(self._child("web", WEB, "manage", "serve"))
        # These need no pages to begin with, and come up beside them; a machine calls until it is answered.
        self.supervisor.add(self._child("watcher", WATCHER, "manage", "watch"))
        self._start_machines(preparation.codes or {})
        if not wait(self._pages_answer, PAGES_SECONDS):
            return self._not_in_time(f"the pages do not answer; see {self.folder.logs / 'web.log'}")
        preparation.go_on()
        wait(preparation.done, PREPARE_SECONDS)
        if not self.supervisor.stopping.is_set():
            self._say_where()
        return None

    def _not_in_time(self, sentence: str) -> None:
        if not self.supervisor.stopping.is_set():
            raise CannotStart(sentence)

    def _child(self, name: str, stage: int, *words: str) -> Child:
        environment = {
            "AL_DATA": str(self.folder.root),
            "AL_HOST": self.host,
            "AL_PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            **self.tls,
        }
        return Child(name, (*PYTHON, *words), self.folder.logs / f"{name}.log", environment, stage)

    def _pages_answer(self) -> bool:
        connection = (
            # It is our own child at our own port: whether it speaks TLS is the question, not who it is.
            http.client.HTTPSConnection(self.netloc, timeout=2, context=ssl._create_unverified_context())
            if self.tls
            else http.client.HTTPConnection(self.netloc, timeout=2)
        )
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _start_machines(self, codes: dict[str, str | None]) -> None:
        for machine_id, code in codes.items():
            port = self._port_of(machine_id)
            say(f"Starting machine {machine_id} at port {port}" + (", enrolling it" if code else ""))
            self.supervisor.add(self._machine(machine_id, code))

    def _port_of(self, machine_id: str) -> int:
        """Return the machine's port: the one it had, or another where somebody else took that; and keep it."""
        ports = self.folder.ports()
        try:
            check_port("127.0.0.1", ports[machine_id])
        except (KeyError, CannotStart):
            ports[machine_id] = free_port(set(ports.values()))
            self.folder.keep_ports(ports)
        return ports[machine_id]

    def _machine(self, machine_id: str, code: str | None) -> Child:
        child = self._child(machine_id, MACHINES, "machine", "--machine-id", machine_id, "--django-url", self.url)
        child.environment |= {
            "AL_MACHINE_DATA": str(self.folder.machine(machine_id)),
            "AL_MACHINE_PORT": str(self._port_of(machine_id)),
        }
        if authority := self.tls.get("AL_TLS_AUTHORITY"):
            child.environment["AL_MACHINE_AUTHORITY"] = authority
        if code:
            # Not among its words: those can be read by everybody on this computer.
            child.environment["AL_MACHINE_ENROL"] = code

        def other_port() -> None:
            child.environment["AL_MACHINE_PORT"] = str(self._port_of(machine_id))

        child.before_restart = other_port
        return child

    def _say_where(self) -> None:
        say("")
        say(f"AnalyticLens is at {self.url}/")
        if authority := self.tls.get("AL_TLS_AUTHORITY"):
            say(f"Browsers believe it once they know its authority: {authority}")
        elif not is_loopback(self.host) and not self.tls:
            say("WARNING: without TLS whoever listens on this network reads passwords and tokens")
        say(f"Sign in as admin; the password is in {self.folder.password}")
        if not is_loopback(self.host) and not os.environ.get("AL_ALLOWED_HOSTS"):
            say(
                "It answers only to localhost until AL_ALLOWED_HOSTS names what others call it by (docs/orchestrator.md)"
            )
        say(f"What the processes say is in {self.folder.logs}. Ctrl-C stops everything.")
