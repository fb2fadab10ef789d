"""Ends what a supervisor that was killed left behind: a process in a session of its own, so that it outlives whoever started it.

Run as a file: `python guardian.py SECONDS`. On its standard input it is told `+PID` of each process that was started as the leader of a
session, and `-PID` when that has ended. When its input ends it gives what is left so many seconds (the kernel asked it to end when the
supervisor was gone), then kills it: a process that is held still, or that waits for something that never comes, ends too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress

STEP = 0.2


def told(lines: Iterable[str]) -> set[int]:
    """Return the sessions that are left when the lines end."""
    left: set[int] = set()
    for line in lines:
        with suppress(ValueError):
            number = int(line)
            left.add(number) if line.startswith("+") else left.discard(-number)
    return left


def send(sessions: Iterable[int], number: int) -> list[int]:
    """Send a signal to the processes of these sessions; return those sessions that still have one."""
    found = []
    for session in sessions:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(session, number)
            found.append(session)
    return found


def main(seconds: float) -> None:
    """Listen until the supervisor is gone, then see that its processes go."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Told to all that runs here, or at a terminal: the supervisor ends in order, and this after it.
        signal.signal(number, signal.SIG_IGN)
    left = send(told(sys.stdin), signal.SIGTERM)
    left = send(left, signal.SIGCONT)
    never = threading.Event()
    for _ in range(max(1, round(seconds / STEP))):
        if not (left := send(left, 0)):
            return
        never.wait(STEP)
    send(left, signal.SIGKILL)


if __name__ == "__main__":
    main(float(sys.argv[1]))
