"""Heartbeats, as they are kept: one a minute a machine, and every one that changed something."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from api import clock
from api.models import choices


class VMHeartbeat(models.Model):
    """A sign of life. Creating one is receiving it: the machine's state follows."""

    virtual_machine = models.ForeignKey(
        "api.VirtualMachine", models.CASCADE, related_name="heartbeats", verbose_name=_("machine")
    )
    timestamp = models.DateTimeField(_("when"), default=clock.wall, db_index=True)
    status = models.CharField(_("status"), max_length=20, choices=choices.STATUSES)
    connection_status = models.CharField(
        _("connection"), max_length=20, choices=choices.CONNECTION_STATUSES, default="connected"
    )
    error_message = models.TextField(_("error message"), blank=True)
    performance_metrics = models.JSONField(_("performance"), default=dict, blank=True)
    # Which heartbeat of the machine's it was: "" and 0 where somebody made the row. Order is (epoch_no, hb_seq).
    epoch = models.CharField(max_length=32, blank=True, default="", editable=False)
    epoch_no = models.PositiveBigIntegerField(default=0, editable=False)
    hb_seq = models.PositiveBigIntegerField(default=0, editable=False)
    wall = models.CharField(_("machine's clock"), max_length=200, blank=True, default="", editable=False)
    late = models.BooleanField(_("told later"), default=False, editable=False)

    class Meta:
        ordering = ["-timestamp"]
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        indexes = [models.Index(fields=["virtual_machine", "-timestamp"], name="heartbeat_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["virtual_machine", "epoch", "hb_seq"], condition=~models.Q(epoch=""), name="one_row_a_heartbeat"
            )
        ]

    def __str__(self) -> str:
        return f"{self.virtual_machine} {self.timestamp:%Y-%m-%d %H:%M:%S}"

    def clean(self) -> None:
        """Refuse what a machine cannot say about itself."""
        if self.status in {"offline", "maintenance"}:
            raise ValidationError(_("A heartbeat cannot say %(status)s.") % {"status": self.status})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row; a new one is received in the same transaction."""
        if not self._state.adding:
            super().save(*args, **kwargs)
            return
        from api.receiving import Report, receive

        self.clean_fields(exclude={"virtual_machine"})
        self.clean()
        with transaction.atomic():
            super().save(*args, **kwargs)
            report = Report(
                status=self.status,
                connection_status=self.connection_status,
                error_message=self.error_message,
                # A date still to come would hide the silence until then.
                at=min(self.timestamp, clock.wall()),
                metrics=self.performance_metrics,
            )
            receive(self.virtual_machine, report, sample=self)
