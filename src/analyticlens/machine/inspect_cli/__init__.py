"""`analyticlens inspect RECIPE.json PICTURES...`: judge pictures with a recipe, exactly as a machine would."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

from analyticlens.engine import RecipeRefused
from analyticlens.machine.inspect_cli.judging import Judge, Judged, Task
from analyticlens.machine.inspect_cli.painting import sheet, write_picture
from analyticlens.machine.inspect_cli.pictures import found, overlays_for
from analyticlens.machine.inspect_cli.progress import Progress
from analyticlens.machine.inspect_cli.report import Table, as_json, as_line, as_text
from analyticlens.machine.recipe_files import BlobsBeside, Unusable, blobs_of, read_recipe
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.words import VERDICTS, Verdict, worst

# A sheet of more pictures is for nobody's eyes.
MOST_ON_SHEET = 60
EXIT_CODES: dict[Verdict, int] = {"ok": 0, "nok": 3, "undecided": 4, "error": 5}


def main(argv: Sequence[str] | None = None) -> int:
    """Judge, print, and return the worst verdict's exit code: 0 ok, 3 nok, 4 undecided, 5 error; 1 where a file is not usable."""
    options = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows fewer letters than a picture's name has shows them as numbers.
            stream.reconfigure(errors="backslashreplace")
    try:
        return _judge_all(options)
    except BrokenPipeError:
        # Whoever read us has enough. What Python would still write at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"analyticlens inspect: {error.strerror or error}", file=sys.stderr)
        return 1


def _judge_all(options: argparse.Namespace) -> int:
    try:
        tasks = _tasks(options)
        recipe, blobs = read_recipe(options.recipe), blobs_of(options.recipe, options.blobs)
        judge = Judge(recipe, blobs, options.bits)
        with ExitStack() as stack:
            table = stack.enter_context(Table(options.csv, recipe)) if options.csv else None
            jobs = min(options.jobs, len(tasks))
            judged = map(judge, tasks) if jobs == 1 else _beside(tasks, jobs, recipe, blobs, options.bits)
            verdicts = _run(judged, len(tasks), options, table)
    except (Unusable, RecipeRefused) as problem:
        print(f"analyticlens inspect: {problem}", file=sys.stderr)
        return 1
    except BrokenProcessPool:
        print("analyticlens inspect: a process that judged was killed", file=sys.stderr)
        return 1
    return EXIT_CODES[worst(verdicts)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="analyticlens inspect", description="Judge pictures with one recipe.")
    parser.add_argument("recipe", type=Path, metavar="RECIPE.json", help="a recipe as JSON")
    parser.add_argument(
        "pictures",
        nargs="+",
        metavar="PICTURES",
        help="PNG, JPEG, BMP or TIFF files; a folder stands for the pictures in it; * ? [ ] ** are understood",
    )
    parser.add_argument("--json", action="store_true", help="print everything, one line of JSON a picture")
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write a table: a row a picture, a column a feature")
    parser.add_argument("--overlay", type=Path, metavar="DIR", help="write each picture with what the tools saw on it")
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="write all of these, small, side by side in one picture"
    )
    parser.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="processes beside one another (default 1)")
    parser.add_argument(
        "--blobs", type=Path, metavar="DIR", help="where templates and models lie (default: blobs beside the recipe)"
    )
    parser.add_argument(
        "--bits",
        type=int,
        choices=range(8, 17),
        metavar="N",
        help="bits used of 16-bit pictures, 8 to 16 (default: all)",
    )
    parser.add_argument("--verbose", action="store_true", help="print every measure of every picture")
    return parser


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 256):
        raise argparse.ArgumentTypeError("1 to 256 processes")
    return int(text)


def _tasks(options: argparse.Namespace) -> list[Task]:
    pictures = found(options.pictures)
    overlays = overlays_for(pictures, options.overlay)
    return [
        Task(picture, overlay, small=options.sheet is not None and index < MOST_ON_SHEET)
        for index, (picture, overlay) in enumerate(zip(pictures, overlays, strict=True))
    ]


def _run(judged: Iterator[Judged], count: int, options: argparse.Namespace, table: Table | None) -> list[Verdict]:
    """Say what every picture is; return their verdicts."""
    said = as_json if options.json else as_text if options.verbose or count == 1 else as_line
    verdicts: list[Verdict] = []
    small = []
    with Progress(count) as progress:
        for one in judged:
            progress.clear()
            print(said(one), flush=True)
            if table:
                table.add(one)
            if one.small is not None:
                small.append((one.picture.name, one.verdict, one.small))
            verdicts.append(one.verdict)
            progress.step(one.verdict)
    if small:
        write_picture(options.sheet, sheet(small))
    if not options.json and count > 1:
        counts = Counter(verdicts)
        print(f"{count} pictures: " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS))
    return verdicts


def _beside(tasks: list[Task], jobs: int, recipe: Recipe, blobs: BlobsBeside, bits: int | None) -> Iterator[Judged]:
    """Yield what each picture is, in their order, from processes beside one another."""
    # Fresh processes: copies of this one would share the locks of OpenCV's threads.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin, initargs=(recipe, blobs, bits))
    try:
        yield from pool.map(_judge, tasks)
    finally:
        pool.shutdown(cancel_futures=True)


_own: list[Judge] = []


def _begin(recipe: Recipe, blobs: BlobsBeside, bits: int | None) -> None:
    """Make this process's own judge."""
    _own.append(Judge(recipe, blobs, bits))


def _judge(task: Task) -> Judged:
    return _own[0](task)
