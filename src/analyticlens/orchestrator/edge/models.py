"""Who a machine is: its tokens, and the one-time codes that become one. Of both only hashes are stored."""

from __future__ import annotations

import secrets
import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from analyticlens.protocol.fingerprint import fingerprint_of, joined
from api import clock
from audit import acting
from audit.models import record, record_refusal
from edge import credentials

# Django finds an app's tables in this module alone.
from edge.secrets import MachineSecret as MachineSecret
from edge.twins import Twin as Twin
from user.credentials import Token, new_token, parse_token

if TYPE_CHECKING:
    from api.models import VirtualMachine
    from audit import Actor

CODE_LIFE = timedelta(minutes=15)
MOST_TRIES = 10
OVERLAP = timedelta(hours=24)
# Writing each use would be one more write a heartbeat.
USE_NOTED_EVERY = timedelta(minutes=5)


def code_expiry() -> datetime:
    """Return until when a code made now is good."""
    return clock.wall() + CODE_LIFE


class MachineToken(models.Model):
    """A machine's key to its own door. `prefix` names it in lists and logs."""

    machine = models.ForeignKey("api.VirtualMachine", models.CASCADE, related_name="tokens", verbose_name=_("machine"))
    prefix = models.CharField(_("prefix"), max_length=12, unique=True)
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("made"), default=clock.wall)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    expires_at = models.DateTimeField(_("good until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    made_from = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, editable=False, related_name="made")

    class Meta:
        verbose_name = _("machine token")
        verbose_name_plural = _("machine tokens")

    def __str__(self) -> str:
        return f"alm_{self.prefix}_…"

    @classmethod
    def issue(cls, machine: VirtualMachine, made_from: MachineToken | None = None) -> Token:
        """Return a new token of machine, asked for with another one or not; this is the only time its text is known here."""
        token = new_token("alm")
        cls.objects.create(machine=machine, prefix=token.id, sha256=token.sha256, made_from=made_from)
        return token

    @classmethod
    def lock(cls, machine_id: int) -> dict[int, MachineToken]:
        """Return the machine's tokens as they are now, nobody else's until the transaction ends; what is asked after this sees all."""
        return {row.pk: row for row in cls.objects.select_for_update().filter(machine_id=machine_id).order_by("pk")}

    @classmethod
    def find(cls, text: str) -> MachineToken | None:
        """Return the token that text is, with its machine, if it is good now. Each look is at the database: a revoked one is dead."""
        token = parse_token(text, "alm")
        if token is None:
            return None
        row = cls.objects.select_related("machine").filter(prefix=token.id).first()
        # Compared even when there is no row, so that the time taken does not tell whether the prefix exists.
        same = secrets.compare_digest(token.sha256, row.sha256 if row else "0" * 64)
        return row if row is not None and same and row.is_good() else None

    def is_good(self) -> bool:
        """Return whether it opens the door now."""
        return self.revoked_at is None and (self.expires_at is None or clock.wall() < self.expires_at)

    def used(self) -> None:
        """Note a use, now and then; the first one ends the tokens this one replaced."""
        now = clock.wall()
        if self.last_used_at is not None and now - self.last_used_at < USE_NOTED_EVERY:
            return
        with transaction.atomic():
            if self.last_used_at is None and (row := MachineToken.lock(self.machine_id).get(self.pk)) and row.is_good():
                older = MachineToken.objects.filter(machine_id=self.machine_id, id__lt=self.pk, revoked_at=None)
                older.update(revoked_at=now)
            MachineToken.objects.filter(pk=self.pk).update(last_used_at=now)
        self.last_used_at = now

    def rotate(self) -> Token | None:
        """Return a new token, None where this one was ended meanwhile.

        This one stays good for `OVERLAP` or until the new one is used. Asking again replaces an unused new one that came of this one.
        """
        now = clock.wall()
        with transaction.atomic():
            row = MachineToken.lock(self.machine_id).get(self.pk)
            if row is None or not row.is_good():
                return None
            self._end_unused(now)
            token = MachineToken.issue(self.machine, self)
            until = min(filter(None, [row.expires_at, now + OVERLAP]))
            MachineToken.objects.filter(pk=self.pk).update(expires_at=until)
            record("rotate token", self.machine, old=self.prefix, new=token.id)
        return token

    def revoke(self) -> None:
        """End the token at once, and one that was asked for with it and not used yet."""
        now = clock.wall()
        with transaction.atomic():
            MachineToken.lock(self.machine_id)
            MachineToken.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=now)
            self._end_unused(now)
            record("revoke token", self.machine, prefix=self.prefix)

    def _end_unused(self, now: datetime) -> None:
        """End what came of this token and was not used yet."""
        MachineToken.objects.filter(made_from=self.pk, last_used_at=None, revoked_at=None).update(revoked_at=now)


class EnrolmentCode(models.Model):
    """A one-time code that makes a machine of ours out of a computer: 15 minutes, one use, ten tries, one machine."""

    machine = models.ForeignKey(
        "api.VirtualMachine", models.CASCADE, related_name="enrolment_codes", verbose_name=_("machine")
    )
    sha256 = models.CharField(max_length=64)
    issued_by = models.CharField(_("issued by"), max_length=200)
    created_at = models.DateTimeField(_("made"), default=clock.wall)
    expires_at = models.DateTimeField(_("good until"), default=code_expiry)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)
    tries = models.PositiveSmallIntegerField(_("wrong tries"), default=0)

    class Meta:
        verbose_name = _("enrolment code")
        verbose_name_plural = _("enrolment codes")

    def __str__(self) -> str:
        return f"{self.machine} {self.created_at:%F %R}"

    @classmethod
    def alive(cls) -> models.QuerySet[EnrolmentCode]:
        """Return the codes that may still be used."""
        return cls.objects.filter(used_at=None, tries__lt=MOST_TRIES, expires_at__gt=clock.wall())


