"""When an inspection is due: by interval, as fast as frames come, or when somebody asks."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from analyticlens.machine import clock
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.refusals import NotNow
from analyticlens.protocol.configuration import Configuration, ContinuousTrigger, ManualTrigger

MOST_WAITING = 16


@dataclass(frozen=True, slots=True)
class Triggered:
    """One trigger: its count since the machine was made, when it came, and the part it is for."""

    count: int
    at: float
    part_id: str | None = None


class Pacer:
    """The continuous trigger. A cycle that comes late is done once; those it swallowed are counted as missed, never piled up."""

    def __init__(self, trigger: ContinuousTrigger, outbox: Outbox) -> None:
        """Begin: the first cycle is due now."""
        self._interval = 0.0 if trigger.pace == "frames" else trigger.interval_ms / 1000
        self._due = clock.mono()
        self._outbox = outbox

    @property
    def seconds_left(self) -> float:
        """How long until the next cycle is due; 0 or less when it is."""
        return self._due - clock.mono()

    def take(self) -> Triggered:
        """Take the cycle that is due."""
        now = clock.mono()
        late = int((now - self._due) / self._interval) if self._interval else 0
        self._due = max(self._due, now) if not self._interval else self._due + self._interval * (late + 1)
        if late:
            self._outbox.grow("triggered", late)
            self._outbox.grow("missed", late)
        return Triggered(self._outbox.grow("triggered"), now)


class ManualQueue:
    """Triggers that people and programs asked for and the loop has not begun."""

    def __init__(self, outbox: Outbox) -> None:
        """Begin empty."""
        self._outbox = outbox
        self._waiting: deque[Triggered] = deque()
        self._mutex = threading.Lock()

    def put(self, part_id: str | None) -> int:
        """Add one and return its count, which is on the disk then. Raises NotNow when 16 wait already."""
        with self._mutex:
            if len(self._waiting) >= MOST_WAITING:
                raise NotNow(f"busy: {MOST_WAITING} triggers wait already")
            count = self._outbox.grow("triggered", durable=True)
            self._waiting.append(Triggered(count, clock.mono(), part_id))
            return count

    def take(self) -> Triggered | None:
        """Take the oldest, None when none waits."""
        with self._mutex:
            return self._waiting.popleft() if self._waiting else None

    def forget(self) -> None:
        """Drop all: they are missed."""
        with self._mutex:
            if self._waiting:
                self._outbox.grow("missed", len(self._waiting))
            self._waiting.clear()


def refuse_unknown(configuration: Configuration) -> None:
    """Raise NotNow when the configured trigger is of a kind this machine cannot do yet."""
    if not isinstance(configuration.trigger, (ContinuousTrigger, ManualTrigger)):
        raise NotNow(f"triggers of type {configuration.trigger.type} are not available on this machine yet")
