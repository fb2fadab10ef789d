"""What the plain ASGI handlers share: answers without Django's request cycle, and noticing that the other side left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest

from analyticlens.protocol.errors import error_answer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Headers = list[tuple[bytes, bytes]]

_HEADERS: Headers = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


def headers(content_type: bytes) -> Headers:
    """Return what every answer says, whatever is in it."""
    seconds = settings.SECURE_HSTS_SECONDS
    strict = [(b"strict-transport-security", f"max-age={seconds}".encode())] if seconds else []
    return [*_HEADERS, *strict, (b"content-type", content_type)]


def request_of(scope: Scope) -> ASGIRequest:
    """Return Django's view of a request without a body: its host check, cookies and headers."""
    return ASGIRequest(dict(scope), BytesIO(b""))


async def answer(send: Send, status: int, body: dict[str, Any]) -> None:
    """Send a JSON answer."""
    raw = json.dumps(body, ensure_ascii=False).encode()
    said = [*headers(b"application/json"), (b"content-length", str(len(raw)).encode())]
    if status == HTTPStatus.UNAUTHORIZED:
        said.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": said})
    await send({"type": "http.response.body", "body": raw})


async def refuse(send: Send, status: int, code: str, message: str, **details: Any) -> None:
    """Send an error answer in its one shape."""
    await answer(send, status, error_answer(code, message, **details))


async def until_left(receive: Receive) -> None:
    """Return when the other side has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_left(work: Awaitable[None], receive: Receive) -> None:
    """Run work to its end, or end it when the other side has gone."""
    doing = asyncio.ensure_future(work)
    leaving = asyncio.create_task(until_left(receive))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        doing.cancel()
    # Gathered so that no task ends unheard; an exception of the work itself is raised here.
    results = await asyncio.gather(doing, leaving, return_exceptions=True)
    if isinstance(results[0], Exception):
        raise results[0]
