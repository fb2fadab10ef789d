"""A thread of the link: one step after the other, with back-off and full jitter when a step fails, for ever."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable

from analyticlens.machine import clock, log
from analyticlens.machine.link.door import Door, DoorDown, DoorRefused

FIRST_BACKOFF = 0.5
MOST_BACKOFF = 30.0
CREDENTIAL_SECONDS = 60.0


class Worker:
    """Calls `step` again and again; it returns the seconds until the next, which `wake` cuts short."""

    def __init__(
        self,
        name: str,
        step: Callable[[Door], float],
        make_door: Callable[[], Door],
        most_backoff: float = MOST_BACKOFF,
    ) -> None:
        """Prepare the thread."""
        self.wake = threading.Event()
        self.failed: Callable[[DoorDown | DoorRefused], None] = lambda problem: None
        self._name, self._step, self._make_door, self._most = name, step, make_door, most_backoff
        self._closing = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Run."""
        self._thread.start()

    def close(self, seconds: float) -> None:
        """End after the present step; wait at most this long for it."""
        self.stop()
        self._thread.join(max(0.0, seconds))

    def stop(self) -> None:
        """Ask the thread to end."""
        self._closing.set()
        self.wake.set()

    @property
    def closing(self) -> bool:
        """Whether the thread was asked to end."""
        return self._closing.is_set()

    def _run(self) -> None:
        door = self._make_door()
        try:
            while not self.closing:
                if clock.wait(self.wake, self._try(door)):
                    self.wake.clear()
        finally:
            door.close()

    def _try(self, door: Door) -> float:
        """Make one step and return the seconds until the next."""
        try:
            seconds = self._step(door)
        except DoorDown as down:
            self._tell(down)
            self._pause(max(down.retry_after, self._jitter()))
            return 0.0
        except DoorRefused as refused:
            self._tell(refused)
            self._pause(CREDENTIAL_SECONDS if refused.credential else self._jitter())
            return 0.0
        except (sqlite3.Error, OSError, ValueError) as error:
            # A ValueError is a fault of ours, told as loudly as the others: the link must not end by it.
            log.event("link_trouble", f"{type(error).__name__}: {error}", worker=self._name)
            self._pause(self._jitter())
            return 0.0
        if self._failures:
            log.event("link_recovered", worker=self._name)
        self._failures = 0
        return seconds

    def _pause(self, seconds: float) -> None:
        """Wait out a back-off; news does not cut it short, closing does."""
        clock.wait(self._closing, seconds)

    def _jitter(self) -> float:
        ceiling = min(self._most, FIRST_BACKOFF * 2 ** min(self._failures, 16))
        self._failures += 1
        return random.uniform(0, ceiling)

    def _tell(self, problem: DoorDown | DoorRefused) -> None:
        """Log a loss once, not at every try."""
        if not self._failures:
            log.event("link_lost", str(problem), worker=self._name)
        self.failed(problem)
