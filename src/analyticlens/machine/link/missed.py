"""Heartbeats nobody heard: one a minute is kept while the orchestrator cannot be reached, and handed in afterwards as history.

They are kept in memory, a day of them (about two megabytes). What must not be lost, verdicts and events, is in the outbox on the disk;
these tell how the box was meanwhile, and are not worth a write a minute to a card that wears out: a restart in the middle of an outage
loses those before it.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from analyticlens.machine import clock, log
from analyticlens.machine.link.door import Door, DoorRefused
from analyticlens.protocol.heartbeat import MOST_LATE, Heartbeat, LateAnswer, LateHeartbeats
from analyticlens.protocol.strict import plain

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

EVERY_SECONDS = 60.0
MOST_KEPT = 24 * 60
# The door takes a megabyte at once.
MOST_BYTES = 512 * 1024
IDLE_SECONDS = 60.0


class Missed:
    """The kept ones. The heart's thread puts in, a thread of its own hands in: a slow hand-in delays no living heartbeat."""

    def __init__(self, station: Station) -> None:
        """Begin without any."""
        self.news = threading.Event()
        self._station = station
        self._mutex = threading.Lock()
        self._kept: deque[Heartbeat] = deque(maxlen=MOST_KEPT)
        self._kept_at: float | None = None

    def __len__(self) -> int:
        """How many wait; when there are too many the oldest go."""
        return len(self._kept)

    def keep(self, beat: Heartbeat) -> None:
        """Keep a heartbeat nobody heard, unless one was kept less than a minute ago."""
        now = clock.mono()
        if self._kept_at is not None and now - self._kept_at < EVERY_SECONDS:
            return
        self._kept_at = now
        # What is for the moment alone, or for people at the page, is not history.
        sample = beat.model_copy(update={"birth": False, "marks": [], "warnings": []})
        with self._mutex:
            self._kept.append(sample)

    def step(self, door: Door) -> float:
        """Hand in one batch, if the orchestrator is there; return the seconds until the next. Raises DoorDown, DoorRefused."""
        self.news.clear()
        if self._station.connection != "connected":
            return IDLE_SECONDS
        batch = self._batch()
        if not batch:
            return IDLE_SECONDS
        late = LateHeartbeats(heartbeats=[plain(beat) for beat in batch])
        try:
            answer = door.ask(LateAnswer, "POST", "heartbeats", late)
        except DoorRefused as refused:
            if refused.credential:
                raise
            # An orchestrator older than this call, or one that will never take these.
            log.event("late_heartbeats_refused", refused.message, count=len(batch))
        else:
            for refusal in answer.refused:
                log.event("late_heartbeat_refused", refusal.message)
        self._forget(batch)
        return 0.0

    def _batch(self) -> list[Heartbeat]:
        """Return the oldest, as many as go into one call."""
        batch: list[Heartbeat] = []
        size = 0
        with self._mutex:
            for beat in self._kept:
                size += len(beat.model_dump_json())
                if batch and (size > MOST_BYTES or len(batch) == MOST_LATE):
                    break
                batch.append(beat)
        return batch

    def _forget(self, batch: list[Heartbeat]) -> None:
        """Drop what was handed in; others may have been put in meanwhile, or pushed out."""
        gone = {id(beat) for beat in batch}
        with self._mutex:
            self._kept = deque((beat for beat in self._kept if id(beat) not in gone), maxlen=MOST_KEPT)
