"""Bodies are taken in before a thread is spent: size, slowness, lies about length, and clients that do not read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from config import body
from config.body import BodyGate
from config.plain import Message, Receive, Scope, Send

MIB = 1024 * 1024


class App:
    """An ASGI app that reads its whole body and says what it got."""

    def __init__(self) -> None:
        self.got = b""
        self.scope: Scope = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read and answer."""
        self.scope = scope
        more = True
        while more:
            message = await receive()
            self.got += message["body"]
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


def scope(path: str = "/edge/v1/batches", query: bytes = b"", **headers: str) -> Scope:
    """Return a POST's scope."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": path, "query_string": query, "headers": pairs}


def chunked(chunks: Sequence[bytes]) -> Receive:
    """Return a receive that gives chunks one by one, then never anything more."""
    left = list(chunks)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    return receive


def run(app: Any, sent: Scope, receive: Receive) -> tuple[int, Any]:
    """Call the gate; return the status and JSON of its answer, (0, None) for none."""
    answer: list[Message] = []

    async def send(message: Message) -> None:
        answer.append(message)

    asyncio.run(BodyGate(app)(sent, receive, send))
    if not answer:
        return 0, None
    return answer[0]["status"], json.loads(b"".join(message.get("body", b"") for message in answer[1:]))


def test_a_body_arrives_whole_with_its_true_length() -> None:
    app = App()
    data = [b"a" * 100_000] * 9
    assert run(app, scope(transfer_encoding="chunked"), chunked(data))[0] == 200
    assert app.got == b"".join(data)
    assert dict(app.scope["headers"])[b"content-length"] == b"900000"
    assert b"transfer-encoding" not in dict(app.scope["headers"])


def test_a_large_picture_arrives_whole() -> None:
    app = App()
    data = [bytes([i]) * MIB for i in range(19)]
    path = "/edge/v1/images/" + "ab" * 32
    assert run(app, scope(path, content_length=str(19 * MIB)), chunked(data))[0] == 200
    assert app.got == b"".join(data)


def test_no_body_is_no_wait() -> None:
    app = App()
    assert run(app, scope(), chunked([]))[0] == 200
    assert app.got == b""


@pytest.mark.parametrize("length", [str(MIB + 1), "9" * 15, "9" * 40, "-1", "1e3", "x", ""])
def test_a_declared_length_over_the_limit_is_refused_before_anything_is_read(length: str) -> None:
    app = App()
    status, answer = run(app, scope(content_length=length), chunked([]))
    assert (status, answer["error"]["code"]) == (413, "too_large")
    assert app.scope == {}


def test_a_body_longer_than_declared_is_cut_off_at_the_limit() -> None:
    status, _answer = run(App(), scope(content_length="10"), chunked([b"x" * 400_000] * 100))
    assert status == 413


def test_a_body_without_a_length_is_cut_off_at_the_limit() -> None:
    status, _answer = run(App(), scope(transfer_encoding="chunked"), chunked([b"x" * 400_000] * 100))
    assert status == 413


def test_a_body_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "IDLE_SECONDS", 0.05)
    receive = chunked([b"a", b"b"])

    async def stalling() -> Message:
        message = await receive()
        return {**message, "more_body": True}

    status, answer = run(App(), scope(content_length="100"), stalling)
    assert (status, answer["error"]["code"]) == (408, "too_slow")


def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "WHOLE_SECONDS", 0.1)

    async def drip() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"a", "more_body": True}

    assert run(App(), scope(content_length="100000"), drip)[0] == 408


def test_a_body_that_drips_without_a_pause_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "WHOLE_SECONDS", 0.05)

    async def pour() -> Message:
        return {"type": "http.request", "body": b"", "more_body": True}

    assert run(App(), scope(content_length="100000"), pour)[0] == 408


def test_a_client_that_leaves_is_not_answered_and_costs_no_call() -> None:
    app = App()

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    assert run(app, scope(content_length="5"), gone) == (0, None)
    assert app.scope == {}


def test_a_query_that_is_not_encoded_is_refused() -> None:
    assert run(App(), scope(query=b"a=\xff"), chunked([]))[0] == 400


def test_headers_that_would_pass_for_others_are_dropped() -> None:
    app = App()
    sent = scope()
    sent["headers"] = [(b"content_length", b"7"), (b"x_forwarded_for", b"1.2.3.4"), (b"x-kept", b"1")]
    run(app, sent, chunked([]))
    assert [name for name, _value in app.scope["headers"]] == [b"x-kept", b"content-length"]


def test_a_client_that_does_not_read_frees_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "SEND_SECONDS", 0.05)
    blocked = 0

    async def never(_message: Message) -> None:
        nonlocal blocked
        blocked += 1
        await asyncio.Event().wait()

    asyncio.run(BodyGate(App())(scope(), chunked([]), never))
    assert blocked == 1
