"""Answers that are kept under a program's key, so that asking again is no second act."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from api import clock


class KeptAnswer(models.Model):
    """What a call was answered; `status` 0 while it is being made. A program's own facts, and no entry."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    asked = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.wall)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_a_key")]
        indexes = [models.Index(fields=["created_at"], name="kept_since")]

    def __str__(self) -> str:
        return f"{self.key} {self.status}"
