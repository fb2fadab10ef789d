"""Triggers: paced by the monotonic clock, never piled up, bounded when people ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analyticlens.machine import clock
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers import Pacer, TriggerQueue, refuse_unknown
from analyticlens.machine.triggers.queue import MOST_WAITING
from analyticlens.protocol.configuration import ContinuousTrigger
from tests.machine.helpers import configuration


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a one-element list that is the monotonic clock."""
    time = [1000.0]
    monkeypatch.setattr(clock, "mono", lambda: time[0])
    return time


def test_the_first_cycle_is_due_at_once_and_the_next_an_interval_later(outbox: Outbox, now: list[float]) -> None:
    pacer = Pacer(ContinuousTrigger(interval_ms=200), outbox)
    assert pacer.seconds_left == 0
    pacer.take()
    assert pacer.seconds_left == pytest.approx(0.2)


def test_a_slow_cycle_does_not_shift_the_beat(outbox: Outbox, now: list[float]) -> None:
    pacer = Pacer(ContinuousTrigger(interval_ms=200), outbox)
    pacer.take()
    now[0] += 0.35
    pacer.take()
    assert pacer.seconds_left == pytest.approx(0.05)


def test_cycles_that_were_slept_through_are_missed_and_not_made_up_for(outbox: Outbox, now: list[float]) -> None:
    pacer = Pacer(ContinuousTrigger(interval_ms=100), outbox)
    pacer.take()
    now[0] += 1.05
    triggered = pacer.take()
    counters = outbox.counters()
    assert (counters.triggered, counters.missed, triggered.count) == (11, 9, 11)
    assert pacer.seconds_left == pytest.approx(0.05)


def test_by_frames_something_is_always_due_and_nothing_missed(outbox: Outbox, now: list[float]) -> None:
    pacer = Pacer(ContinuousTrigger(pace="frames"), outbox)
    for _ in range(3):
        pacer.take()
        now[0] += 5
        assert pacer.seconds_left <= 0
    assert (outbox.counters().triggered, outbox.counters().missed) == (3, 0)


def test_manual_triggers_come_in_order_with_their_parts(outbox: Outbox) -> None:
    queue = TriggerQueue(outbox)
    assert [queue.put("a"), queue.put("b")] == [1, 2]
    first, second, none = queue.take(), queue.take(), queue.take()
    assert first is not None
    assert second is not None
    assert ((first.part_id, first.count), (second.part_id, second.count), none) == (("a", 1), ("b", 2), None)


def test_sixteen_may_wait_and_the_next_is_told_busy(outbox: Outbox) -> None:
    queue = TriggerQueue(outbox)
    for _ in range(MOST_WAITING):
        queue.put(None)
    with pytest.raises(NotNow, match="busy"):
        queue.put(None)
    counters = outbox.counters()
    assert (counters.triggered, counters.refused) == (MOST_WAITING + 1, 1)


def test_what_is_forgotten_is_missed(outbox: Outbox) -> None:
    queue = TriggerQueue(outbox)
    queue.put(None)
    queue.put(None)
    queue.forget()
    assert (queue.take(), outbox.counters().missed) == (None, 2)


def test_a_line_of_the_camera_is_refused_in_words_where_the_source_has_none() -> None:
    with pytest.raises(NotNow, match="sources of type pasta cannot be triggered by a line of the camera"):
        refuse_unknown(configuration(trigger={"type": "external", "signal": {"type": "hardware"}}))
