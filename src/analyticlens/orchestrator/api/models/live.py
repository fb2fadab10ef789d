"""Rows of the live bus, and which life of the orchestrator this is."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from api import clock


class LiveEvent(models.Model):
    """Something happened: ids and words for those who wait (`api.bus` writes and reads these)."""

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=100)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.wall, db_index=True)

    class Meta:
        verbose_name = _("live event")
        verbose_name_plural = _("live events")

    def __str__(self) -> str:
        return f"{self.id} {self.topic}"


def _fresh() -> str:
    return uuid.uuid4().hex


class Instance(models.Model):
    """One row: an id made anew by each start of the service and by a restore, so that machines compare their marks."""

    instance_id = models.CharField(max_length=32, default=_fresh)
    started_at = models.DateTimeField(default=clock.wall)
    # Until when the server is known to have lived, and for how many seconds the wall clock is doubted (`api.lifetime`).
    lived_until = models.FloatField(null=True, editable=False)
    clock_doubt = models.FloatField(default=0.0, editable=False)

    def __str__(self) -> str:
        return self.instance_id

    @classmethod
    def current(cls) -> Instance:
        """Return the row, made if there is none yet."""
        row, _made = cls.objects.get_or_create(pk=1)
        return row

    @classmethod
    def renew(cls) -> Instance:
        """Begin another life: the service starts, or a backup was restored."""
        row, _made = cls.objects.update_or_create(pk=1, defaults={"instance_id": _fresh(), "started_at": clock.wall()})
        return row
