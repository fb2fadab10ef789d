"""What recipes name beside themselves (templates, golden pictures, models), kept by content below the machine's data folder."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from analyticlens.machine import clock
from analyticlens.machine.whole import write_whole

FOLDER = "blobs"
# What no recipe names any more is kept this long: the last good recipe may be asked for again.
KEPT = timedelta(days=30)


class BlobFiles(Mapping[str, bytes]):
    """Files named by their SHA-256. Reading checks nothing: the engine compares the hash when it builds a tool."""

    def __init__(self, data: Path) -> None:
        """Use the folder in a machine's data folder; it is made with the first file."""
        self._folder = data / FOLDER

    def path(self, sha256: str) -> Path:
        """Return where a file lies."""
        return self._folder / sha256[:2] / sha256

    def __getitem__(self, sha256: str) -> bytes:
        """Return a file's bytes. Raises KeyError when it is not there."""
        try:
            return self.path(sha256).read_bytes()
        except OSError:
            raise KeyError(sha256) from None

    def __iter__(self) -> Iterator[str]:
        return (path.name for path in self._folder.glob("??/*") if not path.suffix)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def missing(self, names: Collection[str]) -> list[str]:
        """Return which of these are not there whole, in order. A file that a power cut tore counts as missing."""
        return [name for name in names if hashlib.sha256(self.get(name, b"")).hexdigest() != name]

    def write(self, sha256: str, content: bytes) -> None:
        """Keep a file: whole and on the disk when this returns, or not at all. Raises OSError, ValueError for other bytes than named."""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"the bytes received for {sha256[:12]}… are others")
        target = self.path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)

    def prune(self, named: Collection[str]) -> int:
        """Remove files that nothing names and that are old; return how many."""
        removed = 0
        limit = clock.wall().timestamp() - KEPT.total_seconds()
        for path in self._folder.glob("??/*"):
            if path.name not in named and path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
        return removed
