"""Pictures, by their content: hashed while they come in, on the disk before a row says so (`recipes.content` says how)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import transaction

from api.errors import BadInput
from api.models import Command
from recipes import content
from recipes.content import sweep
from results.models import InspectionResult, StoredPicture, picture_name

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from api.models import VirtualMachine

__all__ = ["WrongPicture", "named_by", "store_picture", "stored", "sweep"]

MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


class WrongPicture(BadInput):
    """The bytes are not what their name says, or no picture that is kept here."""

    code = "wrong_picture"


def stored(sha256: str) -> StoredPicture | None:
    """Return the picture's row if it is stored and its file is there."""
    row = StoredPicture.objects.filter(sha256=sha256).first()
    return row if row is not None and row.is_there() else None


def named_by(machines: QuerySet[VirtualMachine], sha256: str) -> StoredPicture | None:
    """Return the stored picture if a result of one of these machines, or what an act brought there, names it; else None."""
    named = (
        InspectionResult.objects.filter(machine__in=machines, picture_sha256=sha256).exists()
        or Command.objects.filter(machine__in=machines, result__picture=sha256).exists()
    )
    return stored(sha256) if named else None


def store_picture(machine: VirtualMachine, sha256: str, chunks: Iterable[bytes]) -> StoredPicture:
    """Store the picture whose bytes come in chunks; storing it again changes nothing.

    Raises WrongPicture when the bytes have another hash, or are neither JPEG nor PNG.
    """
    with content.taken_in(chunks) as file:
        if file.sha256 != sha256:
            raise WrongPicture(f"the bytes received have the SHA-256 {file.sha256}, not the one in the address")
        mime = next((mime for magic, mime in MAGIC if file.head.startswith(magic)), None)
        if mime is None:
            raise WrongPicture("this is neither a JPEG nor a PNG picture")
        content.place(file.path, picture_name(sha256))
    with transaction.atomic():
        row, _made = StoredPicture.objects.get_or_create(
            sha256=sha256, defaults={"mime": mime, "size": file.size, "machine": machine}
        )
    return row
