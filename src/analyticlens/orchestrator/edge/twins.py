"""Two computers with one machine's credential, such as a copied disk: both beat, each in an epoch of its own, and one of them is older.

A single late heartbeat of an older epoch was on its way when the machine began anew. Several within a minute come from a second computer.
The newer epoch is the machine; the other one's heartbeats change nothing, and people are told.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models, transaction

from api import bus, clock
from audit.models import record

if TYPE_CHECKING:
    from analyticlens.protocol.heartbeat import Heartbeat
    from api.models import VirtualMachine

WITHIN = timedelta(seconds=60)
ENOUGH = 3
# So long after its last heartbeat the twin is spoken of.
SHOWN_FOR = timedelta(minutes=5)


class Twin(models.Model):
    """What was heard of a machine's second computer: a fact, and no entry but the first time it is noticed."""

    machine = models.OneToOneField("api.VirtualMachine", models.PROTECT, primary_key=True, related_name="twin")
    beats = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField(default=clock.wall)
    seen_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.machine_id} {self.beats}"


def heard_late(machine: VirtualMachine, said: Heartbeat, address: str) -> None:
    """Take note of a heartbeat that changed nothing; where it is of an older epoch it may be a second computer's."""
    if said.epoch == machine.epoch or said.epoch_no >= machine.epoch_no:
        return
    now = clock.wall()
    with transaction.atomic():
        row, _new = Twin.objects.select_for_update().get_or_create(machine=machine)
        if abs(now - row.since) > WITHIN:
            row.beats, row.since = 0, now
        row.beats += 1
        row.address = address[:64]
        if row.beats >= ENOUGH:
            known = row.seen_at is not None and now - row.seen_at <= SHOWN_FOR
            row.seen_at, row.beats, row.since = now, 0, now
            if not known:
                record("second computer noticed", machine, address=address, epoch_no=said.epoch_no)
                bus.publish(machine.topic, {"what": "state", "twin": True})
        row.save()


def seen(machine: VirtualMachine) -> str | None:
    """Return the address a second computer was heard from of late ("" where nobody knows), None where none was."""
    row = Twin.objects.filter(machine_id=machine.pk).first()
    if row is None or row.seen_at is None or clock.wall() - row.seen_at > SHOWN_FOR:
        return None
    return row.address
