"""Control of a machine: somebody takes it, keeps it by renewing, and meanwhile nobody else asks anything of the machine but to stop.

Whoever asks nothing of a kind needs no lease: a machine nobody controls is free to all. Each taking has a number, the fence. Commands
carry the fence they were asked under and a machine refuses older ones than the newest it heard of, so what an earlier holder asked is
not carried out under the next one's hands. Follows the locking of OPC UA's devices (OPC 10000-100, 7) with fencing tokens.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from api import bus, clock
from api.errors import BadInput, NotNow, telling
from audit import Actor, acting
from audit.models import record

if TYPE_CHECKING:
    from api.models import ControlLease, VirtualMachine

SECONDS = 30
SHORTEST, LONGEST = 5, 300


def current(machine: VirtualMachine) -> ControlLease | None:
    """Return the lease that holds now, None where the machine is free."""
    lease = _newest(machine)
    return lease if lease is not None and lease.seconds_left > 0 else None


def fence_of(machine: VirtualMachine) -> int:
    """Return the number of the newest taking; 0 where nobody ever took control."""
    lease = _newest(machine)
    return lease.fence if lease else 0


def holds(lease: ControlLease | None, by: Actor) -> bool:
    """Return whether somebody is the holder, by the session or token they took control with."""
    return lease is not None and bool(by.through) and lease.through == by.through


def take(machine: VirtualMachine, by: Actor, seconds: int = SECONDS) -> ControlLease:
    """Take control, or keep it for another while. Raises NotNow where somebody else has it, BadInput for a time out of bounds."""
    from api.models import ControlLease

    if not SHORTEST <= seconds <= LONGEST:
        raise BadInput(_("Control is taken for %(least)s to %(most)s seconds.") % {"least": SHORTEST, "most": LONGEST})
    with telling("take control", machine, by), transaction.atomic(), acting(by):
        locked = type(machine).objects.select_for_update(no_key=True).get(pk=machine.pk)
        if not locked.is_active:
            raise NotNow(_("%(machine)s is retired.") % {"machine": locked.machine_id})
        lease = _newest(locked)
        held = lease is not None and lease.seconds_left > 0
        ends = clock.wall() + timedelta(seconds=seconds)
        if lease is not None and held:
            _refuse_others(locked, lease, by)
            lease.seconds, lease.ends_at = seconds, ends
            lease.save(update_fields=["seconds", "ends_at"])
            return lease
        said = {"fence": lease.fence + 1 if lease else 1, "holder": by.name[:200], "through": by.through}
        timing = {"seconds": seconds, "taken_at": clock.wall(), "ends_at": ends}
        lease, _made = ControlLease.objects.update_or_create(machine=locked, defaults={**said, **timing})
        record("take control", locked, fence=lease.fence)
        bus.publish(locked.topic, {"what": "control", "fence": lease.fence})
    return lease


def give_back(machine: VirtualMachine, by: Actor) -> None:
    """End one's control. Where one has none, that is as good. Raises NotNow where somebody else has it."""
    with telling("give back control", machine, by), transaction.atomic(), acting(by):
        locked = type(machine).objects.select_for_update(no_key=True).get(pk=machine.pk)
        lease = current(locked)
        if lease is None:
            return
        _refuse_others(locked, lease, by)
        _end(locked, lease, "give back control")


def break_it(machine: VirtualMachine, by: Actor, reason: str) -> None:
    """End whoever's control; for administrators."""
    with transaction.atomic(), acting(by, reason):
        locked = type(machine).objects.select_for_update(no_key=True).get(pk=machine.pk)
        lease = current(locked)
        if lease is not None:
            _end(locked, lease, "break control")


def admit(locked: VirtualMachine, by: Actor, *, stops: bool = False) -> int:
    """Return the fence that something asked now carries; the machine's row is locked. A stop is admitted from anybody.

    Raises NotNow where a person asks and somebody else has control, or where they name a taking (`by.fence`) that is over.
    """
    lease = _newest(locked)
    held = lease is not None and lease.seconds_left > 0
    if lease is not None and held and by.kind == "user" and not stops:
        _refuse_others(locked, lease, by)
    if by.fence is not None and not stops and (lease is None or not held or lease.fence != by.fence):
        raise NotNow(_("Your control of %(machine)s is over; take it anew.") % {"machine": locked.machine_id})
    return lease.fence if lease else 0


def _newest(machine: VirtualMachine) -> ControlLease | None:
    from api.models import ControlLease

    return ControlLease.objects.filter(machine_id=machine.pk).first()


def _refuse_others(machine: VirtualMachine, lease: ControlLease, by: Actor) -> None:
    if holds(lease, by):
        return
    left = max(1, round(lease.seconds_left))
    sentence = ngettext(
        "%(holder)s has control of %(machine)s, for %(seconds)s second more.",
        "%(holder)s has control of %(machine)s, for %(seconds)s seconds more.",
        left,
    )
    raise NotNow(sentence % {"holder": lease.holder, "machine": machine.machine_id, "seconds": left})


def _end(machine: VirtualMachine, lease: ControlLease, verb: str) -> None:
    lease.ends_at = clock.wall()
    lease.save(update_fields=["ends_at"])
    record(verb, machine, fence=lease.fence, holder=lease.holder)
    bus.publish(machine.topic, {"what": "control", "fence": lease.fence})
