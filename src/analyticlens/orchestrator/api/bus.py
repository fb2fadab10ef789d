"""The live bus: what changed, told to the pages and machines that wait for it.

An event is a row with ids and words, never a rendered page, written in the transaction of the change it tells of. Whoever waits in this
process is woken when that transaction commits; other processes see the row when they next look (`POLL_SECONDS`). A lost wake-up costs
one look, a lost event nothing but freshness: everything told here can be read anew.

Topics are `machine:<machine_id>`; `what` in the data is state, transition, result, event, desired, command, frame
or watched.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from api import clock

if TYPE_CHECKING:
    from api.models import LiveEvent

POLL_SECONDS = 0.25
KEPT = timedelta(minutes=10)
MOST_AT_ONCE = 500

_wakers: list[Callable[[], None]] = []
_lock = threading.Lock()


def _events() -> type[LiveEvent]:
    # The models publish, so they import this module first.
    from api.models import LiveEvent

    return LiveEvent


def publish(topic: str, data: dict[str, Any]) -> None:
    """Tell topic that data happened: a row now, a wake-up once the surrounding transaction has committed."""
    _events().objects.create(topic=topic, data=data)
    transaction.on_commit(wake)


def publish_all(news: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Tell many topics at once, each its data: one statement, written by hand, as no row has to be read back."""
    at = connection.ops.adapt_datetimefield_value(clock.wall())
    values = [value for topic, data in news for value in (topic, json.dumps(data), at)]
    if not values:
        return
    rows = ", ".join(["(%s, %s, %s)"] * (len(values) // 3))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO api_liveevent (topic, data, created_at) VALUES {rows}", values)
    transaction.on_commit(wake)


def wake() -> None:
    """Call everyone in this process who waits for events."""
    with _lock:
        wakers = list(_wakers)
    for waker in wakers:
        waker()


def on_wake(waker: Callable[[], None]) -> Callable[[], None]:
    """Have waker called, in the publishing thread, after each commit that published; return what ends that."""
    with _lock:
        _wakers.append(waker)

    def end() -> None:
        with _lock:
            _wakers.remove(waker)

    return end


def newest_id() -> int:
    """Return the number of the newest event; 0 when there is none."""
    newest = _events().objects.order_by("-id").values_list("id", flat=True).first()
    return newest or 0


def since(last_id: int, limit: int = MOST_AT_ONCE) -> list[LiveEvent]:
    """Return the events after last_id, oldest first."""
    return list(_events().objects.filter(id__gt=last_id).order_by("id")[:limit])


def backlog(last_id: int, topics: Sequence[str] | None = None) -> list[LiveEvent] | None:
    """Return what a reader missed after last_id; None when that can no longer be said (pruned, restored, or too much)."""
    events = _events().objects
    if last_id and not events.filter(id=last_id).exists():
        return None
    missed = events.filter(id__gt=last_id)
    if topics is not None:
        missed = missed.filter(topic__in=topics)
    found = list(missed.order_by("id")[: MOST_AT_ONCE + 1])
    return None if len(found) > MOST_AT_ONCE else found


def prune() -> int:
    """Forget events older than `KEPT`; return how many. The newest one stays, so that readers can go on from it."""
    old = _events().objects.filter(created_at__lt=clock.wall() - KEPT).exclude(id=newest_id())
    deleted, _ = old.delete()
    return deleted
