"""Files by their content: hashed while they come in, on the disk before a row says so.

A file is first written to `incoming/` under a random name, synced, then renamed to its own name, which comes of its SHA-256; then its
row is written. A crash in between leaves a file in `incoming/`, which `sweep` removes, or a whole file that the next attempt finds.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, default_storage, storages

from api import clock

ORPHAN_AGE = timedelta(hours=1)
HEAD = 16


class TakenIn(NamedTuple):
    """A file that came in whole: where it waits, what its bytes are."""

    path: Path
    sha256: str
    size: int
    head: bytes


@contextmanager
def taken_in(chunks: Iterable[bytes]) -> Iterator[TakenIn]:
    """Write chunks to a file of their own, synced, and give it; what was not placed by the end is removed."""
    path = _incoming() / f"{secrets.token_hex(16)}.part"
    digest, size, head = hashlib.sha256(), 0, b""
    try:
        with path.open("xb") as file:
            for chunk in chunks:
                head = (head + chunk)[:HEAD] if len(head) < HEAD else head
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        yield TakenIn(path, digest.hexdigest(), size, head)
    finally:
        path.unlink(missing_ok=True)


def place(incoming: Path, name: str) -> None:
    """Give a complete file its name in the storage; it is on the disk when this returns."""
    if not isinstance(storages["default"], FileSystemStorage):
        if not default_storage.exists(name):
            with incoming.open("rb") as file:
                default_storage.save(name, File(file))
        return
    target = Path(default_storage.path(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    incoming.replace(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _incoming() -> Path:
    folder = Path(settings.MEDIA_ROOT) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def spread(kind: str, sha256: str) -> str:
    """Return a file's name in the storage: spread over folders, without anything a stranger chose."""
    return f"{kind}/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def sweep() -> int:
    """Remove what crashes left in `incoming/`; return how many files."""
    removed = 0
    limit = (clock.wall() - ORPHAN_AGE).timestamp()
    for path in _incoming().glob("*.part"):
        try:
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue
    return removed
