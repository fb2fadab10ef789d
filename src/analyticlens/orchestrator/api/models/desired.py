"""What people asked a machine to be, as numbered versions that never change."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from analyticlens.protocol.desired import DesiredBody
from api import clock
from audit.models import Audited


class DesiredVersion(Audited):
    """Version n of a machine's desired state: configuration, run state and its generation, mode, recipe hash."""

    machine = models.ForeignKey("api.VirtualMachine", models.PROTECT, related_name="desired_versions")
    version = models.PositiveBigIntegerField(_("version"))
    body = models.JSONField(_("what was asked"))
    sha256 = models.CharField(max_length=64)
    author = models.CharField(_("author"), max_length=200)
    reason = models.CharField(_("reason"), max_length=2000)
    created_at = models.DateTimeField(_("when"), default=clock.wall)

    class Meta:
        ordering = ["-version"]
        verbose_name = _("desired version")
        verbose_name_plural = _("desired versions")
        constraints = [models.UniqueConstraint(fields=["machine", "version"], name="desired_version_once")]

    def __str__(self) -> str:
        return f"{self.machine.machine_id} {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new version; one that exists is history and raises TypeError."""
        if not self._state.adding:
            raise TypeError("a desired version never changes; ask for the next one")
        super().save(*args, **kwargs)

    @property
    def asked(self) -> DesiredBody:
        """The body as the contract's model."""
        return DesiredBody.model_validate(self.body)
