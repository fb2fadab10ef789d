"""The data folder of one `analyticlens up`: its lock, and what it remembers of the demonstration line."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class FolderBusy(Exception):
    """Another `analyticlens up` runs on the folder; its process id, "" when it did not say."""


@dataclass(frozen=True)
class Folder:
    """Paths below the data folder."""

    root: Path

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.root / "logs"

    @property
    def password(self) -> Path:
        """The administrator's first password, mode 0600."""
        return self.root / "admin-password"

    def machine(self, machine_id: str) -> Path:
        """The data folder of one machine."""
        return self.root / "machines" / machine_id

    def make(self) -> None:
        """Make the folder, for its owner alone. Raises OSError."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def lock(self) -> int:
        """Take the folder for this process, as long as the returned descriptor is open. Raises FolderBusy, OSError."""
        descriptor = os.open(self.root / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise FolderBusy(holder) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        return descriptor

    def left_unclean(self) -> bool:
        """Return whether the `up` before this one never came to its end: its processes may still be ending."""
        return (self.root / "up.running").exists()

    def begin(self) -> None:
        """Note that an `up` runs."""
        (self.root / "up.running").touch()

    def leave(self) -> None:
        """Note that it came to its end."""
        (self.root / "up.running").unlink(missing_ok=True)

    def ports(self) -> dict[str, int]:
        """Return machine id -> the port it had last."""
        return self._read("ports.json") or {}

    def keep_ports(self, ports: dict[str, int]) -> None:
        """Keep the machines' ports, so that they are found where they were."""
        self._write("ports.json", ports)

    def line(self) -> dict[str, Any] | None:
        """Return machine id -> what was remembered of it; None before the first start with a demonstration line."""
        return self._read("line.json")

    def remember(self, line: dict[str, Any]) -> None:
        """Keep what is to be known of the line at the next start."""
        self._write("line.json", line)

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            kept: dict[str, Any] = json.loads((self.root / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return kept

    def _write(self, name: str, kept: dict[str, Any]) -> None:
        fresh = self.root / f"{name}.tmp"
        fresh.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        fresh.replace(self.root / name)
