"""POST /edge/v1/heartbeat: those that change nothing are taken together, as a plain ASGI handler; every other one goes to Django's view.

While one group is being committed the next one gathers, so that many machines share a commit and none waits for a clock. What is not
quite as machines send it (a strange head, a large body, no token) goes the long way too: only there calls are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection
from django.http.request import split_domain_port, validate_host

from api import clock
from config.access import MACHINE, permission_of
from config.body import IDLE_SECONDS, SEND_SECONDS
from config.plain import Message, Receive, Scope, Send, answer, refuse
from edge import uneventful
from edge.uneventful import Call

PATH = "/edge/v1/heartbeat"
LARGEST = 16 * 1024
MOST_TOGETHER = 100
# What a head may say beside these makes no difference to a heartbeat; each of these may stand there once.
READ = (b"host", b"authorization", b"content-type", b"content-length")
STRANGE = frozenset({b"content-encoding", b"transfer-encoding", b"expect"})

IDLE_CONNECTION_SECONDS = 5.0

LongWay = Callable[[Scope, Receive, Send], Awaitable[None]]
Answers = list[dict[str, Any] | None]


class Gathering:
    """Groups of heartbeats, one after the other. Belongs to the event loop it is used in."""

    def __init__(self) -> None:
        # A thread and its connection of their own: neither slow pages nor pictures are before a heartbeat.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heartbeats")
        self._turn = asyncio.Lock()
        self._used_at = 0.0
        self._calls: list[Call] = []
        self._group: asyncio.Task[Answers] | None = None

    async def take(self, call: Call) -> dict[str, Any] | None:
        """Return the answer of a heartbeat that changed nothing, after its commit; None when it is to go the long way."""
        if self._group is None or len(self._calls) >= MOST_TOGETHER:
            self._calls = []
            self._group = asyncio.create_task(self._run(self._calls))
        place = len(self._calls)
        self._calls.append(call)
        # A caller who leaves does not take the others with them.
        return (await asyncio.shield(self._group))[place]

    async def _run(self, calls: list[Call]) -> Answers:
        async with self._turn:
            if self._calls is calls:
                self._group = None
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._committed, calls)

    def _committed(self, calls: list[Call]) -> Answers:
        """Take a group, in the thread."""
        # To look whether the connection still stands is one more question a group, and needless while it was used a moment ago.
        now = clock.mono()
        if connection.errors_occurred or now - self._used_at > IDLE_CONNECTION_SECONDS:
            close_old_connections()
        self._used_at = now
        return uneventful.take(calls)


class Heartbeats:
    """The handler; `long_way` is the app that answers what is not answered here."""

    def __init__(self, long_way: LongWay) -> None:
        self._long_way = long_way
        self._gathering = Gathering()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one heartbeat."""
        authorization = _expected(scope)
        if authorization is None:
            return await self._long_way(scope, receive, send)
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                body = await _whole(receive)
        except TimeoutError:
            return await refuse(send, HTTPStatus.REQUEST_TIMEOUT, "too_slow", "the body did not come in time")
        if body is None:
            return None
        said = await self._gathering.take(Call(authorization, body))
        if said is None:
            return await self._long_way(scope, _again(body, receive), send)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await answer(send, HTTPStatus.OK, said)
        except TimeoutError:
            return None
        return None


def _expected(scope: Scope) -> str | None:
    """Return the Authorization header of a call as machines make it; None for any other."""
    if scope["method"] != "POST" or scope["query_string"] or permission_of("edge:heartbeat", "POST") != MACHINE:
        return None
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in STRANGE or (name in READ and name in found):
            return None
        found[name] = value
    length, kind = found.get(b"content-length", b""), found.get(b"content-type", b"")
    if kind != b"application/json" or not length.isdigit() or len(length) > 5 or not 0 < int(length) <= LARGEST:
        return None
    if not _is_served(found.get(b"host", b""), tuple(settings.ALLOWED_HOSTS)):
        return None
    return found.get(b"authorization", b"").decode("latin-1") or None


@lru_cache(maxsize=64)
def _is_served(host: bytes, allowed: tuple[str, ...]) -> bool:
    domain, _port = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, allowed)


async def _whole(receive: Receive) -> bytes | None:
    """Return the body; None when the client left."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body once more, then whatever the connection says next."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
