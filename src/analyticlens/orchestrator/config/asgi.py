"""The one ASGI app: the event stream, the long poll and heartbeats as plain handlers that hold no thread, the rest Django under WSGI.

Django's sync views are several times faster under WSGI than under ASGI, and neither can wait for an event without holding a thread.
"""

from __future__ import annotations

from http import HTTPStatus

from a2wsgi import WSGIMiddleware

from config.wsgi import application as wsgi

# Below Django's set-up, which the import above did: these use its models and settings.
from config.beats import PATH, Heartbeats  # isort: skip
from config.body import BodyGate  # isort: skip
from config.hub import hub  # isort: skip
from config.live import live  # isort: skip
from config.longpoll import desired  # isort: skip
from config.plain import Receive, Scope, Send, refuse  # isort: skip

THREADS = 16
_django = BodyGate(WSGIMiddleware(wsgi, workers=THREADS))  # type: ignore[arg-type]  # two types of one WSGI app
_heartbeats = Heartbeats(_django)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Route one connection."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
    if scope["type"] != "http":
        return
    if not scope["path"].startswith("/"):
        # A whole URL, a host's name, a star: what is said to a proxy.
        await refuse(send, HTTPStatus.BAD_REQUEST, "bad_path", "an address here begins with /")
    elif scope["path"] == "/live/":
        await live(scope, receive, send, hub)
    elif scope["path"] == "/edge/v1/desired" and scope["method"] == "GET":
        await desired(scope, receive, send, hub)
    elif scope["path"] == PATH:
        await _heartbeats(scope, receive, send)
    else:
        await _django(scope, receive, send)
