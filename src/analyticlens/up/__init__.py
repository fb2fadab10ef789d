"""`analyticlens up`: the whole line in one command."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Start everything and keep it running until a signal; return the exit code."""
    from analyticlens.up.command import main as run

    return run(arguments)
