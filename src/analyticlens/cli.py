"""The command line: `analyticlens up | machine | inspect | machines | manage | doctor | bench`.

It only hands on. Each command is imported when it is asked for, so that a machine runs without Django and an orchestrator without OpenCV.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from analyticlens import __version__


class Command(NamedTuple):
    """Where a command's `main(arguments) -> exit code` is, which extra it needs, and what it does."""

    module: str
    extra: str
    does: str


COMMANDS = {
    "up": Command("analyticlens.up", "all", "start everything: orchestrator, watcher and the demonstration line"),
    "machine": Command("analyticlens.machine.cli", "machine", "run one vision machine"),
    "inspect": Command(
        "analyticlens.machine.inspect_cli", "machine", "judge pictures with one recipe and print the results"
    ),
    "machines": Command("analyticlens.machines_cli", "client", "see machines and steer them, over REST"),
    "manage": Command("config.manage_cli", "orchestrator", "the orchestrator's commands (Django's manage.py)"),
    "doctor": Command("analyticlens.doctor", "", "look whether this computer has what AnalyticLens needs"),
    "bench": Command("analyticlens.bench", "all", "print the figures of the design (--check fails on a miss)"),
}
ORCHESTRATOR = Path(__file__).parent / "orchestrator"


def usage() -> str:
    """Return what `analyticlens` without a command prints."""
    lines = [f"AnalyticLens {__version__}", "", "usage: analyticlens COMMAND [options]", ""]
    lines += [f"  {name:<9}{command.does}" for name, command in COMMANDS.items()]
    return "\n".join([*lines, "", "analyticlens COMMAND --help says more about one of them."])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0 good, 1 it failed, 2 it was not understood."""
    # Before anything imports numpy: a pool of threads only slows the small matrices of one picture.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = list(sys.argv[1:] if arguments is None else arguments)
    match words:
        case [] | ["-h" | "--help" | "help", *_]:
            print(usage())
            return 0
        case ["--version" | "-V", *_]:
            print(f"AnalyticLens {__version__}")
            return 0
        case [name, *_] if name not in COMMANDS:
            print(f"analyticlens: there is no command {name!r}\n\n{usage()}", file=sys.stderr)
            return 2
    return _run(words[0], words[1:])


def _run(name: str, rest: list[str]) -> int:
    command = COMMANDS[name]
    if command.module.startswith("config."):
        sys.path.insert(0, str(ORCHESTRATOR))
    try:
        module = import_module(command.module)
    except ModuleNotFoundError as missing:
        if not command.extra or (missing.name or "").startswith("analyticlens"):
            raise
        print(
            f"analyticlens {name} needs what is not installed here ({missing.name}): "
            f"pip install 'analyticlens[{command.extra}]'",
            file=sys.stderr,
        )
        return 1
    code: int = module.main(rest)
    return code
