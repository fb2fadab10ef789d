"""Heartbeats at the server itself: those that come together are committed together, and each gets its own answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from api.models import VirtualMachine
from config.asgi import application
from config.beats import LARGEST
from edge import uneventful
from edge.models import MachineToken
from tests.rows import make_user

EPOCH = "ab" * 16
# The groups' thread has a connection of its own, which a test's open transaction would keep out.
pytestmark = pytest.mark.django_db(transaction=True)


def tokens(count: int) -> list[str]:
    owner = make_user("admin")
    made = [
        VirtualMachine.objects.create(
            machine_id=f"vm_{n}", name="m", owner=owner, django_url="http://orchestrator:8000"
        )
        for n in range(count)
    ]
    return [MachineToken.issue(machine).text for machine in made]


def heartbeat(number: int, **more: Any) -> bytes:
    said = {"epoch": EPOCH, "epoch_no": 1, "hb_seq": number, "wall": "w", "status": "stopped", "mode": "TESTE"} | more
    return json.dumps(said).encode()


async def post(token: str, body: bytes, *headers: tuple[bytes, bytes], host: bytes = b"localhost") -> tuple[int, Any]:
    """Call as uvicorn does, and return status and JSON."""
    said = [(b"host", host), (b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/edge/v1/heartbeat",
        "raw_path": b"/edge/v1/heartbeat",
        "query_string": b"",
        "root_path": "",
        "headers": [*said, (b"content-length", str(len(body)).encode()), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    halves = [body[:10], body[10:]]
    sent: list[Any] = []
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not halves:
            await left.wait()
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": halves.pop(0), "more_body": bool(halves)}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, send)
    left.set()
    raw = b"".join(message.get("body", b"") for message in sent)
    return int(sent[0]["status"]), json.loads(raw) if raw.startswith(b"{") else raw


def test_heartbeats_that_come_together_are_committed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = tokens(12)
    sizes: list[int] = []
    take = uneventful.take

    def watched(calls: Any) -> Any:
        sizes.append(len(calls))
        return take(calls)

    async def all_of(number: int) -> list[tuple[int, Any]]:
        return await asyncio.gather(*(post(token, heartbeat(number)) for token in machines))

    async def twice() -> list[tuple[int, Any]]:
        assert [status for status, _ in await all_of(1)] == [200] * 12
        monkeypatch.setattr(uneventful, "take", watched)
        return await all_of(2)

    answers = asyncio.run(twice())
    assert [(status, answer["stale"]) for status, answer in answers] == [(200, False)] * 12
    assert sum(sizes) == 12
    assert len(sizes) <= 3
    assert set(VirtualMachine.objects.values_list("hb_seq", flat=True)) == {2}


def test_what_goes_the_long_way_is_answered_there() -> None:
    (token,) = tokens(1)

    async def calls() -> list[int]:
        return [
            (await post(token, heartbeat(1, birth=True)))[0],
            (await post(token, heartbeat(2)))[0],
            (await post(token, heartbeat(3, status="running")))[0],
            (await post("alm_nobody", heartbeat(4)))[0],
            (await post(token, b"{"))[0],
            (await post(token, heartbeat(4, warnings=["w" * 200] * 20 * (LARGEST // 4000 + 1))))[0],
            (await post(token, heartbeat(5), (b"content-encoding", b"gzip")))[0],
            (await post(token, heartbeat(5), host=b"elsewhere.example"))[0],
        ]

    assert asyncio.run(calls()) == [200, 200, 200, 401, 400, 400, 415, 400]
