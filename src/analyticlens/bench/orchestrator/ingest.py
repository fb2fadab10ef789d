"""Batches of verdicts into the database, beside the same rows written bare into the same table over the same connection.

Ours is what the batch door does with a request's body as an outbox puts it together: open it, `results.ingest.deliver`. Bare is, on SQLite,
one `executemany` and one commit a batch; on PostgreSQL a COPY of a thousand rows and one commit. Its rows are the very ones ours writes,
made ready beforehand, each value as the database's driver takes it at once. Both find the same settings of commit: it is one connection.
Runs with Django set up.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from django.db import connection

from analyticlens.bench.orchestrator.rows import machine
from analyticlens.bench.scenes import SIZES, frames, recipe
from analyticlens.engine import ENGINE_VERSION, inspect, prepare
from analyticlens.machine import clock
from analyticlens.machine.outbox import Batch
from analyticlens.protocol.canonical import canonical_json
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import MAX_BATCH, Durations, Frame, VerdictBody
from analyticlens.protocol.strict import plain
from api.models import VirtualMachine
from results.ingest import Chunk, deliver, open_epoch
from results.models import InspectionResult, MachineEpoch
from results.parcel import opened

COPIED = 1000
WARM_UP = 1
SHAPES = 24
SIZE = SIZES["752x480"]
OURS, BARE = "a" * 32, "b" * 32


def measure(rounds: int) -> dict[str, list[float]]:
    """Return verdicts a second of both in every round, taken turn about."""
    ours, bare = machine("ours_001"), machine("bare_001")
    epoch = open_epoch(bare, BARE, 1)
    copies = connection.vendor == "postgresql"
    size = COPIED if copies else MAX_BATCH
    put = write()
    bodies = verdicts(SHAPES)
    rates: dict[str, list[float]] = {"ours": [], "beside": []}
    for turn in range(WARM_UP + rounds):
        first = turn * size + 1
        requests = [request(bodies, first + start) for start in range(0, size, MAX_BATCH)]
        ready = rows(bare, epoch, requests)
        sides: list[tuple[str, Callable[[], object]]] = [
            ("ours", partial(_deliver, ours, requests)),
            ("beside", partial(put, ready)),
        ]
        for name, act in sides if turn % 2 else reversed(sides):
            start = perf_counter()
            act()
            spent = perf_counter() - start
            if turn >= WARM_UP:
                rates[name].append(size / spent)
    _same_number(ours, bare, (WARM_UP + rounds) * size)
    return rates


def verdicts(count: int) -> list[dict[str, Any]]:
    """Return the bodies of verdicts of gray + blob on drawn pictures, so small that a full batch is one request."""
    prepared = prepare(half_a_part())
    bodies = []
    for number, picture in enumerate(frames(SIZE, count, np.random.default_rng(1))):
        found = inspect(picture, prepared)
        assert found.verdict == "ok", found.message
        body = VerdictBody(
            verdict=found.verdict,
            cycle=1,
            generation=1,
            trigger_count=1,
            mode="PRODUCAO",
            simulated=False,
            recipe_sha256=prepared.recipe.sha256,
            config_version=3,
            engine_version=ENGINE_VERSION,
            frame=Frame(number=number, name=f"part_{number:03d}.jpg", width=SIZE[0], height=SIZE[1]),
            durations_ms=Durations(capture=2.25, inspect=found.ms, total=found.ms + 3.125),
            tools=found.tools,
            overlay=found.overlay,
            wall=clock.wall_text(),
            mono_ns=clock.mono_ns(),
        )
        bodies.append(plain(body))
    return bodies


def half_a_part() -> Recipe:
    """Return gray + blob for the upper row of discs."""
    grey, blob = plain(recipe(SIZE, 0, False))["tools"]
    blob["region"] = {"shape": "rect", "x": 0, "y": 0, "w": SIZE[0], "h": SIZE[1] // 2}
    blob["limits"] = [{"feature": "blob_count", "min": 4, "max": 4}]
    return Recipe.model_validate({"tools": [grey, blob]})


def request(bodies: list[dict[str, Any]], first: int) -> bytes:
    """Return the body of a full batch, its numbers from `first` on."""
    numbers = range(first, first + MAX_BATCH)
    records = tuple((seq, "verdict", canonical_json(_body(bodies, seq)).encode()) for seq in numbers)
    return Batch(OURS, 1, records).to_json()


def batch() -> str:
    """Return the body of one full batch."""
    return request(verdicts(SHAPES), 1).decode()


def _body(bodies: list[dict[str, Any]], seq: int) -> dict[str, Any]:
    return {**bodies[seq % len(bodies)], "cycle": seq, "trigger_count": seq}


def _deliver(ours: VirtualMachine, requests: list[bytes]) -> None:
    for body in requests:
        deliver(ours, opened(body))


def rows(bare: VirtualMachine, epoch: MachineEpoch, requests: list[bytes]) -> list[tuple[Any, ...]]:
    """Return what is written of requests, as the driver takes it."""
    found: list[tuple[Any, ...]] = []
    for body in requests:
        chunk = Chunk(bare, epoch)
        found += chunk.rows(opened(body).records, clock.wall())
    return found


def _columns() -> str:
    fields = InspectionResult._meta.concrete_fields
    return ", ".join(f'"{field.column}"' for field in fields if not field.primary_key)


def write() -> Callable[[list[tuple[Any, ...]]], None]:
    """Return what writes rows bare and commits them, on this database."""
    return _copy if connection.vendor == "postgresql" else _executemany


def _executemany(rows: list[tuple[Any, ...]]) -> None:
    database = connection.connection
    table, marks = InspectionResult._meta.db_table, ", ".join("?" * len(rows[0]))
    database.execute("BEGIN IMMEDIATE")
    database.executemany(f"INSERT INTO {table} ({_columns()}) VALUES ({marks})", rows)
    database.execute("COMMIT")


def _copy(rows: list[tuple[Any, ...]]) -> None:
    # Django's connection commits each statement by itself, and so this one.
    statement = f"COPY {InspectionResult._meta.db_table} ({_columns()}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _same_number(ours: VirtualMachine, bare: VirtualMachine, count: int) -> None:
    """Raise AssertionError unless both sides wrote every row."""
    for side in (ours, bare):
        written = InspectionResult.objects.filter(machine=side).count()
        assert written == count, f"{side}: {written} of {count} rows"
