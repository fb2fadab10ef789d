"""The time retention goes by: it runs with the monotonic clock, and doubts a wall clock that jumps ahead."""

from __future__ import annotations

import pytest

from analyticlens.protocol.lived import DOUBT_SECONDS, REST_SECONDS, Lived

DAY = 86_400.0
BORN = 1_800_000_000.0


def test_it_follows_a_wall_clock_that_goes_as_time_does() -> None:
    lived = Lived(BORN)
    for minute in range(1, 100):
        lived = lived.advanced(BORN + 60 * minute, 60)
        assert lived == Lived(BORN + 60 * minute)


@pytest.mark.parametrize("rest", [0, 3600, REST_SECONDS])
def test_a_short_rest_needs_no_doubt(rest: float) -> None:
    assert Lived(BORN).advanced(BORN + rest, 0) == Lived(BORN + rest)


def test_a_jump_ahead_makes_nothing_old_for_a_week_of_running_and_then_is_believed() -> None:
    year, lived, ran = 365 * DAY, Lived(BORN), 0.0
    while ran < DOUBT_SECONDS:
        lived = lived.advanced(BORN + ran + year, 0 if not ran else 3600)
        assert lived.until <= BORN + ran
        ran += 3600
    lived = lived.advanced(BORN + ran + year, 3600)
    assert lived == Lived(BORN + ran + year)


def test_set_right_in_time_nothing_happened() -> None:
    lived = Lived(BORN).advanced(BORN + 365 * DAY, 60)
    assert lived.doubt > 0
    assert lived.advanced(BORN + 120, 60) == Lived(BORN + 120)


def test_restarts_end_no_doubt() -> None:
    lived = Lived(BORN)
    for _ in range(1000):
        lived = lived.advanced(BORN + 365 * DAY, 0)
    assert lived == Lived(BORN, DOUBT_SECONDS)


def test_a_clock_that_is_set_back_makes_less_old() -> None:
    assert Lived(BORN).advanced(BORN - 365 * DAY, 60) == Lived(BORN - 365 * DAY)
