"""The live view's one slot: the newest picture somebody may look at. Latest wins; nothing queues and nobody waits."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from analyticlens.machine import clock
from analyticlens.protocol.records import VerdictBody

# Pictures a second somebody gets to see at most.
MOST_PER_SECOND = 5.0


@dataclass(frozen=True, slots=True)
class LivePicture:
    """A JPEG and the verdict whose overlay belongs over it; None for a snapshot, which was not inspected."""

    jpeg: bytes
    body: VerdictBody | None


class Live:
    """Offered by the loop, taken by the link."""

    def __init__(self) -> None:
        """Begin unwatched and empty."""
        self.watched = False
        self.changed = threading.Event()
        self._mutex = threading.Lock()
        self._newest: LivePicture | None = None
        self._next_at = 0.0

    @property
    def wanted(self) -> bool:
        """Whether the next inspection shall make a picture for viewers."""
        return self.watched and clock.mono() >= self._next_at

    def offer(self, jpeg: bytes, body: VerdictBody | None) -> None:
        """Put the newest picture there."""
        with self._mutex:
            self._newest = LivePicture(jpeg, body)
            self._next_at = clock.mono() + 1 / MOST_PER_SECOND
        self.changed.set()

    def take(self) -> LivePicture | None:
        """Take the newest picture; None when it was taken already."""
        with self._mutex:
            self.changed.clear()
            newest, self._newest = self._newest, None
            return newest
