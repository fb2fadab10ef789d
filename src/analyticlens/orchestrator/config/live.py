"""GET /live/: the one event stream of a browser (server-sent events), as a plain ASGI handler.

    GET /live/?topics=machine:vm_001,machine:vm_002      (no topics: everything the user may see)

Each event is `id: <number>` and `data: {"topic": …, "what": …, …}`. A reader that comes back with `Last-Event-ID` is sent what it
missed; when that is not possible any more it gets `event: reset` and reads its page anew. The session is checked when the stream opens
and every few seconds after, so that a user who is disabled or logs out stops seeing.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user
from django.core.exceptions import DisallowedHost

from api import bus, clock
from api.scope import topics_for
from config.hub import Hub, Subscription, in_thread
from config.plain import Receive, Scope, Send, headers, refuse, request_of, unless_left
from user.models import User

if TYPE_CHECKING:
    from api.models import LiveEvent

KEEP_ALIVE_SECONDS = 15.0
CHECK_SECONDS = 5.0
RETRY_MS = 2000
MOST_TOPICS = 500
# A reader that takes nothing for so long is let go; it comes back with its Last-Event-ID.
SEND_SECONDS = 30.0


class Hearer(NamedTuple):
    """Somebody who may listen, and to which topics (None: all)."""

    topics: frozenset[str] | None

    def hears(self, event: LiveEvent) -> bool:
        """Return whether an event is for them."""
        return self.topics is None or event.topic in self.topics


def _hearer(scope: Scope) -> Hearer | None:
    """Return who the request's session belongs to, if they may still sign in, and what they may hear now."""
    request = request_of(scope)
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    user = get_user(request)
    if not isinstance(user, User) or user.owes_second_step():
        return None
    return Hearer(topics_for(user))


def _frame(event: LiveEvent) -> bytes:
    data = json.dumps({"topic": event.topic, **event.data}, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event.id}\ndata: {data}\n\n".encode()


def _reset(event_id: int) -> bytes:
    return f"id: {event_id}\nevent: reset\ndata: {{}}\n\n".encode()


class Stream:
    """One open stream."""

    def __init__(self, scope: Scope, send: Send, hub: Hub, subscription: Subscription, hearer: Hearer) -> None:
        self._hearer = hearer
        self._scope = scope
        self._raw_send = send
        self._hub = hub
        self._subscription = subscription
        self._sent = 0

    async def _send(self, body: bytes, more: bool = True) -> None:
        message = {"type": "http.response.body", "body": body, "more_body": more}
        await asyncio.wait_for(self._raw_send(message), SEND_SECONDS)

    async def run(self, last_id: int | None) -> None:
        """Send headers, what was missed, then events as they come, until the session ends or the service stops."""
        said = [*headers(b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        await self._raw_send({"type": "http.response.start", "status": 200, "headers": said})
        try:
            await self._send(f"retry: {RETRY_MS}\n\n".encode() + await self._opening(last_id))
            await self._go_on()
            await self._send(b"", more=False)
        except TimeoutError:
            return

    async def _opening(self, last_id: int | None) -> bytes:
        if last_id is None:
            self._sent = await in_thread(bus.newest_id)
            return f"id: {self._sent}\nevent: hello\ndata: {{}}\n\n".encode()
        topics = self._subscription.topics
        missed = await in_thread(bus.backlog, last_id, None if topics is None else sorted(topics))
        if missed is None:
            self._sent = await in_thread(bus.newest_id)
            return _reset(self._sent)
        self._sent = missed[-1].id if missed else last_id
        return self._frames(missed)

    async def _go_on(self) -> None:
        quiet_since = checked = clock.mono()
        while not self._hub.stopping:
            await self._subscription.wait(CHECK_SECONDS)
            body = self._due()
            now = clock.mono()
            if now - checked >= CHECK_SECONDS:
                checked = now
                hearer = await in_thread(_hearer, self._scope)
                if hearer is None:
                    return
                self._hearer = hearer
            if not body and now - quiet_since >= KEEP_ALIVE_SECONDS:
                body = b": still here\n\n"
            if body:
                quiet_since = now
                await self._send(body)

    def _due(self) -> bytes:
        events = [event for event in self._subscription.take() if event.id > self._sent]
        if events:
            self._sent = events[-1].id
        if self._subscription.overflowed:
            self._subscription.overflowed = False
            return _reset(self._sent)
        return self._frames(events)

    def _frames(self, events: list[LiveEvent]) -> bytes:
        """Return what of events this reader may hear."""
        return b"".join(_frame(event) for event in events if self._hearer.hears(event))


def _last_id(request: Any) -> int | None:
    """Return the number a returning reader names, by header or (for a first try after a page was restored) by query."""
    text = request.headers.get("Last-Event-ID") or request.GET.get("last_id") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


async def live(scope: Scope, receive: Receive, send: Send, hub: Hub) -> None:
    """Answer GET /live/."""
    request = request_of(scope)
    try:
        request.get_host()
    except DisallowedHost:
        return await refuse(send, HTTPStatus.BAD_REQUEST, "bad_host", "this host name is not served here")
    if request.method != "GET":
        return await refuse(send, HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "the stream is read with GET")
    hearer = await in_thread(_hearer, scope)
    if hearer is None:
        return await refuse(send, HTTPStatus.UNAUTHORIZED, "not_signed_in", "sign in first")
    named = [topic for topic in request.GET.get("topics", "").split(",") if topic]
    if len(named) > MOST_TOPICS:
        return await refuse(send, HTTPStatus.BAD_REQUEST, "too_many_topics", f"at most {MOST_TOPICS} topics")
    if hub.stopping:
        return await refuse(send, HTTPStatus.SERVICE_UNAVAILABLE, "stopping", "the service is stopping")
    subscription = await hub.subscribe(frozenset(named) or None)
    try:
        stream = Stream(scope, send, hub, subscription, hearer)
        await unless_left(stream.run(_last_id(request)), receive)
    finally:
        hub.leave(subscription)
    return None
