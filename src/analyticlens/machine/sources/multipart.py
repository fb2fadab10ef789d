"""The parts of a `multipart/x-mixed-replace` stream, one JPEG each, from a camera that may say anything."""

from __future__ import annotations

from collections.abc import Iterator

from analyticlens.machine.decode import MAX_BYTES

MOST_HEAD = 16 * 1024
MOST_LINE = 512


class NotParts(Exception):
    """What comes is no stream of parts, or a part is larger than a picture may be."""


class Parts:
    """Reads parts from pieces of any size."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Read from pieces; nothing is taken yet."""
        self._pieces = pieces
        self._held = bytearray()
        self._mark = b""

    def next(self) -> bytes:
        """Return the next part's body. Raises NotParts, EOFError at the end, and what the pieces raise."""
        if not self._mark:
            self._mark = self._first_mark()
        else:
            self._until(self._mark, MAX_BYTES)
        head = bytes(self._until(b"\r\n\r\n", MOST_HEAD))
        size = _length(head)
        if size is not None:
            return self._exactly(size)
        # Without a length a part ends where the next mark begins, which stays to be read.
        body = bytes(self._until(b"\r\n" + self._mark, MAX_BYTES))
        self._held[:0] = self._mark
        return body

    def _first_mark(self) -> bytes:
        """Return the line that parts begin with. What the head calls it is often wrong, so the stream itself is asked."""
        while True:
            line = bytes(self._until(b"\r\n", MOST_LINE)).strip()
            if line.startswith(b"--") and len(line) > 2:
                return line
            if line:
                raise NotParts

    def _until(self, end: bytes, most: int) -> bytearray:
        """Take what comes before `end`, and `end` away."""
        looked = 0
        while (at := self._held.find(end, max(0, looked - len(end)))) < 0:
            looked = len(self._held)
            if looked > most:
                raise NotParts
            self._more()
        taken = self._held[:at]
        del self._held[: at + len(end)]
        return taken

    def _exactly(self, size: int) -> bytes:
        if size > MAX_BYTES:
            raise NotParts
        while len(self._held) < size:
            self._more()
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def _more(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            raise EOFError
        self._held += piece


def _length(head: bytes) -> int | None:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        text = value.strip()
        if name.strip().lower() == b"content-length" and text.isdigit() and len(text) < 12:
            return int(text)
    return None
