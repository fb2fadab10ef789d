"""Housekeeping: once a minute the outbox is pruned, and a new month begins a new epoch while no orchestrator is there to say so.

Every few seconds it tries again what failed for a cause that may be gone: storage, and a version whose picture source did not open.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

from analyticlens.machine import clock, log
from analyticlens.machine.retention import live_on, prune

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

EVERY_SECONDS = 60.0
# What failed is tried again this often.
LOOK_SECONDS = 5.0


class Keeper:
    """The housekeeping thread."""

    def __init__(self, station: Station) -> None:
        """Keep house for station."""
        self._station = station
        self._closing = threading.Event()
        self._tidied: float | None = None
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Run."""
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._closing.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self.tidy()
            except (sqlite3.Error, OSError) as error:
                log.event("housekeeping_failed", f"{type(error).__name__}: {error}")
            until = clock.mono() + EVERY_SECONDS
            while clock.mono() < until and not clock.wait(self._closing, LOOK_SECONDS):
                self._station.recorder.try_storage()
                self._station.changes.retry()

    def tidy(self) -> None:
        """Prune once, telling what was lost. Raises sqlite3.Error, OSError."""
        station = self._station
        if station.connection != "connected":
            station.outbox.turn_month(clock.month())
        station.blobs.prune(station.kept.blobs)
        pruned = prune(station.outbox, now=self._now())
        if pruned.lost:
            sentence = f"the outbox was full: {pruned.lost} records were dropped before the orchestrator had them"
            station.recorder.event("storage_full", sentence, records=pruned.lost)

    def _now(self) -> float:
        """Return until when the machine lived, telling of a wall clock that is ahead of that."""
        before, self._tidied = self._tidied, clock.mono()
        lived, doubted = live_on(self._station.outbox, 0.0 if before is None else self._tidied - before)
        if doubted:
            days = round((clock.wall().timestamp() - lived.until) / 86_400, 1)
            sentence = f"the clock is {days} days ahead of what this machine lived through: nothing is removed for that"
            self._station.recorder.event("clock_ahead", sentence, days=days)
        return lived.until
