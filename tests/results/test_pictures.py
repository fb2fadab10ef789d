"""Pictures by content: a row says stored only where the file is, whole; crashes and lies leave nothing behind."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from api import clock
from api.models import VirtualMachine
from results import pictures
from results.models import StoredPicture

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def media(settings: object, tmp_path: Path) -> Path:
    """Store pictures in a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    return tmp_path


def name(data: bytes) -> str:
    """Return a picture's SHA-256."""
    return hashlib.sha256(data).hexdigest()


def in_pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    """Give data in pieces."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def leftovers(media: Path) -> list[Path]:
    """Return the files that are no stored picture."""
    return [path for path in media.rglob("*") if path.is_file() and "pictures" not in path.parts]


def test_a_picture_is_stored_under_its_hash(machine: VirtualMachine, media: Path) -> None:
    row = pictures.store_picture(machine, name(JPEG), in_pieces(JPEG))
    assert (row.mime, row.size) == ("image/jpeg", len(JPEG))
    with default_storage.open(row.name) as file:
        assert file.read() == JPEG
    assert leftovers(media) == []


def test_storing_it_again_is_the_same_row(machine: VirtualMachine) -> None:
    first = pictures.store_picture(machine, name(JPEG), in_pieces(JPEG))
    assert pictures.store_picture(machine, name(JPEG), in_pieces(JPEG)) == first
    assert StoredPicture.objects.count() == 1


@pytest.mark.parametrize("cut", [0, 1, 5000, len(JPEG) - 1])
def test_a_truncated_picture_is_refused_and_leaves_nothing(machine: VirtualMachine, media: Path, cut: int) -> None:
    with pytest.raises(pictures.WrongPicture, match="SHA-256"):
        pictures.store_picture(machine, name(JPEG), in_pieces(JPEG[:cut]))
    assert StoredPicture.objects.count() == 0
    assert [path for path in media.rglob("*") if path.is_file()] == []


def test_what_is_no_picture_is_refused(machine: VirtualMachine, media: Path) -> None:
    page = b"<script>alert(1)</script>"
    with pytest.raises(pictures.WrongPicture, match="neither"):
        pictures.store_picture(machine, name(page), in_pieces(page))
    assert leftovers(media) == []


def test_an_upload_that_breaks_leaves_nothing(machine: VirtualMachine, media: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield JPEG[:100]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        pictures.store_picture(machine, name(JPEG), breaking())
    assert leftovers(media) == []
    assert StoredPicture.objects.count() == 0


def test_a_row_whose_file_is_gone_does_not_say_stored(machine: VirtualMachine) -> None:
    row = pictures.store_picture(machine, name(JPEG), in_pieces(JPEG))
    assert pictures.stored(row.sha256) == row
    default_storage.delete(row.name)
    assert pictures.stored(row.sha256) is None
    pictures.store_picture(machine, name(JPEG), in_pieces(JPEG))
    assert pictures.stored(row.sha256) == row


def test_the_sweep_removes_what_crashes_left_and_nothing_fresh(media: Path, seed: int) -> None:
    folder = media / "incoming"
    folder.mkdir()
    old, fresh = folder / "old.part", folder / "fresh.part"
    for path in (old, fresh):
        path.write_bytes(random.Random(seed).randbytes(100))
    two_hours_ago = clock.wall().timestamp() - 7200
    os.utime(old, (two_hours_ago, two_hours_ago))
    assert pictures.sweep() == 1
    assert [path.name for path in folder.iterdir()] == ["fresh.part"]
