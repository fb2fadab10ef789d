"""A folder as a source of pictures."""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterator
from contextlib import contextmanager

from analyticlens.machine import clock, folders
from analyticlens.machine.decode import MAX_BYTES, Undecodable, decode
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources.frames import ANY, Grabbed, Place, Pulse, Wanted
from analyticlens.protocol.configuration import DeepSource
from analyticlens.protocol.configuration import Source as SourceConfig

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
# A file that does not decode and changed this short a time ago is still being written.
SETTLE_SECONDS = 1.0


class FolderSource:
    """A folder's pictures in sorted order, over and over; files that come join at their place, files that go are gone."""

    def __init__(self, config: SourceConfig, place: Place) -> None:
        """Open the folder. Raises SourceRefused when it is missing, empty, unreadable or outside the allowed roots."""
        self._said = config.folder_path
        self._bits = config.bits if isinstance(config, DeepSource) else None
        self._root, self._steps = folders.locate(config.folder_path, place.data, place.roots)
        self._names: list[str] = []
        self._listed_at: tuple[int, int] | None = None
        self._count = 0
        self.position = place.resume.after
        with self._folder() as folder:
            self._list(folder)
            for _ in range(place.resume.skip):
                self._advance(folder)

    def grab(self, wanted: Wanted = ANY) -> Grabbed:
        """Return the next picture of the folder, or why it could not be read."""
        with self._folder() as folder:
            self._list(folder)
            tried: list[Grabbed] = []
            for _ in range(2):
                grabbed, settled = self._read(folder, self._advance(folder))
                if grabbed.image is not None or settled:
                    return grabbed
                tried.append(grabbed)
            return tried[0]

    def pulse(self) -> Pulse:
        """A folder is well while it can be read, which the next grab finds out."""
        return Pulse()

    def close(self) -> None:
        """Nothing is held open between pictures."""

    @contextmanager
    def _folder(self) -> Iterator[int]:
        """Open the folder anew each time, so that one that was replaced or unmounted is noticed."""
        try:
            with folders.opened(self._root, self._steps) as folder:
                yield folder
        except FileNotFoundError:
            raise SourceRefused(f"the folder {self._said} does not exist") from None
        except PermissionError:
            raise SourceRefused(f"the folder {self._said} may not be read by this machine") from None
        except NotADirectoryError:
            raise SourceRefused(f"{self._said} is no folder, or a link leads there") from None
        except OSError as error:
            raise SourceRefused(f"the folder {self._said} cannot be read: {error.strerror or error}") from None

    def _list(self, folder: int) -> None:
        """List the folder when it changed since it was last listed. Raises SourceRefused when no picture is there."""
        state = os.fstat(folder)
        changed = (state.st_ino, state.st_mtime_ns)
        if changed == self._listed_at and self._names:
            return
        self._names = sorted(name for name in os.listdir(folder) if name.lower().endswith(EXTENSIONS))
        self._listed_at = changed
        if not self._names:
            raise SourceRefused(f"the folder {self._said} holds no pictures ({' '.join(EXTENSIONS)})")

    def _advance(self, folder: int) -> str:
        """Return the name after the last one; past the end the folder is listed anew, since a change within one tick shows no trace."""
        index = bisect.bisect_right(self._names, self.position) if self.position else 0
        if index >= len(self._names):
            self._listed_at = None
            self._list(folder)
            index = 0
        self.position = self._names[index]
        self._count += 1
        return self.position

    def _read(self, folder: int, name: str) -> tuple[Grabbed, bool]:
        """Return the picture, or why not, and whether that is settled: a file just now being written may become whole."""
        now = clock.wall()
        text = now.isoformat(timespec="milliseconds")
        changed = 0.0
        # A name of other bytes than UTF-8 is opened as it is, and told with what no text can hold replaced.
        shown = os.fsencode(name).decode("utf-8", "replace")
        try:
            raw, state = folders.read_regular(folder, name, MAX_BYTES)
            changed = state.st_mtime
            return Grabbed(self._count, shown, decode(raw), text, bits=self._bits), True
        except Undecodable as problem:
            grabbed = Grabbed(self._count, shown, None, text, problem.reason, f"{shown}: {problem.sentence}")
        except OSError as error:
            reason = error.strerror or str(error)
            reason = reason.replace(name, shown)
            grabbed = Grabbed(self._count, shown, None, text, "decode_failed", f"{shown} cannot be read: {reason}")
        return grabbed, not 0 <= now.timestamp() - changed < SETTLE_SECONDS
