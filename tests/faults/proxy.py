"""An HTTP proxy that hurts what passes: it loses replies, refuses, doubles, shuffles, cuts, delays and replays old requests.

One thread runs an asyncio loop; the test sets `hurt`, arms single faults and reads `applied`. A request is read whole before anything is
done with it, so that every fault happens at a known place: before the orchestrator saw it, or after it answered.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter, deque
from typing import Self

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
AIRPORT = b"<h1>Welcome to the airport!</h1>"
PORTAL = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(AIRPORT), AIRPORT)
REMEMBERED = 200
LIMIT = 2**20


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    """Read head and body of one HTTP message that says its length; b"" at the end of the stream."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    return head + (await reader.readexactly(length) if length else b"")


def _with_body(raw: bytes, body: bytes) -> bytes:
    """Return a request with another body."""
    head = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [line for line in head if not line.lower().startswith(b"content-length:")]
    return b"\r\n".join([*kept, b"Content-Length: %d" % len(body), b"", body])


class FaultProxy:
    """Listens on a free loopback port and passes requests to `upstream_port`, hurting a share `hurt` of those to the batch door.

    Kinds: `lost_reply` (the orchestrator committed, nobody hears it), `cut_reply` (half of its answer is heard), `portal` (it committed,
    somebody else answers 200), `refused` (503), `doubled` (sent twice), `replayed` (older requests are sent again before this one),
    `shuffled` (its records arrive in parcels, all in disorder), `cut` (half of the request is sent), `slow` (held for a moment).
    """

    KINDS = ("lost_reply", "cut_reply", "portal", "refused", "doubled", "replayed", "shuffled", "cut", "slow")

    def __init__(self, upstream_port: int, rng: random.Random) -> None:
        self.upstream_port = upstream_port
        self.hurt = 0.0
        self.applied: Counter[str] = Counter()
        self.batches = 0
        self.port = 0
        self._rng = rng
        self._past: list[bytes] = []
        # The loop itself keeps no hold on what serves a connection.
        self._serving: set[asyncio.Task[None]] = set()
        self._armed: deque[tuple[str, threading.Event]] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="fault-proxy")
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def strike(self, kind: str, seconds: float) -> bool:
        """Hurt the next batch in this way; return whether one came within seconds."""
        done = threading.Event()
        self._armed.append((kind, done))
        if done.wait(seconds):
            return True
        self._armed.clear()
        return False

    # --- the proxy's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0, limit=LIMIT))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in self._serving:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._serving, return_exceptions=True))
        self._loop.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while raw := await _read_message(reader):
                answer = await self._pass_or_hurt(raw)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if answer == REFUSAL:
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either side went away, or the proxy closes: that is what it is for
        finally:
            writer.close()

    async def _pass_or_hurt(self, raw: bytes) -> bytes | None:
        """Return the answer to give, or None to hang up."""
        if b"/batches" not in raw.split(b" ", 2)[1]:
            return await self._ask(raw)
        self.batches += 1
        self._remember(raw)
        kind, done = self._next_fault()
        if not kind:
            return await self._ask(raw)
        answer: bytes | None = await getattr(self, f"_{kind}")(raw)
        self.applied[kind] += 1
        if done is not None:
            done.set()
        return answer

    def _next_fault(self) -> tuple[str, threading.Event | None]:
        if self._armed:
            return self._armed.popleft()
        return (self._rng.choice(self.KINDS), None) if self._rng.random() < self.hurt else ("", None)

    def _remember(self, raw: bytes) -> None:
        if len(self._past) < REMEMBERED:
            self._past.append(raw)
        else:
            self._past[self._rng.randrange(REMEMBERED)] = raw

    async def _lost_reply(self, raw: bytes) -> None:
        await self._ask(raw)

    async def _cut_reply(self, raw: bytes) -> bytes | None:
        answer = await self._ask(raw)
        if answer is None:
            return None
        head, _, body = answer.partition(b"\r\n\r\n")
        return b"\r\n".join([*head.split(b"\r\n"), b"Connection: close", b"", body[: len(body) // 2]])

    async def _portal(self, raw: bytes) -> bytes:
        await self._ask(raw)
        return PORTAL

    async def _refused(self, raw: bytes) -> bytes:
        return REFUSAL

    async def _doubled(self, raw: bytes) -> bytes | None:
        await self._ask(raw)
        return await self._ask(raw)

    async def _replayed(self, raw: bytes) -> bytes | None:
        for old in self._rng.sample(self._past, min(3, len(self._past))):
            await self._ask(old)
        return await self._ask(raw)

    async def _shuffled(self, raw: bytes) -> bytes | None:
        envelope = json.loads(raw.partition(b"\r\n\r\n")[2])
        records = envelope["records"]
        self._rng.shuffle(records)
        answer = None
        for part in range(3):
            body = json.dumps({**envelope, "records": records[part::3]}).encode()
            answer = await self._ask(_with_body(raw, body))
        return answer

    async def _cut(self, raw: bytes) -> None:
        await self._ask(raw[: len(raw) // 2], whole=False)

    async def _slow(self, raw: bytes) -> bytes | None:
        await asyncio.sleep(self._rng.uniform(0.05, 0.4))
        return await self._ask(raw)

    async def _ask(self, raw: bytes, whole: bool = True) -> bytes | None:
        """Send raw to the orchestrator on a connection of its own; its answer, or None where it is not there."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream_port, limit=LIMIT)
        except OSError:
            return None
        try:
            writer.write(raw)
            await writer.drain()
            return await _read_message(reader) or None if whole else None
        except (OSError, asyncio.IncompleteReadError):
            return None
        finally:
            writer.close()
