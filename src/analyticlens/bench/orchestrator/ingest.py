"""Batches of verdicts into the database, beside the same rows written bare into the same table over the same connection.

Ours is what the batch door does with a request's body: read the JSON, check the envelope, `results.ingest`. Bare is, on SQLite, one
`executemany` and one commit a batch; on PostgreSQL a COPY of a thousand rows and one commit. Its rows are made ready beforehand, each
value as the database's driver takes it at once. Both find the same settings of commit: it is one connection. Runs with Django set up.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Field

from analyticlens.bench.orchestrator.rows import machine
from analyticlens.bench.scenes import SIZES, frames, recipe
from analyticlens.engine import ENGINE_VERSION, inspect, prepare
from analyticlens.machine import clock
from analyticlens.protocol.canonical import canonical_json, strict_loads
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import MAX_BATCH, BatchEnvelope, Durations, Frame, VerdictBody
from analyticlens.protocol.strict import plain
from api.models import VirtualMachine
from results.ingest import ingest, open_epoch
from results.models import InspectionResult, MachineEpoch
from results.records import read, result_fields

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
    write = _copy if copies else _executemany
    bodies = verdicts(SHAPES)
    rates: dict[str, list[float]] = {"ours": [], "beside": []}
    for turn in range(WARM_UP + rounds):
        first = turn * size + 1
        requests = [_request(bodies, first + start) for start in range(0, size, MAX_BATCH)]
        rows = [_row(bare, epoch, bodies, first + number) for number in range(size)]
        sides: list[tuple[str, Callable[[], object]]] = [
            ("ours", partial(_deliver, ours, requests)),
            ("beside", partial(write, rows)),
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


def _record(bodies: list[dict[str, Any]], seq: int) -> dict[str, Any]:
    return {"seq": seq, "kind": "verdict", "body": {**bodies[seq % len(bodies)], "cycle": seq, "trigger_count": seq}}


def _request(bodies: list[dict[str, Any]], first: int) -> bytes:
    records = [_record(bodies, seq) for seq in range(first, first + MAX_BATCH)]
    return canonical_json({"epoch": OURS, "epoch_no": 1, "records": records}).encode()


def _deliver(ours: VirtualMachine, requests: list[bytes]) -> None:
    for body in requests:
        ingest(ours, BatchEnvelope.model_validate(strict_loads(body)))


def _fields() -> list[Field[Any, Any]]:
    return [field for field in InspectionResult._meta.concrete_fields if not field.primary_key]


def _row(bare: VirtualMachine, epoch: MachineEpoch, bodies: list[dict[str, Any]], seq: int) -> tuple[Any, ...]:
    record = read(_record(bodies, seq))
    assert isinstance(record.body, VerdictBody), record.problem
    result = InspectionResult(
        machine=bare,
        epoch=epoch,
        epoch_no=1,
        seq=seq,
        month=epoch.month,
        sha256=record.sha256,
        received_at=clock.wall(),
        **result_fields(record.body),
    )
    return tuple(_ready(field, getattr(result, field.attname)) for field in _fields())


def _ready(field: Field[Any, Any], value: Any) -> Any:
    if field.get_internal_type() == "JSONField":
        return json.dumps(value)
    return field.get_db_prep_save(value, connection)


def _columns() -> str:
    return ", ".join(f'"{field.column}"' for field in _fields())


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
