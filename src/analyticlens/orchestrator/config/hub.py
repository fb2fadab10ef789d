"""The live bus inside one ASGI process: one reader of events, any number of waiting streams and polls, none of which holds a thread."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from django.db import Error, close_old_connections

from api import bus

if TYPE_CHECKING:
    from api.models import LiveEvent

log = logging.getLogger(__name__)
MOST_WAITING = 1000
P = ParamSpec("P")
T = TypeVar("T")

# Django's database calls block, so the plain ASGI handlers hand them to these few threads.
_pool = ThreadPoolExecutor(4, thread_name_prefix="live-db")


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a call that uses the database in the small pool."""

    def job() -> T:
        close_old_connections()
        return call(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_pool, job)


class Subscription:
    """Events of some topics (None: all) waiting for one reader; a reader too slow loses them all and is told so by `overflowed`."""

    def __init__(self, topics: frozenset[str] | None) -> None:
        self.topics = topics
        self.overflowed = False
        self._events: deque[LiveEvent] = deque()
        self._wake = asyncio.Event()

    def offer(self, event: LiveEvent) -> None:
        """Add an event, if it is of a topic asked for."""
        if self.topics is not None and event.topic not in self.topics:
            return
        if len(self._events) >= MOST_WAITING:
            self._events.clear()
            self.overflowed = True
        self._events.append(event)
        self._wake.set()

    def poke(self) -> None:
        """Wake the reader without an event."""
        self._wake.set()

    def take(self) -> list[LiveEvent]:
        """Return what waits, oldest first, and forget it."""
        taken = list(self._events)
        self._events.clear()
        self._wake.clear()
        return taken

    async def wait(self, seconds: float) -> bool:
        """Wait for an event or a poke; False when seconds passed without one."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return False
        return True


class Hub:
    """Reads the bus for every subscription of this process. Belongs to the event loop it is first used in."""

    def __init__(self) -> None:
        self.stopping = False
        self._subscriptions: set[Subscription] = set()
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def readers(self) -> int:
        """How many streams and polls wait here."""
        return len(self._subscriptions)

    async def subscribe(self, topics: frozenset[str] | None) -> Subscription:
        """Return a subscription that misses no event committed after this returns."""
        subscription = Subscription(topics)
        self._subscriptions.add(subscription)
        if self._reader is None:
            self._loop = asyncio.get_running_loop()
            self._reader = asyncio.create_task(self._read(), name="live-bus")
        await self._ready.wait()
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._subscriptions.discard(subscription)

    def stop(self) -> None:
        """End every stream and poll soon; callable from any thread or signal handler."""
        self.stopping = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop_now)

    def _stop_now(self) -> None:
        self._wake.set()
        self._ready.set()
        for subscription in self._subscriptions:
            subscription.poke()

    def _wake_threadsafe(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def _read(self) -> None:
        forget = bus.on_wake(self._wake_threadsafe)
        try:
            last = await self._newest()
            self._ready.set()
            while not self.stopping:
                last = await self._pass_on(last)
                await self._pause()
        finally:
            forget()
            self._reader = None
            self._ready.clear()

    async def _newest(self) -> int:
        while not self.stopping:
            try:
                return await in_thread(bus.newest_id)
            except Error:
                log.exception("the live bus cannot read the database; trying again")
                await asyncio.sleep(1)
        return 0

    async def _pass_on(self, last: int) -> int:
        try:
            events = await in_thread(bus.since, last)
        except Error:
            log.exception("the live bus cannot read the database; trying again")
            await asyncio.sleep(1)
            return last
        for event in events:
            for subscription in self._subscriptions:
                subscription.offer(event)
        if len(events) == bus.MOST_AT_ONCE:
            self._wake.set()
        return events[-1].id if events else last

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), bus.POLL_SECONDS)
        except TimeoutError:
            return
        self._wake.clear()


hub = Hub()
