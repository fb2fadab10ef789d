"""A connection on which nobody asks anything is closed: it would hold one of the few file handles there are.

uvicorn bounds the pause after an answer, not the time a request's head takes. What follows a head is bounded in `config.body`.
"""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0


class Hurried(H11Protocol):
    """uvicorn's HTTP/1.1, which gives up on a head that does not come, drips, or follows a body nobody wanted."""

    _given_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first head."""
        super().connection_made(transport)
        # An answer is written in two parts. Without this the second waits until the client has acknowledged the first, which it puts off
        # for 40 ms. asyncio sets it only where the listening socket names its protocol, and ours, made by hand, does not.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take what came. The wait ends with a whole head, not with some bytes of it."""
        super().data_received(data)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        """Wait from now on, unless something is being answered, or it is waited for already."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._given_up is None:
            self._given_up = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._given_up is not None:
            self._given_up.cancel()
            self._given_up = None
