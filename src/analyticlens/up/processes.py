"""Processes under one supervisor: started in order, restarted with back-off, ended in order, never left behind."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analyticlens.machine import clock

LAUNCH = Path(__file__).with_name("launch.py")
GUARDIAN = Path(__file__).with_name("guardian.py")
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 30.0
# A process that lived this long is well: the next death starts the back-off anew.
WELL_SECONDS = 60.0
STOP_SECONDS = 15.0
TICK = 0.1
LOG_BYTES = 5_000_000
TAIL_LINES = 3

Say = Callable[[str], None]


@dataclass
class Child:
    """One program and how it fares. `name` is what people call it; of the stages the highest ends first."""

    name: str
    command: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    stage: int = 0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    backoff: float = FIRST_BACKOFF
    due: float = 0.0
    said: str = ""
    before_restart: Callable[[], None] | None = None

    def start(self) -> None:
        """Start it in a session of its own: a Ctrl-C at the terminal reaches the supervisor alone, which ends its children in order."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(LAUNCH), str(os.getpid()), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        self.started = clock.mono()

    @property
    def running(self) -> bool:
        """Whether its main process lives."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to it and all it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def last_words(self) -> str:
        """Return the last lines of its log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.strip().splitlines()[-TAIL_LINES:])


def how(code: int) -> str:
    """Return in words how a process ended."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


class Bell:
    """A flag that a signal handler may set at any moment. An Event is none: its lock may be held by the very thread it interrupts."""

    def __init__(self) -> None:
        self._rung = False
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()

    def is_set(self) -> bool:
        """Return whether it was rung and not cleared since."""
        return self._rung

    def set(self) -> None:
        """Ring it."""
        self._rung = True
        self._news.put(None)

    def clear(self) -> None:
        """Forget that it was rung."""
        self._rung = False

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for it to be rung; return whether it is."""
        if not self._rung:
            with contextlib.suppress(queue.Empty):
                self._news.get(timeout=seconds)
        return self._rung


class Guardian:
    """The process that ends the others should this one be killed: what does not end by itself in time, it kills."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARDIAN), str(STOP_SECONDS)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def started(self, pid: int) -> None:
        """Have the session of this process ended with us."""
        self._tell(f"+{pid}")

    def ended(self, pid: int) -> None:
        """Forget it."""
        self._tell(f"-{pid}")

    def close(self) -> None:
        """End it, once nothing is left for it to do."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()


class Supervisor:
    """Keeps children running until it is told to stop. All methods are for the main thread, but `stop_soon`."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.children: list[Child] = []
        self.stopping = Bell()
        self._guardian: Guardian | None = None

    def guard(self, pid: int) -> None:
        """See that a process which leads a session ends when this one is killed."""
        if self._guardian is None:
            self._guardian = Guardian()
        self._guardian.started(pid)

    def forget(self, pid: int) -> None:
        """Note that a guarded process has ended."""
        if self._guardian is not None:
            self._guardian.ended(pid)

    def _start(self, child: Child) -> None:
        child.start()
        assert child.process is not None
        self.guard(child.process.pid)

    def catch_signals(self) -> None:
        """Let SIGINT, SIGTERM and SIGHUP ask for an orderly end."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stop_soon())

    def stop_soon(self) -> None:
        """Ask for an orderly end."""
        self.stopping.set()

    def add(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        self.children.append(child)
        self._start(child)

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Keep the children running until the condition holds (True), or the time is over or the end was asked for (False)."""
        deadline = clock.mono() + seconds
        while not self.stopping.is_set() and clock.mono() < deadline:
            if condition():
                return True
            self.tick()
        return False

    def run(self) -> None:
        """Keep the children running until the end is asked for."""
        while not self.stopping.is_set():
            self.tick()

    def tick(self) -> None:
        """Look after every child once, then wait a moment."""
        for child in self.children:
            if not child.running:
                self._revive(child)
        self.stopping.wait(TICK)

    def _revive(self, child: Child) -> None:
        now = clock.mono()
        if child.process is not None:
            code = child.process.returncode
            child.signal(signal.SIGKILL)  # what its main process left behind
            self.forget(child.process.pid)
            child.process = None
            child.backoff = FIRST_BACKOFF if now - child.started > WELL_SECONDS else child.backoff
            child.due = now + child.backoff
            self.say(f"{child.name} {how(code)}; starting it again in {child.backoff:g} s ({child.log})")
            if (words := child.last_words()) != child.said:
                child.said = words
                self.say("\n".join(f"    {line}" for line in words.splitlines()))
            child.backoff = min(child.backoff * 2, LONGEST_BACKOFF)
        elif now >= child.due:
            if child.before_restart is not None:
                child.before_restart()
            self._start(child)

    def end(self) -> None:
        """End every child, stage by stage; kill what does not end in time. A second signal kills at once."""
        self.stopping.clear()
        for stage in sorted({child.stage for child in self.children}, reverse=True):
            self._end([child for child in self.children if child.stage == stage])
        self.children.clear()
        if self._guardian is not None:
            self._guardian.close()
            self._guardian = None

    def _end(self, children: list[Child]) -> None:
        for child in children:
            child.signal(signal.SIGTERM)
            child.signal(signal.SIGCONT)
        deadline = clock.mono() + STOP_SECONDS
        while any(child.running for child in children) and clock.mono() < deadline and not self.stopping.is_set():
            self.stopping.wait(TICK / 2)
        for child in children:
            child.signal(signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
                self.forget(child.process.pid)
