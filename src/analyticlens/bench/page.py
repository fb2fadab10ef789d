"""The page of the benchmarks: each part is written anew by the command that measures it, all else stays as people wrote it."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from analyticlens.machine import clock

OUTLINE = """# Benchmarks

What AnalyticLens holds itself to, as measured. Speed is CPU time of one thread; accuracy is measured on drawn pictures with exactly known
truth, and on photographs; the orchestrator beside the same work done bare. All tables are written by the commands below alone.

`analyticlens bench` measures speed: `--pairs` says how many measured pairs a figure takes, `--scene` chooses figures, `--tool` tools.
`analyticlens bench --accuracy` measures how right each tool is: `--count` pictures a row, `--only blob,circle` these families of tools,
`--jobs 2` as many families at once; each family's part of the page is written by itself and says how it was measured. Both
commands take `--seed` (another seed draws other pictures, and every goal must hold for any), `--check`, which fails on a missed goal,
and `--write docs/benchmarks.md`. `make bench` and `make bench-accuracy` run them; `CHECK=1`, `SEED=`, `COUNT=` and `ONLY=` are handed
on. The circuit board and the box are photographs of Debian's opencv-doc, in the folder `AL_PHOTOGRAPHS` names; without them there are
no such rows.

`analyticlens bench --orchestrator` measures how the orchestrator keeps up, with real processes on loopback: `--rounds` measured rounds a
figure, `--figure clicks` (`verdicts`, `heartbeats`, `lists`) only these, `--postgresql` also on a PostgreSQL it starts for itself where
one is installed. `--check` and `--write` are as above, and `make bench` runs it too. Milliseconds are of the computer named; ratios are of
two things done turn about, and hold on a busy one as well.

A bias counts as missed where it is more than three standard errors of its mean above its goal; everything else as soon as it is above.

## Speed

{speed}

## Orchestrator

{orchestrator}

## Accuracy

{accuracy}
"""
PARTS = ("speed", "orchestrator", "accuracy")
EMPTY = "Not measured yet."


def write_part(path: Path, name: str, lines: Iterable[str]) -> None:
    """Write one part, `speed`, `orchestrator` or `accuracy`, of the page; the page is begun where there is none. Raises OSError."""
    begun = OUTLINE.format(**{part: between(part, [EMPTY]) for part in PARTS})
    page = path.read_text(encoding="utf-8") if path.exists() else begun
    text = between(name, lines)
    whole = _whole(name)
    if not whole.search(page):
        page += f"\n{between(name, [''])}\n"
    path.write_text(whole.sub(lambda _: text, page), encoding="utf-8")


def part_of(path: Path, name: str) -> str:
    """Return a part of the page as it stands there, marks and all; one that was never written says so. Raises OSError."""
    found = _whole(name).search(path.read_text(encoding="utf-8")) if path.exists() else None
    return found.group() if found else between(name, [EMPTY])


def between(name: str, lines: Iterable[str]) -> str:
    """Return a part of the page between its marks; a part may be inside another."""
    begin, end = _marks(name)
    return "\n".join([begin, *lines, end])


def _whole(name: str) -> re.Pattern[str]:
    begin, end = _marks(name)
    return re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: written by analyticlens bench -->", f"<!-- end of {name} -->"


def measured_by(command: Sequence[str]) -> list[str]:
    """Return the paragraph that says how a part was measured: the command, the date, and on what."""
    import cv2
    import numpy as np

    made = f"{clock.wall():%Y-%m-%d}, Python {platform.python_version()}, OpenCV {cv2.__version__}, numpy {np.__version__}, {_processor()}"
    return ["```sh", " ".join(["analyticlens bench", *command]).strip(), "```", "", f"{made}.", ""]


def _processor() -> str:
    """Return the processor's name, or what the system says of it."""
    try:
        names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table in Markdown; the first column stands left, the others right."""
    return [
        "| " + " | ".join(head) + " |",
        "|---|" + "---:|" * (len(head) - 1),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]
