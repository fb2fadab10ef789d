"""`python -m analyticlens.demo FOLDER`: the demonstration pictures as files, a folder a station with its recipe, to try things on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from analyticlens.demo.line import STATIONS, draw_line
from analyticlens.machine.recipe_files import write_recipe


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the pictures, with their truth and recipes; return 0."""
    parser = argparse.ArgumentParser(prog="python -m analyticlens.demo", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to draw")
    parser.add_argument("--seed", type=int, default=1, help="seed of the drawn pictures (default 1)")
    parser.add_argument("--count", type=int, default=8, help="pictures a station (default 8)")
    args = parser.parse_args(argv)
    draw_line(args.folder, args.seed, args.count)
    for station in STATIONS:
        write_recipe(args.folder / f"{station.machine_id}.json", station.recipe)
    return 0


if __name__ == "__main__":
    sys.exit(main())
