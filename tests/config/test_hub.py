"""The reader of the bus: who asked gets what was told, a slow reader is told that it missed something."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from config.hub import MOST_WAITING, Subscription


def event(number: int, topic: str = "machine:vm_001") -> Any:
    """Return what a subscription is offered."""
    return SimpleNamespace(id=number, topic=topic, data={})


def test_a_subscription_gets_its_topics_in_order() -> None:
    async def run() -> list[int]:
        mine = Subscription(frozenset({"machine:vm_001"}))
        for number in range(4):
            mine.offer(event(number, f"machine:vm_00{number % 2 + 1}"))
        return [taken.id for taken in mine.take()]

    assert asyncio.run(run()) == [0, 2]


def test_a_reader_too_slow_loses_the_old_ones_and_knows_it() -> None:
    async def run() -> tuple[bool, int]:
        everything = Subscription(None)
        for number in range(MOST_WAITING + 5):
            everything.offer(event(number))
        return everything.overflowed, len(everything.take())

    assert asyncio.run(run()) == (True, 5)


def test_waiting_ends_with_an_event_and_with_time() -> None:
    async def run() -> tuple[bool, bool]:
        mine = Subscription(None)
        mine.offer(event(1))
        first = await mine.wait(5)
        mine.take()
        return first, await mine.wait(0.01)

    assert asyncio.run(run()) == (True, False)
