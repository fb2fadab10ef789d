"""The timetable: each moment at most once, whatever the wall clock does (F34); what nobody could inspect is missed and told."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from analyticlens.machine import clock
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers import Pacer, Timetable, TriggerQueue, forget_timetable, upcoming
from analyticlens.protocol.configuration import ContinuousTrigger, ScheduledTrigger
from analyticlens.protocol.schedule import next_runs
from tests.machine.helpers import verdict

NOON = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)
MINUTELY = ScheduledTrigger(cron="* * * * *")


class Clocks:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.wall, self.mono = NOON, 1000.0

    def pass_by(self, seconds: float) -> None:
        """Let time pass: both clocks go on."""
        self.wall += timedelta(seconds=seconds)
        self.mono += seconds

    def jump(self, **by: float) -> None:
        """Move the wall clock alone."""
        self.wall += timedelta(**by)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(clock, "wall", lambda: made.wall)
    monkeypatch.setattr(clock, "mono", lambda: made.mono)
    return made


@pytest.fixture
def outbox(tmp_path: Path, clocks: Clocks) -> Iterator[Outbox]:
    opened = Outbox(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def table(outbox: Outbox, told: list[str]) -> Callable[..., Timetable]:
    """Return a maker of timetables that tell into `told`."""

    def tell(code: str, message: str, **details: Any) -> None:
        told.append(code)

    return lambda trigger=MINUTELY: Timetable(trigger, outbox, tell)


def served(timetable: Timetable, clocks: Clocks, seconds: int, step: int = 5) -> int:
    """Return how many moments were run while so many seconds passed."""
    count = 0
    for _ in range(0, seconds, step):
        clocks.pass_by(step)
        count += timetable.due() is not None
    return count


def test_each_minute_is_run_once(clocks: Clocks, outbox: Outbox, table: Callable[..., Timetable]) -> None:
    assert served(table(), clocks, 600) == 10
    assert (outbox.counters().triggered, outbox.counters().missed) == (10, 0)


def test_a_slow_inspection_makes_moments_missed_and_the_newest_run(
    clocks: Clocks, outbox: Outbox, table: Callable[..., Timetable], told: list[str]
) -> None:
    timetable = table()
    for _ in range(13):
        clocks.pass_by(15)
        looked_at_last = _ == 12
        if looked_at_last:
            assert timetable.due() is not None
    assert (outbox.counters().triggered, outbox.counters().missed) == (3, 2)
    assert told == ["run_missed", "runs_again"]


def test_moments_while_the_machine_was_off_are_missed_and_told(
    clocks: Clocks, outbox: Outbox, table: Callable[..., Timetable], told: list[str]
) -> None:
    assert served(table(), clocks, 60) == 1
    clocks.pass_by(3600)
    assert table().due() is not None
    assert (outbox.counters().triggered, outbox.counters().missed) == (61, 59)
    assert told == ["run_missed", "runs_again"]


def test_moments_while_it_is_stopped_are_missed_as_they_come(
    clocks: Clocks, outbox: Outbox, table: Callable[..., Timetable], told: list[str]
) -> None:
    timetable = table()
    for count in range(1, 4):
        clocks.pass_by(60)
        timetable.pass_over()
        assert outbox.counters().missed == count
    assert told == ["run_missed"]


def test_a_moment_run_before_a_crash_is_not_run_again(clocks: Clocks, table: Callable[..., Timetable]) -> None:
    assert served(table(), clocks, 30) == 1
    assert served(table(), clocks, 55) == 0


def test_another_line_or_trigger_begins_anew(clocks: Clocks, outbox: Outbox, table: Callable[..., Timetable]) -> None:
    assert served(table(), clocks, 60) == 1
    clocks.pass_by(3600)
    assert table(ScheduledTrigger(cron="*/2 * * * *")).due() is None
    clocks.pass_by(3600)
    forget_timetable(outbox)
    assert table().due() is None
    assert outbox.counters().missed == 0


@pytest.mark.parametrize("jump", [{"hours": -1}, {"days": 1}, {"days": -20_000}, {"days": 4_200}, {"hours": 1}])
def test_a_jump_fires_no_storm_and_misses_nothing(
    clocks: Clocks, outbox: Outbox, table: Callable[..., Timetable], told: list[str], jump: dict[str, float]
) -> None:
    timetable = table(ScheduledTrigger(cron="* * * * *", time_zone="America/New_York"))
    assert served(timetable, clocks, 300) == 5
    clocks.jump(**jump)
    assert timetable.due() is None
    # An hour back are minutes nobody ran: the timetable had begun only five minutes ago.
    assert served(timetable, clocks, 300) == 5
    assert (outbox.counters().missed, told) == (0, ["clock_jumped"])


def test_minutes_that_were_run_are_not_run_again_after_a_jump_back(
    clocks: Clocks, table: Callable[..., Timetable]
) -> None:
    timetable = table()
    assert served(timetable, clocks, 600) == 10
    clocks.jump(minutes=-10)
    assert served(timetable, clocks, 600) == 0
    assert served(timetable, clocks, 120) == 2


def test_twenty_jumps_a_minute_run_each_minute_once_at_most(
    clocks: Clocks, outbox: Outbox, table: Callable[..., Timetable], told: list[str], seed: int
) -> None:
    drawn = random.Random(seed)
    timetable = table()
    moments: list[datetime] = []
    for _ in range(100):
        clocks.jump(seconds=drawn.uniform(-7200, 7200))
        clocks.pass_by(3)
        if timetable.due() is not None:
            moments.append(clocks.wall.replace(second=0, microsecond=0))
    assert len(moments) == len(set(moments)) <= 20, f"seed {seed}"
    assert outbox.counters().triggered == len(moments)
    assert told.count("clock_jumped") <= 6


@pytest.mark.parametrize("jump", [{"hours": -1}, {"days": 1}, {"days": -20_000}, {"days": 4_200}])
def test_the_continuous_trigger_knows_nothing_of_the_wall_clock(
    clocks: Clocks, outbox: Outbox, jump: dict[str, float]
) -> None:
    pacer = Pacer(ContinuousTrigger(interval_ms=100), outbox)
    count = 0
    for _ in range(100):
        clocks.jump(**jump) if count == 50 else None
        count += pacer.due() is not None
        clocks.pass_by(0.1)
    assert (count, outbox.counters().missed) == (100, 0)


def test_a_day_of_triggers_is_reconciled_exactly(clocks: Clocks, tmp_path: Path, told: list[str], seed: int) -> None:
    """Timetable and signals, stops and crashes, compressed: an hour of them, or AL_TRIGGER_HOURS, counted beside the machine."""
    drawn = random.Random(seed)
    minutes = 60 * int(os.environ.get("AL_TRIGGER_HOURS", "1"))
    folder = tmp_path / "day"
    outbox = Outbox(folder)
    expected = {"triggered": 0, "inspected": 0, "refused": 0, "missed": 0}
    queue, timetable = TriggerQueue(outbox), Timetable(MINUTELY, outbox, lambda *_, **__: None)
    queue.most = 4
    for minute in range(minutes):
        clocks.pass_by(60)
        fate = drawn.choice(("runs", "runs", "runs", "stopped", "killed"))
        asked = drawn.randint(0, 6)
        for _ in range(asked):
            with suppress(NotNow):
                queue.put(None)
        waiting = min(asked, queue.most)
        expected["triggered"] += asked + 1
        expected["refused"] += asked - waiting
        if fate == "runs":
            assert timetable.due() is not None, f"seed {seed}, minute {minute}"
            outbox.append("verdict", verdict(minute + 1))
            while (triggered := queue.take()) is not None:
                outbox.append("verdict", verdict(triggered.count))
            expected["inspected"] += waiting + 1
        elif fate == "stopped":
            timetable.pass_over()
            queue.forget()
            expected["missed"] += waiting + 1
        else:
            # As after a kill: nothing is settled, and the next start finds what was committed.
            assert timetable.due() is not None, f"seed {seed}, minute {minute}"
            outbox.close()
            outbox = Outbox(folder)
            queue, timetable = TriggerQueue(outbox), Timetable(MINUTELY, outbox, lambda *_, **__: None)
            queue.most = 4
            expected["missed"] += waiting + 1
        counted = outbox.counters().model_dump(include=set(expected))
        assert counted == expected, f"seed {seed}, minute {minute}"
    outbox.close()


# As Debian's cron: the clocks of New York go forward on 8 March 2026 at 2:00, back on 1 November at 2:00.
@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("30 2 * * *", "2026-03-07T12:00", ["2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"]),
        ("30 1 * * *", "2026-10-31T12:00", ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]),
        ("0 * * * *", "2026-03-08T00:30", ["2026-03-08T01:00-05:00", "2026-03-08T03:00-04:00"]),
        ("0 * * * *", "2026-11-01T00:30", ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00"]),
    ],
)
def test_summer_time_is_kept_as_debians_cron_keeps_it(cron: str, after: str, expected: list[str]) -> None:
    begin = datetime.fromisoformat(after + "-05:00")
    begin -= timedelta(hours=1 if "-03-08" not in after and "-03-07" not in after else 0)
    runs = next_runs(cron, "America/New_York", begin, 2)
    assert [moment.isoformat(timespec="minutes") for moment in runs] == expected


def test_a_change_to_summer_time_is_lived_through(clocks: Clocks, table: Callable[..., Timetable]) -> None:
    clocks.wall = datetime(2026, 3, 8, 6, 30, tzinfo=UTC)  # 1:30 in New York, half an hour before.
    timetable = table(ScheduledTrigger(cron="30 2 * * *", time_zone="America/New_York"))
    assert served(timetable, clocks, 3600, step=30) == 1


def test_the_next_moments_are_told_in_their_own_zone(clocks: Clocks) -> None:
    trigger = ScheduledTrigger(cron="0 8 * * 1-5", time_zone="America/Sao_Paulo")
    assert upcoming(trigger, 2) == ["2026-06-02T08:00-03:00", "2026-06-03T08:00-03:00"]


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("30 2 31 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("61 * * * *", "its minute is wrong"),
        ("* * * * * *", "five fields"),
        ("@daily", "five fields"),
        ("", "five fields"),
    ],
)
def test_a_line_that_cannot_be_is_refused_in_one_sentence(cron: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ScheduledTrigger(cron=cron)


@pytest.mark.parametrize("zone", ["Mars/Phobos", "America", "../../etc/passwd"])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError):
        ScheduledTrigger(time_zone=zone)
