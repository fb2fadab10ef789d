"""Who controls a machine: one at a time, for as long as they say so, under a number that only grows."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from api import clock


class ControlLease(models.Model):
    """The newest lease of a machine's control; free where it ended. `fence` grows with each taking, so that what an earlier holder asked
    is told from what the present one asks.

    Living state like a heartbeat: renewing writes no entry. Taking, giving back and breaking do (`api.control`).
    """

    machine = models.OneToOneField("api.VirtualMachine", models.PROTECT, primary_key=True, related_name="control")
    fence = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(_("holder"), max_length=200)
    # The holder's session or token, hashed: the same person elsewhere is somebody else.
    through = models.CharField(max_length=64)
    seconds = models.PositiveSmallIntegerField()
    taken_at = models.DateTimeField(_("taken"), default=clock.wall)
    ends_at = models.DateTimeField(_("ends"))

    class Meta:
        verbose_name = _("control lease")
        verbose_name_plural = _("control leases")

    def __str__(self) -> str:
        return f"{self.machine_id} {self.fence}"

    @property
    def seconds_left(self) -> float:
        """How long it still holds; 0 where it ended."""
        return max(0.0, (self.ends_at - clock.wall()).total_seconds())
