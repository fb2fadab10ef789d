"""The live bus: told once committed, missed events can be had again, old ones are forgotten."""

from __future__ import annotations

import pytest
from django.db import transaction

from api import bus, clock
from api.models import LiveEvent


class Failed(Exception):
    """A transaction that goes wrong."""


def test_the_wake_up_comes_with_the_commit(transactional_db: None) -> None:
    woken: list[int] = []
    end = bus.on_wake(lambda: woken.append(LiveEvent.objects.count()))
    try:
        with transaction.atomic():
            bus.publish("machine:vm_001", {"what": "state"})
            assert woken == []
        assert woken == [1]
    finally:
        end()
    bus.publish("machine:vm_001", {"what": "state"})
    assert woken == [1]


def test_what_is_rolled_back_is_not_told(transactional_db: None) -> None:
    woken: list[None] = []
    end = bus.on_wake(lambda: woken.append(None))

    @transaction.atomic
    def fail() -> None:
        bus.publish("machine:vm_001", {"what": "state"})
        raise Failed

    with pytest.raises(Failed):
        fail()
    end()
    assert (woken, bus.newest_id()) == ([], 0)


def test_a_reader_gets_what_came_after_its_place(db: None) -> None:
    for number in range(5):
        bus.publish(f"machine:vm_00{number % 2}", {"what": "state", "n": number})
    place = bus.newest_id() - 3
    assert [event.data["n"] for event in bus.since(place)] == [2, 3, 4]
    missed = bus.backlog(place, ["machine:vm_001"])
    assert missed is not None
    assert [event.data["n"] for event in missed] == [3]


def test_a_place_that_is_gone_or_too_far_back_cannot_be_resumed(db: None) -> None:
    bus.publish("machine:vm_001", {})
    place = bus.newest_id()
    assert bus.backlog(place + 1000) is None
    LiveEvent.objects.bulk_create([LiveEvent(topic="t", data={}) for _ in range(bus.MOST_AT_ONCE + 1)])
    assert bus.backlog(place) is None


def test_old_events_are_forgotten_but_the_newest(db: None) -> None:
    for _ in range(3):
        bus.publish("machine:vm_001", {})
    newest = bus.newest_id()
    assert bus.prune() == 0
    with clock.shifted(bus.KEPT.total_seconds() + 1):
        assert bus.prune() == 2
    assert bus.newest_id() == newest
