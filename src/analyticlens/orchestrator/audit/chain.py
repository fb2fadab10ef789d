"""The chain: each entry's number, the hash of the one before, and its own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

from django.db import models

from analyticlens.protocol.canonical import canonical_json

if TYPE_CHECKING:
    BigIntegerField = models.BigIntegerField[int, int]
else:
    BigIntegerField = models.BigIntegerField

FIRST_HASH = "0" * 64


class Linked(Protocol):
    """An entry that can be linked to the one before it."""

    seq: int | None

    def link(self) -> None:
        """Take the next number and compute the hashes."""


class ChainLink(BigIntegerField):
    """The entry's number. Declared first of the chain's fields: writing it links the entry, so no way of inserting goes around."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the number to write; a new entry takes it now, with the head row locked."""
        if add:
            entry: Linked = model_instance  # type: ignore[assignment]
            entry.link()
        return super().pre_save(model_instance, add)


def hash_of(previous: str, content: dict[str, Any]) -> str:
    """Return the SHA-256 that links content (text, numbers, lists, dicts) to the hash before it."""
    return hashlib.sha256(f"{previous}\n{canonical_json(content)}".encode()).hexdigest()
