"""How right each tool is, measured on drawn pictures with exactly known truth: `analyticlens bench --accuracy`.

A family of tools is a module `rows_<family>.py` beside this one with

    def rows(seed: int, n: int) -> Iterator[Row]

which draws about n pictures a condition (`render` makes exact grey levels, `camera.expose` a frame of them), lets the engine
measure each, and yields a row a measure with its goals (`table.Tally` gathers, `table.row_of` makes rows, `crb` has the bounds).
Its line in FAMILIES is all that joins it. Each family starts from its own seed: `numpy.random.default_rng([seed, ...])`.

Goals hold for any seed, any threshold inside the contrast and any blur in range: draw those too, do not choose them. What a
tool is told must be what somebody at a station could know. A bias is missed where it is more than three standard errors of its
mean above its goal; sd, p95, worst, fails and cpu are missed as soon as they are above theirs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from itertools import groupby, repeat
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path

from analyticlens.bench.accuracy.missed import LISTED, MOST_A_TOOL, crowded, unlisted
from analyticlens.bench.accuracy.table import HEAD, Row
from analyticlens.bench.page import between, measured_by, part_of, table, write_part

# One line a family, in the order of the table: `rows_<family>.py` beside this module.
FAMILIES: tuple[str, ...] = (
    "edges",
    "statistics",
    "blob",
    "geometry",
    "match",
    "golden",
    "code",
    "photographs",
    "scenes",
)

SEED = 1
COUNT = 100


def rows_of(family: str, seed: int, n: int) -> Iterator[Row]:
    """Yield a family's rows. OpenCV's threads are set to one for good."""
    import cv2

    cv2.setNumThreads(1)
    yield from import_module(f"{__name__}.rows_{family}").rows(seed, n)


def _listed(family: str, seed: int, n: int) -> list[Row]:
    return list(rows_of(family, seed, n))


def measured(families: Sequence[str], seed: int, n: int, jobs: int = 1) -> Iterator[tuple[str, Row]]:
    """Yield the rows of these families in their order, each with its family; so many families at once, each in a process of its own."""
    if jobs == 1:
        for family in families:
            yield from zip(repeat(family), rows_of(family, seed, n), strict=False)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for family, rows in zip(families, pool.map(_listed, families, repeat(seed), repeat(n)), strict=True):
            yield from zip(repeat(family), rows, strict=False)


def run(args: argparse.Namespace, command: Sequence[str] = ()) -> int:
    """Print the table that `bench`'s arguments ask for; return 1 when a goal is missed and `--check` was given, else 0.

    A goal that `missed.LISTED` names does not count as missed there.
    """
    chosen = [name for name in FAMILIES if not args.only or name in args.only.split(",")]
    print(f"accuracy against drawn truth: seed {args.seed}, about {args.count} pictures a row")
    print(HEAD)
    rows: list[Row] = []
    failed = 0
    for family, of_it in groupby(measured(chosen, args.seed, args.count, args.jobs), itemgetter(0)):
        begun = len(rows)
        for _family, row in of_it:
            print(row, flush=True)
            rows.append(row)
            failed += bool(unlisted(row))
        if args.write:
            # At once: what was measured stays, whatever becomes of the families after it.
            part = {family: [*measured_by(command), *_tables(rows[begun:])]}
            write_part(args.write, "accuracy", _page(args.write, part))
    known = sum(not row.met for row in rows) - failed
    print(f"{len(rows)} rows, {failed} missed a goal" + (f", {known} a goal that is listed as missed" if known else ""))
    for tool in crowded():
        print(f"more than {MOST_A_TOOL} goals of {tool} are listed as missed")
    return 1 if (failed or crowded()) and args.check else 0


def _page(page: Path, parts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the part of the page: the families measured now, the others as they stand there, and the goals listed as missed."""
    lines = [
        "bias, sd: mean and standard deviation of the signed errors; p95, worst: of their size; fails: not found or grossly wrong;",
        "CRB: the least standard deviation any method can have (Cramer-Rao).",
    ]
    for family in FAMILIES:
        name = f"accuracy-{family}"
        lines += ["", between(name, parts[family]) if family in parts else part_of(page, name)]
    lines += ["", "### Missed goals", ""]
    tried = [(goal.tool, goal.condition, goal.measure, goal.word, text) for goal, text in LISTED.items()]
    return lines + (table(("tool", "condition", "measure", "goal", "what was tried"), tried) if tried else ["None."])


def _tables(rows: Sequence[Row]) -> list[str]:
    """Return the rows as tables, one a tool."""
    head = (
        "condition",
        "measure",
        "unit",
        "n",
        "bias",
        "sd",
        "p95",
        "worst",
        "fails",
        "CPU ms",
        "CRB",
        "sd/CRB",
        "goals",
    )
    lines: list[str] = []
    for tool in dict.fromkeys(row.tool for row in rows):
        lines += ["", f"### {tool}", "", *table(head, (row.cells()[1:] for row in rows if row.tool == tool))]
    return lines
