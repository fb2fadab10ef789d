"""One-shot acts: trigger, snapshot, clear error. At most once, with a time to live."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from analyticlens.protocol import desired as contract
from api import bus, clock
from api.models import choices
from audit.models import Audited

# How much the clocks of our servers may differ. A command dated further ahead was asked before the clock was set back: how old it is,
# nobody knows.
AHEAD = timedelta(seconds=5)

# A machine that began an act and says nothing of it for so long after its time: nobody knows what became of it. It may still tell.
UNHEARD = timedelta(minutes=10)

# What a report may find the command in; anything else it says comes too late.
_BEFORE: dict[str, tuple[str, ...]] = {
    "started": ("queued",),
    "done": ("queued", "started"),
    "failed": ("queued", "started"),
    "refused": ("queued", "started"),
    "expired": ("queued", "started"),
    "unknown": ("queued", "started"),
}


class Command(Audited):
    """An act asked of a machine, and what became of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    machine = models.ForeignKey("api.VirtualMachine", models.PROTECT, related_name="commands")
    kind = models.CharField(_("act"), max_length=20, choices=choices.COMMAND_KINDS)
    args = models.JSONField(_("arguments"), default=dict, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    author = models.CharField(_("author"), max_length=200)
    created_at = models.DateTimeField(_("when"), default=clock.wall)
    expires_at = models.DateTimeField(_("good until"))
    state = models.CharField(_("state"), max_length=10, choices=choices.COMMAND_STATES, default="queued")
    message = models.CharField(_("message"), max_length=2000, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)
    reported_at = models.DateTimeField(_("reported"), null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("command")
        verbose_name_plural = _("commands")
        indexes = [models.Index(fields=["machine", "state"], name="command_waiting")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def as_contract(self) -> contract.Command:
        """Return the command as a machine reads it, with the milliseconds it has left: never more than it had."""
        left = (self.expires_at - max(clock.wall(), self.created_at)).total_seconds()
        return contract.Command.model_validate(
            {
                "id": str(self.id),
                "kind": self.kind,
                "args": self.args,
                "ttl_ms_left": max(0, int(left * 1000)),
                "fence": self.fence,
            }
        )

    def report(self, said: contract.CommandReport) -> bool:
        """Take a machine's report; False when it came after another that settled the command."""
        changes: dict[str, Any] = {
            "state": said.state,
            "message": said.message,
            "result": said.result,
            "reported_at": clock.wall(),
        }
        given_up = models.Q(state="unknown", reported_at=None)
        known = models.Q(state__in=_BEFORE[said.state])
        if said.state != "started":
            known |= given_up
        if Command.objects.filter(known, pk=self.pk).update(**changes) == 0:
            return False
        for name, value in changes.items():
            setattr(self, name, value)
        self._tell()
        return True

    def _tell(self) -> None:
        """Tell open pages what became of it."""
        bus.publish(
            f"machine:{self.machine.machine_id}",
            {"what": "command", "id": str(self.id), "kind": self.kind, "state": self.state},
        )

    @classmethod
    def waiting(cls, machine_pk: int) -> list[Command]:
        """Return the machine's commands that still have time, oldest first."""
        now = clock.wall()
        queued = cls.objects.filter(
            machine_id=machine_pk, state="queued", expires_at__gt=now, created_at__lte=now + AHEAD
        )
        return list(queued.order_by("created_at"))

    @classmethod
    def expire(cls) -> int:
        """Close the commands nobody took in time, and those a machine began and never ended; return how many."""
        now = clock.wall()
        ahead = models.Q(created_at__gt=now + AHEAD)
        late = cls._close(ahead | models.Q(expires_at__lte=now), "queued", state="expired", reported_at=now)
        return late + cls._close(
            ahead | models.Q(expires_at__lte=now - UNHEARD), "started", state="unknown", reported_at=None
        )

    @classmethod
    def _close(cls, which: models.Q, before: str, **changes: Any) -> int:
        """Change those of a state, each told once however many watchers run; return how many."""
        closed = 0
        for command in cls.objects.filter(which, state=before).select_related("machine").order_by("created_at"):
            if cls.objects.filter(pk=command.pk, state=before).update(**changes):
                command.state = changes["state"]
                command._tell()
                closed += 1
        return closed
