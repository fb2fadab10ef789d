"""Telling subscribers of finished inspections, on one thread of its own: a slow viewer never slows the loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from analyticlens.machine import log
from analyticlens.machine.status import ResultEvent

MOST_WAITING = 256


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is called, and who says whether pictures are wanted."""

    callback: Callable[[ResultEvent], None]
    wants: Callable[[], bool]


class Announcer:
    """Calls every subscriber in the order of the inspections. What a subscriber raises is logged and hurts nobody else."""

    def __init__(self) -> None:
        """Begin without subscribers."""
        self._subscriptions: list[Subscription] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="announcer")
        self._room = threading.BoundedSemaphore(MOST_WAITING)
        self._full = False

    def subscribe(self, callback: Callable[[ResultEvent], None], wants: Callable[[], bool]) -> None:
        """Add a subscriber."""
        self._subscriptions.append(Subscription(callback, wants))

    @property
    def wanted(self) -> bool:
        """Whether any subscriber wants the next inspection's pictures."""
        return any(subscription.wants() for subscription in self._subscriptions)

    def announce(self, event: ResultEvent) -> None:
        """Tell all subscribers soon. When they are hopelessly behind the event is left out for them, and the log says so once."""
        for subscription in self._subscriptions:
            if not self._room.acquire(blocking=False):
                if not self._full:
                    log.event(
                        "viewers_behind",
                        f"more than {MOST_WAITING} results wait for viewers; some are left out for them",
                    )
                self._full = True
                return
            self._full = False
            self._pool.submit(subscription.callback, event).add_done_callback(self._done)

    def close(self) -> None:
        """Stop telling."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _done(self, future: Future[None]) -> None:
        self._room.release()
        if not future.cancelled() and (error := future.exception()) is not None:
            log.event("viewer_failed", f"{type(error).__name__}: {error}")
