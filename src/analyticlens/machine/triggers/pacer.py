"""The continuous trigger: by interval, or as fast as frames come. A cycle that comes late is done once, never piled up."""

from __future__ import annotations

from analyticlens.machine import clock
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.triggers.queue import Triggered
from analyticlens.protocol.configuration import ContinuousTrigger


class Pacer:
    """The beat of a session. Cycles that a late one swallowed are counted as missed."""

    def __init__(self, trigger: ContinuousTrigger, outbox: Outbox) -> None:
        """Begin: the first cycle is due now."""
        self._interval = 0.0 if trigger.pace == "frames" else trigger.interval_ms / 1000
        self._due = clock.mono()
        self._outbox = outbox

    @property
    def seconds_left(self) -> float:
        """How long until the next cycle is due; 0 or less when it is."""
        return self._due - clock.mono()

    def due(self) -> Triggered | None:
        """Take the cycle that is due, None when none is."""
        return self.take() if self.seconds_left <= 0 else None

    def take(self) -> Triggered:
        """Take the cycle that is due."""
        now = clock.mono()
        late = int((now - self._due) / self._interval) if self._interval else 0
        self._due = max(self._due, now) if not self._interval else self._due + self._interval * (late + 1)
        self._outbox.count({"triggered": late + 1, "missed": late})
        return Triggered(self._outbox.number("triggered"), now)
