"""One row per change of a machine's state."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from api import clock
from api.models import choices


class Transition(models.Model):
    """What a machine's state was and became. History, source of downtime, and (while `handled_at` is empty) work of the alerts."""

    machine = models.ForeignKey(
        "api.VirtualMachine", models.PROTECT, related_name="transitions", verbose_name=_("machine")
    )
    at = models.DateTimeField(_("when"), default=clock.wall, db_index=True)
    old_status = models.CharField(_("status before"), max_length=20, choices=choices.STATUSES)
    new_status = models.CharField(_("status after"), max_length=20, choices=choices.STATUSES)
    old_connection = models.CharField(_("connection before"), max_length=20, choices=choices.CONNECTION_STATUSES)
    new_connection = models.CharField(_("connection after"), max_length=20, choices=choices.CONNECTION_STATUSES)
    cause = models.CharField(_("cause"), max_length=20, help_text=_("heartbeat, silence, goodbye or person"))
    message = models.CharField(_("message"), max_length=2000, blank=True)
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("transition")
        verbose_name_plural = _("transitions")
        indexes = [models.Index(fields=["handled_at", "id"], name="transition_unhandled")]

    def __str__(self) -> str:
        return f"{self.old_status}/{self.old_connection} -> {self.new_status}/{self.new_connection}"
