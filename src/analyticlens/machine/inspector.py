"""The parent's hold on one child: start it, ask it, wait for it with a deadline, kill it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

import analyticlens
from analyticlens.engine import RecipeRefused
from analyticlens.machine import addresses, clock, log, login, wire
from analyticlens.machine.refusals import SourceRefused
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.strict import plain

HELLO_SECONDS = 60.0
OPEN_SECONDS = 10.0
LEAST_ENGINE_SECONDS = 1.0
CHILD_MODULE = "analyticlens.machine.child"

# The kernel sends a child's death signal when the *thread* that started it ends, so one thread, which never ends, starts them all.
_nursery = ThreadPoolExecutor(1, thread_name_prefix="nursery")


class ChildDied(Exception):
    """The child ended by itself, or its pipe did."""


class ChildLate(Exception):
    """The child did not answer in time."""


class Woken(Exception):
    """The waiting was interrupted by the caller's wake descriptor."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a child is opened with; two children of equal work are interchangeable."""

    configuration: Configuration
    recipe: Recipe | None

    @property
    def engine_seconds(self) -> float:
        """How long the engine may take for one frame: what its tools may, and no less than a busy computer needs."""
        count = len(self.recipe.tools) if self.recipe else 0
        return max(LEAST_ENGINE_SECONDS, count * self.configuration.tool_timeout_ms / 1000)

    @property
    def key(self) -> tuple[Any, ...]:
        """What matters to the child: triggers, logs and pictures do not."""
        configuration = self.configuration
        return (configuration.source, configuration.health, self.recipe, configuration.tool_timeout_ms)


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a source goes on that has an order: `skip` pictures past the one at the position `after` ("": the beginning)."""

    after: str = ""
    skip: int = 0


BEGINNING = Resume()


@dataclass(frozen=True, slots=True)
class Nest:
    """Where children live: the module they run, the data folder and the folders they may read."""

    data: Path
    roots: tuple[Path, ...] = ()
    module: str = CHILD_MODULE
    cameras: Path | None = None

    def network(self) -> dict[str, Any]:
        """Return who a camera on the network is asked as, and which ones may be: read anew each time, from files at this machine.

        A file that cannot be read is as good as an empty one: nobody's password, no camera.
        """
        try:
            user = login.read(self.data)
        except OSError as error:
            log.event("login_unreadable", str(error))
            user = login.NOBODY
        try:
            cameras = addresses.lines(self.cameras or self.data / addresses.FILE)
        except OSError as error:
            log.event("cameras_unreadable", str(error))
            cameras = ()
        return {"login": [user.user, user.password], "cameras": cameras}


class Inspector:
    """One child process. Used by one thread at a time."""

    def __init__(self, nest: Nest) -> None:
        """Start the process; it says hello when its libraries are loaded, which `open` waits for."""
        self._nest = nest
        self._greeted = False
        self.work: Work | None = None
        self.engine_version = ""
        self.pipe, self.process = _nursery.submit(_spawn, nest).result()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def greet(self, wake: int | None = None) -> None:
        """Wait until the child is ready for its first message. Raises ChildDied, ChildLate, Woken."""
        if not self._greeted:
            self.receive(HELLO_SECONDS, wake)
            self._greeted = True

    def open(self, work: Work, resume: Resume = BEGINNING, wake: int | None = None) -> None:
        """Build the recipe and open the source. Raises RecipeRefused, SourceRefused, ChildDied, ChildLate, Woken.

        After a SourceRefused the recipe is known to be good.
        """
        self.greet(wake)
        self.send(
            {
                "do": "open",
                "configuration": plain(work.configuration),
                "recipe": plain(work.recipe) if work.recipe else None,
                "data": str(self._nest.data),
                "roots": [str(root) for root in self._nest.roots],
                "resume": [resume.after, resume.skip],
                **self._nest.network(),
            }
        )
        answer, _ = self.receive(OPEN_SECONDS, wake)
        if refused := answer.get("recipe_refused"):
            raise RecipeRefused(refused["tool_id"], refused["tool_name"], refused["sentence"])
        self.engine_version = str(answer["engine_version"])
        if refused := answer.get("source_refused"):
            raise SourceRefused(refused["sentence"], lasting=refused["lasting"], pause=refused["pause"])
        self.work = work

    def send(self, message: dict[str, Any]) -> None:
        """Send one message. Raises ChildDied."""
        try:
            wire.send(self.pipe, message)
        except OSError:
            raise ChildDied(self.epitaph()) from None

    def receive(self, seconds: float, wake: int | None = None) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return the child's next message. Raises ChildDied, ChildLate after seconds, Woken when wake can be read.

        What the child has said counts before what wakes.
        """
        ready = wait_for([self.pipe, wake] if wake is not None else [self.pipe], max(0.0, seconds))
        if self.pipe in ready:
            try:
                return wire.receive(self.pipe)
            except (EOFError, OSError, ValueError, KeyError):
                raise ChildDied(self.epitaph()) from None
        if ready:
            raise Woken
        raise ChildLate(f"no answer within {seconds:.1f} s")

    def epitaph(self) -> str:
        """Say how the process ended."""
        deadline = clock.mono() + 0.5
        try:
            code = self.process.wait(max(0.0, deadline - clock.mono()))
        except subprocess.TimeoutExpired:
            return "the inspecting process broke off"
        if code < 0:
            return f"the inspecting process was ended by {signal.Signals(-code).name}"
        return f"the inspecting process ended with code {code}"

    def kill(self) -> None:
        """End the process now, whatever it does, and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        if not self.pipe.closed:
            self.pipe.close()


def _spawn(nest: Nest) -> tuple[Connection, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    with theirs:
        root = str(Path(analyticlens.__file__).parents[1])
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")])),
            # One core a machine; set before numpy loads, afterwards it is too late.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "OPENCV_IO_MAX_IMAGE_PIXELS": "50000000",
        }
        command = [sys.executable, "-m", nest.module, str(theirs.fileno()), str(os.getpid())]
        process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    return Connection(ours.detach()), process
