"""The fastest endpoint that reads a machine by its token's prefix and writes what its heartbeat says, in the orchestrator's kind of server.

`python -m analyticlens.bench.orchestrator.bare PORT`, on the same database and with the same settings of commit. Nothing is checked
but that the machine is known, no row is kept and nobody is told: two statements, one commit. On SQLite its writers take turns, as ours
do: without that they sleep for the one lock there is, and it would be slower.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import uvicorn
from a2wsgi import WSGIMiddleware

from analyticlens.machine import clock

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

THREADS = 16
SELECT = (
    "SELECT m.id, m.is_active, t.sha256, m.epoch_no, m.hb_seq"
    " FROM edge_machinetoken t JOIN api_virtualmachine m ON m.id = t.machine_id WHERE t.prefix = ?"
)
# What one heartbeat writes (`api.receiving`), without Django: this process imports nothing of what it is measured beside.
WRITTEN = (
    "status",
    "connection_status",
    "error_message",
    "last_heartbeat",
    "epoch",
    "epoch_no",
    "hb_seq",
    "reported_mode",
    "reported_version",
    "reported_recipe",
    "apply_state",
    "apply_error",
    "reported",
)
UPDATE = f"UPDATE api_virtualmachine SET {', '.join(f'{name} = ?' for name in WRITTEN)} WHERE id = ?"

Transaction = Callable[[], AbstractContextManager[Any]]


class Bare:
    """The WSGI app. `connect` gives a thread its connection, `marked` is how its driver writes a placeholder."""

    def __init__(self, transaction: Transaction, mark: str) -> None:
        """Answer heartbeats out of a database."""
        self._transaction = transaction
        self._select, self._update = SELECT.replace("?", mark), UPDATE.replace("?", mark)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one heartbeat."""
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        known = self._receive(str(environ.get("HTTP_AUTHORIZATION", "")), raw) if raw else False
        answer = b'{"stale": false}' if known else b"{}"
        start_response(
            "200 OK" if known else "404 Not Found",
            [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))],
        )
        return [answer]

    def _receive(self, authorization: str, raw: bytes) -> bool:
        said = json.loads(raw)
        applied, now = said["applied"], clock.wall().isoformat(sep=" ")
        who = (said["status"], "connected", "", now, said["epoch"], said["epoch_no"], said["hb_seq"], said["mode"])
        what = (applied["running_version"], said["recipe_sha256"] or "", applied["state"], applied["error"])
        with self._transaction() as database:
            row = database.execute(self._select, (authorization[11:23],)).fetchone()
            if row is None:
                return False
            database.execute(self._update, (*who, *what, raw.decode(), row[0]))
        return True


def sqlite(path: Path) -> Transaction:
    """Return how a transaction is made on SQLite: a connection a thread, one writer at a time."""
    mine, turn = threading.local(), threading.Lock()

    @contextlib.contextmanager
    def transaction() -> Iterator[sqlite3.Connection]:
        if not hasattr(mine, "database"):
            mine.database = sqlite3.connect(path, timeout=5, isolation_level=None)
            mine.database.execute("PRAGMA journal_mode=WAL")
            mine.database.execute("PRAGMA synchronous=FULL")
        database: sqlite3.Connection = mine.database
        with turn:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    return transaction


def postgresql(url: str) -> Transaction:
    """Return how a transaction is made on PostgreSQL: a connection a thread."""
    mine = threading.local()

    @contextlib.contextmanager
    def transaction() -> Iterator[psycopg.Connection[Any]]:
        if not hasattr(mine, "database"):
            mine.database = psycopg.connect(url, options="-c synchronous_commit=on")
        database: psycopg.Connection[Any] = mine.database
        yield database
        database.commit()

    return transaction


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal."""
    url = os.environ.get("DATABASE_URL", "")
    app = Bare(postgresql(url), "%s") if url else Bare(sqlite(Path(os.environ["AL_DATA"]) / "db.sqlite3"), "?")
    uvicorn.run(
        WSGIMiddleware(app, workers=THREADS),  # type: ignore[arg-type]  # two types of one WSGI app
        host="127.0.0.1",
        port=int(arguments[0]),
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        backlog=512,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
