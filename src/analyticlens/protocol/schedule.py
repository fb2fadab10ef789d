"""Timetables: cron lines in a time zone, as Debian's cron reads them, daylight saving included.

A line of fixed hours and minutes whose moment a change to summer time skips comes right after the gap, and one whose moment comes twice
in autumn comes once, the first time. A line with a star in its hours or minutes follows the clock on the wall: it leaves the gap out
and comes in both of the doubled hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = 5
# A day to look from that does not move, so that the same line is always judged the same.
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def zone_of(name: str) -> tzinfo:
    """Return the time zone of a name such as America/Sao_Paulo. Raises ValueError with one sentence."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name}") from None


def check_cron(line: str) -> None:
    """Raise ValueError with one sentence unless a cron line has five sound fields and comes at all."""
    count = len(line.split())
    if count != FIELDS:
        raise ValueError(f"a cron line has five fields (minute, hour, day, month, weekday), and this one has {count}")
    try:
        next(CronSim(line, _ANY_DAY))
    except CronSimError as problem:
        what = str(problem).removeprefix("Bad ")
        if what == "day-of-month" and _only_the_month_is_too_short(line):
            raise ValueError(f"the cron line {line} never comes: its months have no such day") from None
        raise ValueError(f"the cron line {line} cannot be read: its {what} is wrong") from None
    except StopIteration:
        raise ValueError(f"the cron line {line} never comes") from None


def _only_the_month_is_too_short(line: str) -> bool:
    minute, hour, day, _month, weekday = line.split()
    try:
        CronSim(f"{minute} {hour} {day} * {weekday}", _ANY_DAY)
    except CronSimError:
        return False
    return True


def runs(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the moments of a cron line later than `after`, aware, in UTC and in order. Line and zone were checked before."""
    for moment in CronSim(cron, after.astimezone(zone_of(zone))):
        yield moment.astimezone(UTC)


def next_runs(cron: str, zone: str, after: datetime, count: int) -> list[datetime]:
    """Return the next moments after `after`, in the time zone of the line."""
    home = zone_of(zone)
    return [moment.astimezone(home) for moment in islice(runs(cron, zone, after), count)]
