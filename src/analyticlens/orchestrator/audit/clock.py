"""The orchestrator's only source of time. It lives in the lowest room because entries are dated; others know it as `api.clock`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_shift = 0.0
# The moment both clocks stand at, while they stand.
_still: tuple[datetime, float] | None = None


def wall() -> datetime:
    """Return the date and time, in UTC with its zone."""
    now = _still[0] if _still else datetime.now(UTC)  # noqa: TID251  this is the clock
    return now + timedelta(seconds=_shift)


def mono() -> float:
    """Return seconds of a clock that nobody sets: for deadlines and pauses within one process."""
    return (_still[1] if _still else time.monotonic()) + _shift


def is_told(moment: datetime) -> bool:
    """Return whether a moment says when it is wherever it is read: it has a zone, and no zone carries it past an end of the calendar."""
    first, last = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
    return moment.tzinfo is not None and first <= moment <= last


@contextmanager
def shifted(seconds: float) -> Iterator[None]:
    """Move both clocks of this process by seconds: for tests, which do not wait for time to pass."""
    global _shift
    _shift += seconds
    try:
        yield
    finally:
        _shift -= seconds


@contextmanager
def still() -> Iterator[None]:
    """Let both clocks of this process stand, to be moved by `shifted` alone: for tests, whose seconds are long on a busy computer."""
    global _still
    before, _still = _still, (wall() - timedelta(seconds=_shift), mono() - _shift)
    try:
        yield
    finally:
        _still = before
