"""Stored pictures as files named by their SHA-256, below one folder of the data folder."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path


class PictureFiles:
    """Content-addressed files: the name is the content's hash, so a file is written once and never changed."""

    def __init__(self, folder: Path) -> None:
        """Use folder, made when the first picture comes."""
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Return where the picture of this hash lies."""
        return self.folder / sha256[:2] / f"{sha256}.jpg"

    def write(self, sha256: str, content: bytes) -> None:
        """Keep a picture; one already there is left as it is. Raises OSError.

        Not flushed to the disk: a picture that a power cut tore is noticed by its hash when it is read.
        """
        target = self.path(sha256)
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
        draft.write_bytes(content)
        draft.rename(target)

    def read(self, sha256: str) -> bytes | None:
        """Return a picture's bytes; None when it is gone or no longer what its name says."""
        try:
            content = self.path(sha256).read_bytes()
        except FileNotFoundError:
            return None
        return content if hashlib.sha256(content).hexdigest() == sha256 else None

    def remove(self, sha256: str) -> None:
        """Remove a picture, if it is there."""
        self.path(sha256).unlink(missing_ok=True)

    def stray(self) -> Iterator[Path]:
        """Yield files that a crash left half written."""
        return self.folder.glob("??/*.tmp")
