"""Heartbeats through the real door while another machine's outbox is emptied there: nobody is kept waiting for long.

Each batch is one of an epoch never heard of, so that all its records are new.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from analyticlens.bench.orchestrator.figures import Beside
from analyticlens.bench.orchestrator.heartbeats import FIRST, Caller, heartbeat
from analyticlens.bench.orchestrator.store import Store, running, since, until_served
from analyticlens.machine import clock
from analyticlens.protocol.records import MAX_BATCH
from analyticlens.up.command import WEB

SECONDS = 2.0
# Batches that are delivered before anything is measured.
WARM_UP = 2


def measure(store: Store, rounds: int) -> list[Beside]:
    """Return the figures of one database. Raises BenchFailed."""
    tokens = store.inside("callers", count=2)
    flood = Flood(Caller(tokens[1]), store.port, json.loads(store.inside("batch")))
    quiet, beside = Beating(Caller(tokens[0]), store.port), Beating(Caller(tokens[0]), store.port)
    web = store.child("web", WEB, "manage", "serve")
    with running(web) as supervisor, ThreadPoolExecutor(1) as thread:
        until_served(supervisor, web, store.port)
        for _ in range(WARM_UP):
            flood.send()
        quiet.beat(SECONDS)
        flooding = thread.submit(flood.run)
        start, before = clock.mono_ns(), flood.sent
        beside.caller.number = quiet.caller.number
        try:
            beside.beat(SECONDS * max(1, rounds // 2))
            rate = (flood.sent - before) * MAX_BATCH / since(start)
        finally:
            flood.ended.set()
        flooding.result()
    return [
        Beside("nothing else", store.database, quiet.times, 0),
        Beside("batches of 500 without a pause", store.database, beside.times, rate),
    ]


class Beating:
    """One machine's heartbeats, and the milliseconds each took."""

    def __init__(self, caller: Caller, port: int) -> None:
        """Call at a port of this computer."""
        self.caller = caller
        self.times: list[float] = []
        self._port = port
        self._before, self._after = heartbeat(FIRST).model_dump_json().split(str(FIRST))

    def beat(self, seconds: float) -> None:
        """Send heartbeats for so long, one after another. Raises BenchFailed."""
        until = clock.mono_ns() + int(seconds * 1e9)
        while clock.mono_ns() < until:
            self.caller.number += 1
            start = clock.mono_ns()
            self.caller.ask(self._port, "heartbeat", f"{self._before}{self.caller.number}{self._after}".encode())
            self.times.append(since(start) * 1e3)


class Flood:
    """Another machine that delivers full batches without a pause."""

    def __init__(self, caller: Caller, port: int, batch: dict[str, object]) -> None:
        """Deliver one batch's records, over and over in new epochs."""
        self.sent = 0
        self.ended = threading.Event()
        self._caller, self._port = caller, port
        self._records = json.dumps(batch["records"], separators=(",", ":"), ensure_ascii=False)
        self._numbers = count(1)

    def send(self) -> None:
        """Deliver one batch. Raises BenchFailed."""
        number = next(self._numbers)
        body = f'{{"epoch":"{number:032x}","epoch_no":{number},"records":{self._records}}}'
        self._caller.ask(self._port, "batches", body.encode())
        self.sent += 1

    def run(self) -> None:
        """Deliver until it is ended. Raises BenchFailed."""
        while not self.ended.is_set():
            self.send()