def issue_code(machine: VirtualMachine, by: Actor | None = None) -> str:
    """Return a new enrolment code of machine, shown this once; earlier ones are void."""
    code = credentials.new_code()
    with acting(by), transaction.atomic():
        EnrolmentCode.alive().filter(machine=machine).update(expires_at=clock.wall())
        entry = record("issue enrolment code", machine)
        EnrolmentCode.objects.create(machine=machine, sha256=credentials.hash_code(code), issued_by=entry.actor_name)
    return code


def carried(code: str) -> str:
    """Return the code as a person carries it to a machine: with the fingerprint of our authority, where we have one of our own."""
    path = settings.TLS_AUTHORITY
    return joined(code, fingerprint_of(Path(path).read_text(encoding="ascii")) if path else "")


def enrol_command(machine_id: str, url: str, code: str) -> str:
    """Return the command that makes a computer the machine, for a person to copy."""
    return shlex.join(["analyticlens", "machine", "--machine-id", machine_id, "--django-url", url, "--enrol", code])


def enrol(machine_id: str, code: str) -> Token | None:
    """Use a code up and return a token for its machine, or None, without saying why, when the two do not fit.

    Enrolling anew ends every older token: the newest enrolment is the machine.
    """
    with transaction.atomic():
        waiting = EnrolmentCode.alive().filter(machine__machine_id=machine_id, machine__is_active=True)
        row = waiting.select_for_update(no_key=True).select_related("machine").order_by("-id").first()
        if row is None:
            return None
        if not secrets.compare_digest(row.sha256, credentials.hash_code(code)):
            EnrolmentCode.objects.filter(pk=row.pk).update(tries=F("tries") + 1)
            record_refusal("enrol", row.machine, "wrong enrolment code")
            return None
        now = clock.wall()
        EnrolmentCode.objects.filter(pk=row.pk).update(used_at=now)
        MachineToken.lock(row.machine_id)
        MachineToken.objects.filter(machine=row.machine, revoked_at=None).update(revoked_at=now)
        token = MachineToken.issue(row.machine)
        record("enrol", row.machine, prefix=token.id)
        return token
