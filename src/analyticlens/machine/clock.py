"""The machine's only source of time, so that tests can move it and nothing else reads a clock.

Deadlines and ages use `mono`; `wall` is shown and stored, never trusted. `AL_CLOCK_FILE` names a file with one number, seconds that
are added to the wall clock: a test moves the wall without touching the monotonic clock, as a person or a time server would.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


def _shift_seconds() -> float:
    path = os.environ.get("AL_CLOCK_FILE")
    if not path:
        return 0.0
    try:
        return float(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0.0


def wall() -> datetime:
    """Return the wall clock, aware, UTC."""
    return datetime.now(UTC) + timedelta(seconds=_shift_seconds())


def wall_text() -> str:
    """Return the wall clock as ISO 8601 with zone, to the millisecond."""
    return wall().isoformat(timespec="milliseconds")


def month() -> str:
    """Return the wall clock's month in UTC, as "2026-11"."""
    return wall().strftime("%Y-%m")


def mono() -> float:
    """Return seconds of the monotonic clock."""
    return time.monotonic()


def mono_ns() -> int:
    """Return nanoseconds of the monotonic clock."""
    return time.monotonic_ns()


def wait(event: threading.Event, seconds: float) -> bool:
    """Wait for event at most this many seconds; return whether it is set."""
    return event.wait(max(0.0, seconds))
