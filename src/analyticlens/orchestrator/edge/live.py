"""Live pictures: the newest one of each machine somebody looks at. Latest wins, nothing is queued, nothing is kept.

They live in the cache (this process' memory when embedded, Redis when there are several), so a lost one is no loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.cache import cache

from analyticlens.protocol.live import LiveFrame
from analyticlens.protocol.strict import plain
from api import bus, clock

if TYPE_CHECKING:
    from api.models import VirtualMachine

# A page that shows a live picture asks for one at least every ten seconds.
WATCHED_SECONDS = 20
FRAME_SECONDS = 30
# So many can still be had by their number: a page asks for a picture a moment after it was told what to draw over it.
KEPT = 16


@dataclass(frozen=True)
class Newest:
    """The newest live picture of a machine."""

    number: int
    jpeg: bytes
    frame: LiveFrame


def _key(what: str, machine: VirtualMachine) -> str:
    return f"live-{what}-{machine.pk}"


def watched_by_key(machine_pk: int) -> bool:
    """Return whether somebody looks at the live picture of the machine of that row."""
    return cache.get(f"live-watched-{machine_pk}") is not None


def watch(machine: VirtualMachine) -> None:
    """Somebody looks at machine's live picture now: for a while the machine sends them. Tells the machine when nobody did before."""
    before = watched(machine)
    cache.set(_key("watched", machine), 1, WATCHED_SECONDS)
    if not before:
        bus.publish(machine.topic, {"what": "watched"})


def watched(machine: VirtualMachine) -> bool:
    """Return whether somebody looks at machine's live picture."""
    return watched_by_key(machine.pk)


def put(machine: VirtualMachine, jpeg: bytes, frame: LiveFrame) -> int:
    """Make this the newest live picture; return its number, which the pages are told."""
    # Milliseconds, so that a restart does not hand out a number a browser has kept a picture of.
    number = int(clock.wall().timestamp() * 1000)
    cache.set(_key("frames", machine), (*_kept(machine), Newest(number, jpeg, frame))[-KEPT:], FRAME_SECONDS)
    told = plain(frame)
    told.pop("overlay")
    bus.publish(machine.topic, {"what": "frame", "number": number, **told})
    return number


def latest(machine: VirtualMachine) -> Newest | None:
    """Return the newest live picture, or None when none came lately."""
    kept = _kept(machine)
    return kept[-1] if kept else None


def numbered(machine: VirtualMachine, number: int) -> Newest | None:
    """Return the live picture of that number, so that what is drawn over it is its own; None when it is gone."""
    return next((newest for newest in _kept(machine) if newest.number == number), None)


def _kept(machine: VirtualMachine) -> tuple[Newest, ...]:
    found: tuple[Newest, ...] = cache.get(_key("frames", machine), ())
    return found
