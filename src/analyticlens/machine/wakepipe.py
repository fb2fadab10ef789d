"""A pipe that wakes a thread which waits for descriptors: whoever has news for it writes, it reads them away."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for


class WakePipe:
    """Both ends of the pipe. Any thread wakes; one thread waits."""

    def __init__(self) -> None:
        """Open the pipe."""
        self.reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._mutex = threading.Lock()
        self._open = True

    def wake(self) -> None:
        """Wake the thread that waits, or let its next waiting end at once."""
        # A full pipe means it is awake a thousand times over; a closed one may be somebody else's by now.
        with self._mutex, suppress(BlockingIOError):
            if self._open:
                os.write(self._writer, b"!")

    def wait(self, seconds: float, also: Sequence[Connection] = ()) -> Sequence[object]:
        """Wait until somebody wakes or one of `also` can be read, at most so long; return what can be read. News is read away."""
        ready = wait_for([self.reader, *also], max(0.0, seconds))
        self.drain()
        return ready

    def drain(self) -> None:
        """Read the news away."""
        with suppress(BlockingIOError):
            while os.read(self.reader, 4096):
                pass

    def close(self) -> None:
        """Close both ends."""
        with self._mutex:
            self._open = False
            os.close(self.reader)
            os.close(self._writer)
