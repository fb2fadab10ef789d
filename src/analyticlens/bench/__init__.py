"""The figures the design holds itself to: `analyticlens bench` prints them, `--check` fails on a miss."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print every figure; return 1 when one is missed and `--check` was given, else 0."""
    # Nothing but this command wants OpenCV, and it must load before its threads are limited.
    from analyticlens.bench import accuracy, orchestrator, speed

    parser = argparse.ArgumentParser(prog="analyticlens bench", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 when a figure misses its goal")
    parser.add_argument("--seed", type=int, default=1, help="seed of the drawn pictures (default 1)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="also write the part of the page of benchmarks")
    fast = parser.add_argument_group("how fast")
    fast.add_argument("--pairs", type=int, default=120, help="measured pairs a figure (default 120)")
    fast.add_argument("--scene", action="append", choices=speed.SCENES, help="only these figures (default all)")
    fast.add_argument("--tool", action="append", choices=speed.TRIED, help="only these tools (default all)")
    right = parser.add_argument_group("how right")
    right.add_argument("--accuracy", action="store_true", help="how right each tool is, instead of how fast")
    right.add_argument("--count", type=int, default=accuracy.COUNT, help="pictures a row (default 100)")
    right.add_argument("--only", default="", help="only these families of tools, with commas between")
    right.add_argument("--jobs", type=int, default=1, help="families measured at once (default 1)")
    online = parser.add_argument_group("how the orchestrator keeps up")
    online.add_argument(
        "--orchestrator", action="store_true", help="how the orchestrator keeps up, instead of how fast"
    )
    online.add_argument("--postgresql", action="store_true", help="on a PostgreSQL of its own as well, where installed")
    online.add_argument("--figure", action="append", choices=orchestrator.FIGURES, help="only these (default all)")
    online.add_argument("--rounds", type=int, default=20, help="measured rounds a figure (default 20)")
    command = list(sys.argv[2:] if argv is None else argv)
    args = parser.parse_args(argv)
    if args.orchestrator:
        return orchestrator.run(args, command)
    return accuracy.run(args, command) if args.accuracy else speed.run(args, command)
