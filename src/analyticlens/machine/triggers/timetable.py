"""The scheduled trigger: a cron line by the wall clock, which may jump.

Each moment of the line is run at most once. One that came while nothing could be inspected is missed, and told. When the wall clock
jumps by more than a minute against the monotonic one, the line goes on from where the wall clock is now, and what lies between is
passed over: moments nobody lived through are neither run nor missed.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from analyticlens.machine import clock, log
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.triggers.queue import Triggered
from analyticlens.protocol.configuration import ScheduledTrigger
from analyticlens.protocol.schedule import next_runs, runs

WORD = "timetable"
# A moment is run this much later at most; a clock that moves more against the monotonic one has jumped.
LATEST = timedelta(seconds=60)
# The wall clock may be moved at any moment, so it is looked at this often.
LOOK_SECONDS = 1.0
# How many moments that were run are remembered, against a clock that goes back: two days of one a minute.
REMEMBERED = 2880
# So many missed moments are counted, not more: a clock that was wrong may make years of them.
MOST_MISSED = 10_000
TELL_JUMP_SECONDS = 60.0

Tell = Callable[..., object]


class Timetable:
    """One cron line. Used by the loop's thread."""

    def __init__(self, trigger: ScheduledTrigger, outbox: Outbox, tell: Tell) -> None:
        """Go on where this line was left; a new one begins now. `tell(code, message, **details)` hears of what was missed."""
        self.trigger = trigger
        self._outbox, self._tell = outbox, tell
        self._wall, self._mono = clock.wall(), clock.mono()
        self._run: deque[datetime] = deque(maxlen=REMEMBERED)
        self._missing = 0
        self._jump_told = -TELL_JUMP_SECONDS
        self._begin_after(self._left_at() or self._wall)

    def is_of(self, trigger: ScheduledTrigger) -> bool:
        """Return whether it is this trigger's line."""
        return (self.trigger.cron, self.trigger.time_zone) == (trigger.cron, trigger.time_zone)

    def _left_at(self) -> datetime | None:
        """Return the last moment that was dealt with, when it is of this line and past; remember it in any case."""
        try:
            kept = json.loads(self._outbox.word(WORD))
            handled = datetime.fromisoformat(kept["handled"]).astimezone(UTC)
            same = (kept["cron"], kept["zone"]) == (self.trigger.cron, self.trigger.time_zone)
        except (ValueError, KeyError, TypeError):
            same = False
        if not same:
            self._keep(self._wall, {})
            return None
        self._run.append(handled)
        return min(handled, self._wall)

    def _begin_after(self, moment: datetime) -> None:
        self._coming: Iterator[datetime] = runs(self.trigger.cron, self.trigger.time_zone, moment)
        self._next = next(self._coming, None)

    @property
    def seconds_left(self) -> float:
        """How long until it has to be looked at again; 0 when a moment is due."""
        left = LOOK_SECONDS if self._next is None else (self._next - clock.wall()).total_seconds()
        return min(max(left, 0.0), LOOK_SECONDS)

    def due(self) -> Triggered | None:
        """Take the moment that is due, None when none is. Those before it, and one that is over, are missed."""
        moments = self._look()
        late = bool(moments) and self._wall - moments[-1] >= LATEST
        now = None if late or not moments else moments.pop()
        if moments:
            self._miss(moments)
        if now is None:
            return None
        self._run.append(now)
        self._keep(now, {"triggered": 1})
        self._tell_end()
        return Triggered(self._outbox.number("triggered"), clock.mono())

    def pass_over(self) -> None:
        """Miss the moments that are due: nothing can be inspected now."""
        if moments := self._look():
            self._miss(moments)

    def _look(self) -> list[datetime]:
        """Return the moments that came since the last look and were not dealt with before, oldest first."""
        wall, mono = clock.wall(), clock.mono()
        jump = (wall - self._wall) - timedelta(seconds=mono - self._mono)
        self._wall, self._mono = wall, mono
        if abs(jump) > LATEST:
            self._begin_after(wall)
            self._tell_jump(jump)
        came: list[datetime] = []
        while self._next is not None and self._next <= wall and len(came) < MOST_MISSED:
            came.append(self._next)
            self._next = next(self._coming, None)
        if len(came) == MOST_MISSED:
            self._begin_after(wall)
        return [moment for moment in came if moment not in self._run]

    def _miss(self, moments: list[datetime]) -> None:
        self._run.extend(moments)
        self._keep(moments[-1], {"triggered": len(moments), "missed": len(moments)})
        if not self._missing:
            home = moments[0].isoformat(timespec="minutes")
            self._tell("run_missed", f"the scheduled run of {home} was missed", runs=len(moments))
        self._missing += len(moments)

    def _tell_end(self) -> None:
        if self._missing:
            self._tell("runs_again", f"the timetable goes on; {self._missing} scheduled runs were missed")
        self._missing = 0

    def _tell_jump(self, jump: timedelta) -> None:
        if self._mono - self._jump_told >= TELL_JUMP_SECONDS:
            self._jump_told = self._mono
            seconds = round(jump.total_seconds())
            self._tell("clock_jumped", f"the clock jumped by {seconds} s; the timetable goes on from there")

    def _keep(self, handled: datetime, counted: dict[str, int]) -> None:
        """Count, and note in the same commit how far the line is: no crash makes a moment run twice, or go uncounted."""
        said: dict[str, Any] = {"cron": self.trigger.cron, "zone": self.trigger.time_zone}
        word = json.dumps({**said, "handled": handled.isoformat()})
        try:
            self._outbox.count(counted, words={WORD: word})
        except (sqlite3.Error, OSError) as error:
            # The counts are written with the next commit, and this process knows what it ran: inspections go on.
            log.event("timetable_not_stored", str(error))


def forget_timetable(outbox: Outbox) -> None:
    """Forget how far a timetable was: another trigger is in force."""
    if outbox.word(WORD):
        outbox.keep_word(WORD, "")


def upcoming(trigger: ScheduledTrigger, count: int) -> list[str]:
    """Return the next moments of a line, ISO 8601 in its own time zone."""
    found = next_runs(trigger.cron, trigger.time_zone, clock.wall(), count)
    return [moment.isoformat(timespec="minutes") for moment in found]
