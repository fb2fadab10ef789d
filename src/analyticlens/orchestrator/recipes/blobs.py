"""What recipes name beside themselves: stored by content, read by the engine here and by the machines through their door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.tools import ToolCommon
from api.errors import BadInput
from audit import Actor, acting
from recipes import content
from recipes.models import Blob

if TYPE_CHECKING:
    from api.models import VirtualMachine

MIB = 1024 * 1024
# A model of a few hundred megabytes is no inspection's model any more.
LARGEST = 256 * MIB
PNG, JPEG, OTHER = "image/png", "image/jpeg", "application/octet-stream"
MAGIC = ((b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG))


def store_blob(chunks: Iterable[bytes], name: str, by: Actor) -> Blob:
    """Store bytes that come in chunks and return their row; the same bytes again are the same row. Raises BadInput for none or too many."""
    with content.taken_in(_bounded(chunks)) as file:
        if not file.size:
            raise BadInput(_("The file is empty."))
        known = Blob.objects.filter(sha256=file.sha256).first()
        if known is not None and known.is_there():
            return known
        row = known or Blob(
            sha256=file.sha256,
            name=" ".join(name.split())[:200] or file.sha256[:12],
            mime=next((mime for magic, mime in MAGIC if file.head.startswith(magic)), OTHER),
            size=file.size,
            author=by.name[:200],
        )
        content.place(file.path, row.path)
    return row if known else _written(row, by)


def _written(row: Blob, by: Actor) -> Blob:
    """Write the row; who stored the same bytes at the same moment was first."""
    try:
        with transaction.atomic(), acting(by, _("recipe file stored")):
            row.save()
    except IntegrityError:
        return Blob.objects.get(sha256=row.sha256)
    return row


def _bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > LARGEST:
            raise BadInput(_("A recipe file may have at most %(size)s MiB.") % {"size": LARGEST // MIB})
        yield chunk


class StoredBlobs(Mapping[str, bytes]):
    """The stored bytes by their SHA-256, read when they are asked for."""

    def __getitem__(self, sha256: str) -> bytes:
        """Return the bytes. Raises KeyError when they are not stored."""
        row = Blob.objects.filter(sha256=sha256).first()
        if row is None or not row.is_there():
            raise KeyError(sha256)
        with default_storage.open(row.path, "rb") as file:
            return bytes(file.read())

    def __iter__(self) -> Iterator[str]:
        return iter(Blob.objects.values_list("sha256", flat=True))

    def __len__(self) -> int:
        return Blob.objects.count()


def check_blobs(recipe: Recipe) -> None:
    """Raise BadInput, naming the tool, when something the recipe names is not stored."""
    there = {row.sha256 for row in Blob.objects.filter(sha256__in=recipe.blobs) if row.is_there()}
    tools: tuple[ToolCommon, ...] = recipe.tools
    for tool in tools:
        if missing := [name for name in tool.blobs if name not in there]:
            raise BadInput(
                _("The tool %(tool)s needs the file %(name)s…, which is not stored here.")
                % {"tool": tool.name, "name": missing[0][:12]}
            )


def named_by(machine: VirtualMachine, sha256: str) -> Blob | None:
    """Return the stored file if a recipe version or a desired configuration of this machine names it: others are none of its business."""
    row = Blob.objects.filter(sha256=sha256).first()
    if row is None or not row.is_there():
        return None
    if machine.desired_versions.filter(body__configuration__health__reference=sha256).exists():
        return row
    versions = machine.recipe_versions.filter(canonical__contains=sha256)
    return row if any(sha256 in version.recipe.blobs for version in versions) else None
