"""Request bodies are taken in before a thread is spent on them.

Django's WSGI threads are few. A body is therefore received here, in the event loop, against a size limit and two deadlines, in memory
while it is small and in a temporary file when it is not; the thread then reads it at full speed. A client that sends slowly, for ever
or more than it may holds no thread, and neither does one that does not read its answer.
"""

from __future__ import annotations

import asyncio
import tempfile
from http import HTTPStatus
from typing import IO

from config.plain import Message, Receive, Scope, Send, refuse

MIB = 1024 * 1024
IN_MEMORY = 1 * MIB
CHUNK = 64 * 1024
IDLE_SECONDS = 15.0
WHOLE_SECONDS = 180.0
SEND_SECONDS = 30.0
# The first prefix that fits decides. The views know finer limits; these bound what is received at all.
LIMITS = (
    ("/edge/v1/images/", 20 * MIB),
    ("/edge/v1/quarantine", 20 * MIB),
    ("/edge/v1/live", 8 * MIB),
    ("/edge/", 1 * MIB),
    ("/", 20 * MIB),
)


class BodyTooLarge(Exception):
    """The body is larger than its limit, which the exception carries."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class ClientLeft(Exception):
    """The client disconnected before its body was complete."""


def limit_of(path: str) -> int:
    """Return the most bytes a body sent to path may have."""
    return next(limit for prefix, limit in LIMITS if path.startswith(prefix))


def _declared(scope: Scope) -> int | None:
    """Return the length the client declared; None when it declared none, -1 when what it says is no length."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 19 else -1
    return None


def _has_body(scope: Scope) -> bool:
    return any(name == b"transfer-encoding" for name, _ in scope["headers"]) or _declared(scope) not in {None, 0}


class Received:
    """A complete body, handed out again chunk by chunk."""

    def __init__(self, file: IO[bytes], size: int, receive: Receive) -> None:
        self._file = file
        self._left = size
        self._receive = receive
        self.size = size

    async def receive(self) -> Message:
        """Give the next chunk; after the last one, whatever the connection says next."""
        if self._left <= 0 < self.size:
            return await self._receive()
        chunk = self._file.read(CHUNK)
        self._left -= len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": self._left > 0}


async def take(receive: Receive, limit: int, file: IO[bytes]) -> int:
    """Receive a whole body into file and return its size.

    Raises BodyTooLarge, ClientLeft, or TimeoutError when nothing came for `IDLE_SECONDS` or not all within `WHOLE_SECONDS`.
    """
    size, loop = 0, asyncio.get_running_loop()
    # Counted here: in Python 3.11 a wait that ends at the very moment it is cancelled swallows the cancelling, and a limit from outside
    # with it.
    deadline = loop.time() + WHOLE_SECONDS
    while (left := deadline - loop.time()) > 0:
        message = await asyncio.wait_for(receive(), min(IDLE_SECONDS, left))
        if message["type"] != "http.request":
            raise ClientLeft
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(limit)
        file.write(chunk)
        if not message.get("more_body", False):
            file.seek(0)
            return size
    raise TimeoutError


def with_length(scope: Scope, size: int) -> Scope:
    """Return the scope with the body's true length, and without headers whose name could pass for another's under WSGI."""
    dropped = {b"content-length", b"transfer-encoding"}
    headers = [(name, value) for name, value in scope["headers"] if name not in dropped and b"_" not in name]
    return {**scope, "headers": [*headers, (b"content-length", str(size).encode())]}


class Patient:
    """A send that gives up on a client which does not read: from then on everything is swallowed and the thread is free."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._gone = False

    async def __call__(self, message: Message) -> None:
        """Pass a message on."""
        if self._gone:
            return
        try:
            await asyncio.wait_for(self._send(message), SEND_SECONDS)
        except TimeoutError:
            self._gone = True


class BodyGate:
    """The ASGI app `app`, called only with complete bodies."""

    def __init__(self, app: object) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the body in, or refuse it; then call the app."""
        declared, limit = _declared(scope), limit_of(scope["path"])
        if declared is not None and (declared < 0 or declared > limit):
            return await self._too_large(send, limit)
        if not scope["query_string"].isascii():
            return await refuse(send, HTTPStatus.BAD_REQUEST, "bad_query", "the query is not percent-encoded")
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
            try:
                size = await take(receive, limit, file) if _has_body(scope) else 0
            except BodyTooLarge:
                return await self._too_large(send, limit)
            except TimeoutError:
                return await refuse(send, HTTPStatus.REQUEST_TIMEOUT, "too_slow", "the body did not come in time")
            except ClientLeft:
                return None
            body = Received(file, size, receive)
            await self._app(with_length(scope, size), body.receive, Patient(send))  # type: ignore[operator]
        return None

    @staticmethod
    async def _too_large(send: Send, limit: int) -> None:
        await refuse(
            send,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too_large",
            f"the body may have at most {limit} bytes",
            limit=limit,
        )
