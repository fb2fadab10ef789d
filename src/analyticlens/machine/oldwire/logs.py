"""The folder of result logs: a buffer that is written in batches, and what is kept when it is full.

`keep_last` drops the oldest file for a new one; `keep_first` refuses new ones. The logs are a convenience for old clients: what must
not be lost is in the outbox. A folder that cannot be written is said once, and once more when it can be again.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from analyticlens.machine import clock
from analyticlens.protocol.configuration import Logging

logger = logging.getLogger(__name__)
_NUMBERED = re.compile(r"^(\d+)-")


@dataclass(frozen=True, slots=True)
class Cleared:
    """What clearing the folder did, in files."""

    removed: int
    errors: int
    remaining: int


def wanted(policy: str, approved: bool) -> bool:
    """Return whether a result is logged under a policy: ALL, APPROVED or REJECTED (everything that is not approved)."""
    return policy == "ALL" or (policy == "APPROVED") == approved


class LogBook:
    """The result logs of one machine. Thread-safe; one thread of its own writes batches that are due."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._files = deque(_by_age(folder))
        self._next = 1 + max(
            (int(found[1]) for path in self._files if (found := _NUMBERED.match(path.name))), default=0
        )
        self._buffer: list[tuple[str, bytes]] = []
        self._settings = Logging()
        self._due = 0.0
        self._filled = threading.Event()
        self._closing = threading.Event()
        self._failing = False
        self._writer: threading.Thread | None = None

    @property
    def count(self) -> int:
        """How many files there are."""
        with self._lock:
            return len(self._files)

    @property
    def buffered(self) -> int:
        """How many results wait to be written."""
        with self._lock:
            return len(self._buffer)

    def add(self, name: str, packed: bytes, settings: Logging) -> None:
        """Take one result; name is its id. It is written with its batch: when that is full, or `batch_ms` after its first."""
        with self._lock:
            self._settings = settings
            if settings.mode == "keep_first" and len(self._files) + len(self._buffer) >= settings.max_logs:
                return
            if not self._buffer:
                self._due = clock.mono() + settings.batch_ms / 1000
            self._buffer.append((name, packed))
            if len(self._buffer) >= settings.batch_size:
                self.flush()
                return
            self._filled.set()
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_when_due, name="result-logs", daemon=True)
                self._writer.start()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            batch, self._buffer = self._buffer, []
            self._filled.clear()
            for name, packed in batch:
                self._keep(name, packed)

    def files(self) -> list[Path]:
        """Return the files, oldest first. Files that somebody else took away are none of ours any more."""
        with self._lock:
            self._files = deque(path for path in self._files if path.exists())
            return list(self._files)

    def discard(self, path: Path) -> bool:
        """Delete one file; False when it could not be deleted and is still there."""
        with self._lock:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                logger.warning("result log %s cannot be deleted: %s", path.name, error)
                return False
            if path in self._files:
                self._files.remove(path)
            return True

    def clear(self) -> Cleared:
        """Delete every file, those still waiting too."""
        with self._lock:
            self.flush()
            outcome = [self.discard(path) for path in self.files()]
            return Cleared(removed=sum(outcome), errors=outcome.count(False), remaining=len(self._files))

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._closing.set()
        self.flush()
        self._filled.set()

    def _write_when_due(self) -> None:
        while not self._closing.is_set():
            self._filled.wait()
            clock.wait(self._closing, self._due - clock.mono())
            with self._lock:
                if self._buffer and clock.mono() >= self._due:
                    self.flush()

    def _keep(self, name: str, packed: bytes) -> None:
        """Write one file, after making room for it; called with the lock held."""
        most = self._settings.max_logs
        while self._settings.mode == "keep_last" and self._files and len(self._files) >= max(most, 1):
            if not self.discard(self._files[0]):
                return
        if len(self._files) >= most:
            return
        path = self._folder / f"{self._next:010d}-{name}.alog"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(packed)
            part.rename(path)
        except OSError as error:
            if not self._failing:
                logger.error("result logs cannot be written to %s: %s", self._folder, error)
            self._failing = True
            return
        if self._failing:
            logger.info("result logs are written again to %s", self._folder)
        self._failing = False
        self._next += 1
        self._files.append(path)


def _by_age(folder: Path) -> list[Path]:
    """Return the logs already there, oldest first. A folder that is not there yet has none."""
    try:
        found = [(path.stat().st_mtime_ns, path) for path in folder.glob("*.alog")]
    except OSError:
        return []
    return [path for _, path in sorted(found)]
