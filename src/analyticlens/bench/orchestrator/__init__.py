"""How the orchestrator keeps up: clicks, batches of verdicts, heartbeats, long lists; real processes, ratios side by side."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from analyticlens.bench.cluster import Cluster, programs
from analyticlens.bench.orchestrator import clicks, flood, heartbeats
from analyticlens.bench.orchestrator.figures import WHOLE, Beside, Click, Listing, Pair, Row, Step
from analyticlens.bench.orchestrator.store import Store, progress
from analyticlens.bench.page import measured_by, table, write_part

__all__ = ["FIGURES", "run"]

SIZES = (10, 100, 1000)
NO_SERVER = "PostgreSQL is not installed here: its rows are left out."
TITLES: dict[type[Row], str] = {
    Click: "From a request over REST, on loopback, to what the machine stamped into its own outbox: an orchestrator, its watcher and a"
    " machine as `analyticlens up` starts them, SQLite.",
    Pair: "Both sides of a ratio on the same database, turn about; the medians of the rounds, and of their ratios. Verdicts: what the"
    " batch door does with a request's body, 500 records each, beside the same rows over the same connection, by `executemany` and"
    " one commit a batch (SQLite) or a COPY of 1000 (PostgreSQL). Heartbeats: HTTP over 6 connections to `serve`, beside a bare"
    " function in the same kind of server that reads the machine and writes what was said, in one commit; late ones,"
    " a hundred a request, beside one a request.",
    Step: "Where the time of one of those verdicts goes, in microseconds; beside all of it what writing the row takes anyway.",
    Beside: "One machine's heartbeats over HTTP, one after another, alone and while another machine delivers full batches without a pause.",
    Listing: "The list of machines, `/api/v1/machines/?limit=500`, by Django's test client: the first page. The goal of the queries is"
    " those of the shortest list.",
}


def run(args: argparse.Namespace, command: Sequence[str] = ()) -> int:
    """Print what `bench --orchestrator`'s arguments ask for; return 1 when a figure is missed and `--check` was given, else 0.

    Raises BenchFailed, ClusterFailed where a program does not do its part.
    """
    rows: list[Row] = []
    without = args.postgresql and programs() is None
    if without:
        progress(NO_SERVER)
    for row in measure(args.rounds, args.figure or FIGURES, postgresql=args.postgresql and not without):
        if not rows or type(rows[-1]) is not type(row):
            print(f"\n{_line(row.head)}")
        rows.append(row)
        print(_line(row.cells()), flush=True)
    missed = sum(not row.held for row in rows)
    print(f"\n{missed} missed" if missed else "\nall held")
    if args.write:
        write_part(args.write, "orchestrator", [*measured_by(command), *_page(rows), *([NO_SERVER] if without else [])])
    return 1 if missed and args.check else 0


def measure(rounds: int, figures: Sequence[str], *, postgresql: bool = False) -> Iterator[Row]:
    """Yield every figure asked for, kind by kind. Raises BenchFailed, ClusterFailed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="analyticlens-bench-")))
        stores = [Store(folder / "sqlite", "SQLite")]
        if postgresql:
            progress("starting a PostgreSQL")
            found = programs()
            assert found is not None
            cluster = stack.enter_context(Cluster(found))
            stores.append(Store(folder / "postgresql", "PostgreSQL", cluster.create("bench")))
        if "clicks" in figures:
            progress("clicks: an orchestrator and a machine start")
            yield from clicks.measure(stores[0], rounds)
        for name, of_a_store in OF_A_STORE.items():
            for store in stores if name in figures else ():
                progress(f"{name}: {store.database}")
                yield from of_a_store(store, rounds)


def _verdicts(store: Store, rounds: int) -> list[Row]:
    rates = store.inside("ingest", rounds=rounds)
    beside = "COPY of 1000" if store.url else "executemany"
    return [Pair(f"verdicts, 500 a batch / {beside}", store.database, rates["ours"], rates["beside"])]


def _steps(store: Store, rounds: int) -> list[Row]:
    spent = store.inside("steps", rounds=rounds)
    return [Step(what, store.database, us, spent[WHOLE]) for what, us in spent.items()]


def _lists(store: Store, rounds: int) -> list[Row]:
    found = store.inside("lists", sizes=SIZES, rounds=max(2, rounds // 2))
    return [Listing(**row, database=store.database, goal=found[0]["queries"]) for row in found]


OF_A_STORE: dict[str, Callable[[Store, int], Sequence[Row]]] = {
    "verdicts": _verdicts,
    "steps": _steps,
    "heartbeats": heartbeats.measure,
    "flood": flood.measure,
    "lists": _lists,
}
FIGURES = ("clicks", *OF_A_STORE)


def _line(cells: Sequence[str]) -> str:
    """Return a row for the terminal."""
    first, *others = cells
    return f"{first:<44}" + "".join(f"{cell:>13}" for cell in others)


def _page(rows: Sequence[Row]) -> list[str]:
    """Return the tables as Markdown."""
    lines: list[str] = []
    for kind, group in groupby(rows, type):
        same = list(group)
        lines += [TITLES[kind], "", *table(same[0].head, [row.cells() for row in same]), ""]
    return lines
