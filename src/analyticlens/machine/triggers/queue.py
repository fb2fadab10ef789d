"""The triggers that were asked for and that the loop has not begun: one queue, bounded, whoever asked."""

from __future__ import annotations

import math
import sqlite3
import threading
from dataclasses import dataclass

from analyticlens.machine import clock
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.refusals import NotNow

MOST_WAITING = 16


@dataclass(frozen=True, slots=True)
class Triggered:
    """One trigger: its count since the machine was made, when it is due by the monotonic clock, and the part it is for."""

    count: int
    at: float
    part_id: str | None = None


class TriggerQueue:
    """First in, first out among those that are due."""

    def __init__(self, outbox: Outbox) -> None:
        """Begin empty, with room for 16."""
        self.most = MOST_WAITING
        self._outbox = outbox
        self._waiting: list[Triggered] = []
        self._mutex = threading.Lock()

    def __len__(self) -> int:
        with self._mutex:
            return len(self._waiting)

    def put(self, part_id: str | None, *, delay: float = 0.0, by_hand: bool = False) -> int:
        """Add one that is due `delay` seconds from now; return its count, which is on the disk then.

        Raises NotNow, and counts it as refused, when as many wait as may or when it cannot be kept.
        """
        due = clock.mono() + delay
        with self._mutex:
            if len(self._waiting) >= self.most:
                raise self._refused(f"busy: {self.most} triggers wait already")
            try:
                self._outbox.count({"triggered": 1, "by_hand": int(by_hand)}, durable=True)
            except (sqlite3.Error, OSError) as error:
                self._outbox.count({"refused": 1})
                raise NotNow(f"the trigger could not be stored: {error}") from None
            count = self._outbox.number("triggered")
            self._waiting.append(Triggered(count, due, part_id))
            return count

    def refuse(self, sentence: str) -> NotNow:
        """Count a trigger that is answered with no; return what to raise."""
        with self._mutex:
            return self._refused(sentence)

    def _refused(self, sentence: str) -> NotNow:
        try:
            self._outbox.count({"triggered": 1, "refused": 1}, durable=True)
        except (sqlite3.Error, OSError) as error:
            return NotNow(f"{sentence} (not stored: {error})")
        return NotNow(sentence)

    def take(self) -> Triggered | None:
        """Take the oldest that is due, None when none is."""
        now = clock.mono()
        with self._mutex:
            found = next((waiting for waiting in self._waiting if waiting.at <= now), None)
            if found is not None:
                self._waiting.remove(found)
            return found

    @property
    def seconds_left(self) -> float:
        """How long until one is due: 0 or less when one is, infinite when none waits."""
        with self._mutex:
            return min((waiting.at for waiting in self._waiting), default=math.inf) - clock.mono()

    def forget(self) -> None:
        """Drop all: they are missed."""
        with self._mutex:
            self._drop()

    def settle(self) -> None:
        """Count as missed whatever was begun and came to nothing. Called when no inspection is under way."""
        with self._mutex:
            lost = self._outbox.counters().unsettled - len(self._waiting)
            if lost > 0:
                self._outbox.count({"missed": lost})

    def _drop(self) -> None:
        if self._waiting:
            self._outbox.count({"missed": len(self._waiting)})
        self._waiting.clear()
