"""The entries, chained from the first row: django-auditlog finds the differences, this room dates, signs and links them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from auditlog.models import AbstractLogEntry, LogEntryManager
from auditlog.registry import auditlog
from django.conf import settings
from django.db import models, transaction
from django.utils.encoding import smart_str
from django.utils.translation import gettext_lazy as _

from audit import clock
from audit.actor import Actor, current_actor, current_reason
from audit.chain import FIRST_HASH, ChainLink, hash_of

ACTION_WORDS = {0: "create", 1: "update", 2: "delete", 3: "access"}


def masked(_value: str) -> str:
    """Stand in for a value that must not be written down."""
    return "***"


class AppendOnlyError(Exception):
    """Somebody tried to change or delete an entry."""


class AuditHead(models.Model):
    """One row: the newest entry's number and hash. Its lock is what puts concurrent writers in line."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=FIRST_HASH)

    def __str__(self) -> str:
        return f"{self.seq} {self.hash[:12]}"


class AppendOnly(models.QuerySet["AuditEntry"]):
    """Entries can be added and read."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse: raises AppendOnlyError."""
        raise AppendOnlyError("audit entries are never changed")

    def delete(self) -> NoReturn:
        """Refuse: raises AppendOnlyError."""
        raise AppendOnlyError("audit entries are never deleted")


class AuditEntry(AbstractLogEntry):  # type: ignore[misc]
    """One act: who (text), when, from where, what, before and after, why; linked to the entry before it."""

    # No database constraint on either: entries outlive the account and the model they tell of.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )
    content_type = models.ForeignKey(
        "contenttypes.ContentType", models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )
    timestamp = models.DateTimeField(_("when"), default=clock.wall, db_index=True)

    seq = ChainLink(_("number"), unique=True)
    prev_hash = models.CharField(_("previous hash"), max_length=64)
    hash = models.CharField(_("hash"), max_length=64)
    actor_kind = models.CharField(_("kind of actor"), max_length=10)
    actor_name = models.CharField(_("who"), max_length=200, db_index=True)
    verb = models.CharField(_("act"), max_length=100)
    object_type = models.CharField(_("kind of thing"), max_length=100)
    reason = models.CharField(_("reason"), max_length=2000, blank=True)
    refused = models.BooleanField(_("refused"), default=False, db_index=True)

    objects = LogEntryManager.from_queryset(AppendOnly)()

    class Meta(AbstractLogEntry.Meta):  # type: ignore[misc]
        ordering = ["-seq"]
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")

    def __str__(self) -> str:
        return f"{self.seq} {self.actor_name}: {self.verb} {self.object_repr}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Append the entry; it is linked while it is written. A second save raises AppendOnlyError."""
        if not self._state.adding:
            raise AppendOnlyError("audit entries are never changed")
        self._say_who()
        with transaction.atomic():
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: raises AppendOnlyError."""
        raise AppendOnlyError("audit entries are never deleted")

    def link(self) -> None:
        """Take the next number and compute the hashes, with the head row locked until the transaction ends."""
        head, _made = AuditHead.objects.select_for_update().get_or_create(pk=1)
        self.seq = head.seq + 1
        self.prev_hash = head.hash
        self.hash = hash_of(self.prev_hash, self.content())
        AuditHead.objects.filter(pk=1).update(seq=self.seq, hash=self.hash)

    def content(self) -> dict[str, Any]:
        """Return what the hash covers: everything a reader may rely on, as text."""
        return {
            "seq": self.seq,
            "at": self.timestamp.isoformat(),
            "actor_kind": self.actor_kind,
            "actor_name": self.actor_name,
            "address": self.remote_addr,
            "verb": self.verb,
            "refused": self.refused,
            "object_type": self.object_type,
            "object_pk": str(self.object_pk),
            "object_repr": str(self.object_repr),
            "changes": self.changes,
            "additional_data": self.additional_data,
            "reason": self.reason,
        }

    def _say_who(self) -> None:
        if not self.actor_name:
            self._sign(current_actor())
        self.reason = (self.reason or current_reason())[:2000]
        self.verb = self.verb or ACTION_WORDS[self.action]
        if not self.object_type and self.content_type is not None:
            self.object_type = f"{self.content_type.app_label}.{self.content_type.model}"

    def _sign(self, actor: Actor) -> None:
        self.actor_kind = actor.kind
        self.actor_name = actor.name[:200]
        self.actor_id = actor.user_id
        self.remote_addr = _address(actor.address)


class Audited(models.Model):
    """A row people write: saved and deleted in one transaction with its entry."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row and its entry, or neither."""
        with transaction.atomic():
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row and write its entry, or neither."""
        with transaction.atomic():
            return super().delete(*args, **kwargs)


def track(
    model: type[models.Model], *, but: Iterable[str] = (), secret: Iterable[str] = (), several: Iterable[str] = ()
) -> None:
    """Have every save and delete of model leave an entry, and every change of `several`, its many-to-many fields.

    Living fields in `but` are facts and leave none; secrets are masked.
    """
    skipped = {*but, "id"}
    fields = [field.name for field in model._meta.concrete_fields if field.name not in skipped]
    auditlog.register(model, include_fields=fields, mask_fields=list(secret), m2m_fields=set(several))


def record(
    verb: str, subject: models.Model | str, *, reason: str = "", refused: bool = False, **data: Any
) -> AuditEntry:
    """Append an entry about an act that is no row's save: `data` is what a reader should know (JSON)."""
    row = subject if isinstance(subject, models.Model) else None
    return AuditEntry.objects.create(  # type: ignore[no-any-return]
        action=AbstractLogEntry.Action.ACCESS,
        object_type=row._meta.label_lower if row is not None else "",
        object_pk=str(row.pk) if row is not None else "",
        object_repr=smart_str(subject)[:500],
        verb=verb[:100],
        reason=reason,
        refused=refused,
        additional_data=data or None,
    )


def record_refusal(verb: str, subject: models.Model | str, reason: str, **data: Any) -> AuditEntry:
    """Append an entry about an attempt that was refused; reason is the sentence the asker was given."""
    return record(verb, subject, reason=reason, refused=True, **data)


def broken_links(entries: Iterable[AuditEntry]) -> Iterator[int]:
    """Yield the number of each entry, given from the first in order, that does not follow from the one before it."""
    previous, number = FIRST_HASH, 0
    for entry in entries:
        number += 1
        if entry.seq != number or entry.prev_hash != previous or entry.hash != hash_of(previous, entry.content()):
            yield int(entry.seq)
        previous, number = str(entry.hash), int(entry.seq)


def _address(text: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address(text)) if text else None
    except ValueError:
        return None
