"""How fast: the engine beside hand-written OpenCV, and what each kind of tool costs by itself."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from analyticlens.bench import costs
from analyticlens.bench.costs import PICTURES, TRIED, Cost
from analyticlens.bench.engine import SCENES, Figure, measure
from analyticlens.bench.page import measured_by, table, write_part

__all__ = ["SCENES", "TRIED", "run"]

FIGURES = ("recipe", "picture", "engine ms", "hand ms", "ratio", "goal", "faults/frame")


def run(args: argparse.Namespace, command: Sequence[str] = ()) -> int:
    """Print what `bench`'s arguments ask for; return 1 when a figure is missed and `--check` was given, else 0."""
    figures = _figures(args) if args.scene or not args.tool else []
    tools = _costs(args) if args.tool or not args.scene else []
    missed = sum(not figure.held for figure in figures)
    if figures:
        print(f"{missed} missed" if missed else "all held")
    if args.write:
        write_part(args.write, "speed", [*measured_by(command), *_page(figures, tools)])
    return 1 if missed and args.check else 0


def _figures(args: argparse.Namespace) -> list[Figure]:
    print(
        f"engine / the same work hand-written in OpenCV: one thread, thread CPU time, interleaved pairs, seed {args.seed}"
    )
    print(
        f"{'recipe':<20} {'picture':<10} {'engine ms':>10} {'hand ms':>9} {'ratio':>6} {'goal':>6} {'faults/frame':>13}"
    )
    figures = []
    for figure in measure(args.scene or list(SCENES), args.pairs, args.seed):
        print(figure, flush=True)
        figures.append(figure)
    return figures


def _costs(args: argparse.Namespace) -> list[Cost]:
    print(
        f"\nwhat each tool costs by itself: thread CPU milliseconds, seed {args.seed}; refused: it would need more than 200 ms"
    )
    print(costs.head(list(costs.SIZES)))
    rows = []
    for cost in costs.measure(args.tool or list(TRIED), list(costs.SIZES), args.seed):
        print(cost, flush=True)
        rows.append(cost)
    return rows


def _page(figures: Sequence[Figure], tools: Sequence[Cost]) -> list[str]:
    """Return both tables as Markdown."""
    lines: list[str] = []
    if figures:
        rows = [figure.cells() for figure in figures]
        lines += ["The engine beside the same work hand-written in OpenCV; the medians of interleaved pairs.", ""]
        lines += [*table(FIGURES, rows), ""]
    if tools:
        head = ["tool, ms", *(f"{size} {picture}" for size in costs.SIZES for picture in PICTURES)]
        lines += [
            "What each tool costs by itself, in CPU milliseconds. refused: the tool says that it would need more than the 200 ms it has; "
            "missing: what it needs is not installed.",
            "",
            *table(head, ([cost.tool, *cost.cells()] for cost in tools)),
        ]
    return lines
