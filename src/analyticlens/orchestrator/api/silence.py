"""Finding machines that fell silent. The watcher calls `Watch.look` every few seconds; any number of watchers may run."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import models, transaction

from analyticlens.protocol.heartbeat import OFFLINE_SECONDS
from api import clock
from api.models import Instance, VirtualMachine
from api.receiving import note_change
from audit.models import record

log = logging.getLogger(__name__)

PERIOD = timedelta(seconds=OFFLINE_SECONDS)
CLOCK_STEP = 2.0
# A disconnected machine is known to be away; all others owe a sign of life.
HEARD = ("connected", "connecting", "error")


class Watch:
    """One watcher's memory: when it looked last, so that it knows whether it was away itself."""

    def __init__(self) -> None:
        self._last_look: float | None = None
        self._drift = 0.0
        self._hold_until = 0.0

    def look(self) -> list[str]:
        """Call offline whoever was silent for too long; return their machine_ids.

        Nobody is, for a full period, after this watcher or the service itself was away, or after somebody set the clock: then
        it is the silence of our own ears.
        """
        now, wall = clock.mono(), clock.wall()
        if self._was_away(now, wall):
            self._hold_until = now + OFFLINE_SECONDS
        if now < self._hold_until or abs(wall - Instance.current().started_at) < PERIOD:
            return []
        return [row.machine_id for row in _silent(wall) if call_offline(row)]

    def _was_away(self, now: float, wall: datetime) -> bool:
        """Remember this look; return whether it is the first, comes late, or finds the clock set since the last, which is told."""
        last_look, last_drift = self._last_look, self._drift
        self._last_look, self._drift = now, wall.timestamp() - now
        if last_look is None:
            return True
        step = self._drift - last_drift
        if abs(step) > CLOCK_STEP:
            record("clock set", "server", seconds=round(step, 1))
            return True
        return now - last_look > OFFLINE_SECONDS


def _silent(now: datetime) -> models.QuerySet[VirtualMachine]:
    """Return those who owe a sign of life; one dated well ahead was given before the clock was set back."""
    heard = VirtualMachine.objects.filter(is_active=True, connection_status__in=HEARD)
    late = models.Q(last_heartbeat__lte=now - PERIOD) | models.Q(last_heartbeat__gt=now + PERIOD)
    return heard.filter(late | models.Q(last_heartbeat=None))


def call_offline(machine: VirtualMachine) -> bool:
    """Call one machine offline, unless it spoke or another watcher was first: the row must still be as it was read."""
    with transaction.atomic():
        before = (machine.status, machine.connection_status)
        status = machine.status if machine.status == "maintenance" else "offline"
        same = VirtualMachine.objects.filter(
            pk=machine.pk,
            is_active=True,
            status=machine.status,
            connection_status=machine.connection_status,
            last_heartbeat=machine.last_heartbeat,
        )
        if same.update(status=status, connection_status="disconnected") == 0:
            return False
        machine.status, machine.connection_status = status, "disconnected"
        note_change(machine, before, cause="silence")
    log.warning("machine fell silent", extra={"machine": machine.machine_id, "last": str(machine.last_heartbeat)})
    return True
