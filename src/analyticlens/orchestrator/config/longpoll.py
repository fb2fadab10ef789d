"""GET /edge/v1/desired?after=n&sha256=…&wait=25: a machine waits here for what people ask of it, as a plain ASGI handler.

It is answered at once when the newest version is not n (or, where the machine names one, has another hash: a restored database may use a
number anew), when control was taken since the machine last heard, when a command waits that was not handed out a moment ago, or when
somebody begins or ceases to look at its live picture; else when one of these happens, and at the latest after `wait` seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from django.core.exceptions import DisallowedHost
from django.db import OperationalError
from django.http import HttpRequest

from analyticlens.protocol.desired import DesiredDocument
from analyticlens.protocol.strict import plain
from api import clock
from config.hub import Hub, Subscription, in_thread
from config.plain import Receive, Scope, Send, answer, refuse, request_of, unless_left
from edge.desired import look
from edge.door import DoorError, body_of

LONGEST = 30.0
# What the bus tells of a machine that has nothing to do with what is asked of it.
IDLE_CHATTER = frozenset({"state", "result", "event", "frame", "transition"})
# A command handed out is not news again for so long: the machine is busy with it.
HANDED_SECONDS = 2.0


class Known(NamedTuple):
    """What a machine heard of: number and hash of the newest version, the newest taking of control; "" and None where it says none."""

    version: int
    sha256: str
    fence: int | None


_handed: dict[str, float] = {}


async def desired(scope: Scope, receive: Receive, send: Send, hub: Hub) -> None:
    """Answer the long poll."""
    request = request_of(scope)
    try:
        request.get_host()
        after, wait = _number(request, "after", 0), _number(request, "wait", 0)
        fence = _number(request, "fence", 0) if "fence" in request.GET else None
    except DisallowedHost:
        return await refuse(send, HTTPStatus.BAD_REQUEST, "bad_host", "this host name is not served here")
    except ValueError as error:
        return await refuse(send, HTTPStatus.BAD_REQUEST, "bad_input", str(error))
    known = Known(after, request.GET.get("sha256", ""), fence)
    await unless_left(_answer(request, send, hub, known, min(float(wait), LONGEST)), receive)
    return None


async def _answer(request: HttpRequest, send: Send, hub: Hub, known: Known, wait: float) -> None:
    try:
        document = await _wait_for_news(request.headers.get("Authorization", ""), hub, known, wait)
    except DoorError as error:
        await answer(send, error.status, body_of(error))
    except OperationalError:
        await refuse(send, HTTPStatus.SERVICE_UNAVAILABLE, "busy", "the database is busy or full; try again")
    else:
        _hand_out(document)
        await answer(send, HTTPStatus.OK, plain(document))


async def _wait_for_news(authorization: str, hub: Hub, known: Known, wait: float) -> DesiredDocument:
    """Return the document once it has news. The token is checked anew at each look. Raises DoorError."""
    deadline = clock.mono() + wait
    topic, document = await in_thread(look, authorization)
    if _is_news(document, known) or wait <= 0:
        return document
    subscription = await hub.subscribe(frozenset({topic}))
    try:
        # Once more: something may have happened before the subscription began.
        _topic, document = await in_thread(look, authorization)
        watched = document.watched
        while not _is_news(document, known) and document.watched == watched and not hub.stopping:
            if not await _wait_for_word(subscription, hub, deadline):
                break
            _topic, document = await in_thread(look, authorization)
        return document
    finally:
        hub.leave(subscription)


async def _wait_for_word(subscription: Subscription, hub: Hub, deadline: float) -> bool:
    """Wait until something was told that may matter; False at the deadline."""
    while not hub.stopping:
        left = deadline - clock.mono()
        if left <= 0 or not await subscription.wait(left):
            return False
        if any(_matters(event.data) for event in subscription.take()):
            return True
    return True


def _matters(said: Mapping[str, Any]) -> bool:
    """Return whether what was told of a machine may be news to it: that it was retired is, for its door is shut."""
    return said.get("what") not in IDLE_CHATTER or "retired" in said


def _is_news(document: DesiredDocument, known: Known) -> bool:
    now = clock.mono()
    if document.version != known.version or (known.sha256 and document.sha256 != known.sha256):
        return True
    if known.fence is not None and document.fence != known.fence:
        return True
    return any(_handed.get(command.id, 0.0) < now for command in document.commands)


def _hand_out(document: DesiredDocument) -> None:
    now = clock.mono()
    for known in [known for known, until in _handed.items() if until < now]:
        del _handed[known]
    for command in document.commands:
        _handed[command.id] = now + HANDED_SECONDS


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError(f"{name} is no number")
    return int(text)
