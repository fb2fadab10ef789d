"""Heartbeats through the real door, beside the bare endpoint: the same callers, the same bytes, turn about."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

from analyticlens.bench.cluster import free_port
from analyticlens.bench.orchestrator.figures import TOGETHER_GOAL, Pair
from analyticlens.bench.orchestrator.store import BenchFailed, Store, running, since, until_served
from analyticlens.machine import clock
from analyticlens.protocol.heartbeat import Counters, Health, Heartbeat, LastVerdict, OutboxState
from analyticlens.up.command import WEB
from analyticlens.up.processes import Child

CALLERS = 6
# Seconds that each side is called before the rounds, and in every round.
WARM_UP_SECONDS = 1.0
ROUND_SECONDS = 1.0
# So many late heartbeats a request: as many as the door takes.
TOGETHER = 100
EPOCH = "d" * 32
# As wide as the number gets, so that every heartbeat has the same length.
FIRST = 1_000_000_000


def measure(store: Store, rounds: int) -> list[Pair]:
    """Return the figures of one database. Raises BenchFailed."""
    tokens = store.inside("callers", count=CALLERS)
    port = free_port()
    web = store.child("web", WEB, "manage", "serve")
    command = (sys.executable, "-m", "analyticlens.bench.orchestrator.bare", str(port))
    bare = Child("bare", command, Path(store.folder) / "logs" / "bare.log", store.environment(), WEB)
    rates: dict[int, list[float]] = {store.port: [], port: []}
    late: list[float] = []
    with running(web, bare) as supervisor, ThreadPoolExecutor(CALLERS) as threads:
        until_served(supervisor, web, store.port)
        until_served(supervisor, bare, port)
        callers = [Caller(token) for token in tokens]
        for turn in range(-1, rounds):
            for side in (store.port, port) if turn % 2 else (port, store.port):
                rate = _rate(threads.map, Caller.call, callers, side, turn)
                if turn >= 0:
                    rates[side].append(rate)
            rate = _rate(threads.map, Caller.call_together, callers, store.port, turn)
            if turn >= 0:
                late.append(rate)
        for caller in callers:
            caller.close()
    single = Pair("heartbeats / bare endpoint", store.database, rates[store.port], rates[port])
    together = Pair("heartbeats, 100 a request / one a request", store.database, late, rates[store.port], TOGETHER_GOAL)
    return [single, together]


def _rate(
    threads: Callable[..., Iterable[int]],
    call: Callable[[Caller, int, int], int],
    callers: list[Caller],
    port: int,
    turn: int,
) -> float:
    """Return how many heartbeats a second all callers together had taken by the server at port, in a round."""
    start = clock.mono_ns()
    until = start + int((WARM_UP_SECONDS if turn < 0 else ROUND_SECONDS) * 1e9)
    return sum(threads(call, callers, repeat(port), repeat(until))) / since(start)


def heartbeat(hb_seq: int) -> Heartbeat:
    """Return the heartbeat of a machine that runs."""
    counters = Counters(triggered=81_000, inspected=81_000, ok=79_500, nok=1_400, undecided=90, error=10)
    health = Health(cpu_usage=41.5, memory_usage=37.25, disk_free_mb=48_211.5, temperature_c=52.0)
    return Heartbeat(
        epoch=EPOCH,
        epoch_no=1,
        hb_seq=hb_seq,
        wall=clock.wall_text(),
        mono_ns=clock.mono_ns(),
        uptime_seconds=86_400.5,
        app_version="1.0.0",
        engine_version="1.0.0",
        status="running",
        mode="PRODUCAO",
        recipe_sha256="e" * 64,
        generation=3,
        counters=counters,
        outbox=OutboxState(depth=2, oldest_seconds=0.25),
        frame_age_seconds=0.125,
        fps=9.75,
        latency_p50_ms=11.5,
        latency_p99_ms=18.25,
        health=health,
        last_verdict=LastVerdict(cycle=81_000, verdict="ok", wall=clock.wall_text()),
        port=5001,
    )


@dataclass
class Caller:
    """One machine that calls, over one connection to each server, as fast as it is answered."""

    token: str
    number: int = FIRST
    _open: dict[int, socket.socket] = field(default_factory=dict)

    def call(self, port: int, until_ns: int) -> int:
        """Send heartbeats until a moment of the monotonic clock; return how many were taken. Raises BenchFailed for one that was not."""
        connection = self._connection(port)
        before, after = heartbeat(FIRST).model_dump_json().split(str(FIRST))
        head = (
            f"POST /edge/v1/heartbeat HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(before) + len(after) + len(str(FIRST))}\r\n\r\n"
        )
        taken = 0
        while clock.mono_ns() < until_ns:
            self.number += 1
            connection.sendall(f"{head}{before}{self.number}{after}".encode())
            status, body = _answer(connection)
            if status != 200 or b'"stale": false' not in body:
                raise BenchFailed(f"a heartbeat was answered {status}: {body[:500]!r}")
            taken += 1
        return taken

    def ask(self, port: int, path: str, body: bytes) -> bytes:
        """Send one call of the door and return its answer. Raises BenchFailed for a refusal."""
        head = (
            f"POST /edge/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection = self._connection(port)
        connection.sendall(head.encode() + body)
        status, said = _answer(connection)
        if status != 200:
            raise BenchFailed(f"{path} was answered {status}: {said[:500]!r}")
        return said

    def call_together(self, port: int, until_ns: int) -> int:
        """Hand in late heartbeats, a hundred a request, until then; return how many were kept. Raises BenchFailed for one that was not."""
        before, after = heartbeat(FIRST).model_dump_json().split(str(FIRST))
        taken = 0
        while clock.mono_ns() < until_ns:
            numbers = range(self.number + 1, self.number + 1 + TOGETHER)
            self.number += TOGETHER
            body = f'{{"heartbeats": [{",".join(f"{before}{number}{after}" for number in numbers)}]}}'
            said = self.ask(port, "heartbeats", body.encode())
            if json.loads(said)["stored"] != TOGETHER:
                raise BenchFailed(f"late heartbeats were answered {said[:500]!r}")
            taken += TOGETHER
        return taken

    def close(self) -> None:
        """Hang up."""
        for connection in self._open.values():
            connection.close()

    def _connection(self, port: int) -> socket.socket:
        if port not in self._open:
            self._open[port] = socket.create_connection(("127.0.0.1", port), timeout=30)
            self._open[port].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._open[port]


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer with a length. A client library would take as long as the server, on the same processors."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += _more(connection)
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    if not lengths:
        raise BenchFailed(f"an answer has no length: {head[:500]!r}")
    while len(body) < int(lengths[0].partition(b":")[2]):
        body += _more(connection)
    return int(head.split(b" ", 2)[1]), body


def _more(connection: socket.socket) -> bytes:
    got: Any = connection.recv(65536)
    if not got:
        raise BenchFailed("the server hung up")
    return bytes(got)
