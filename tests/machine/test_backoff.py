"""The pauses between tries: they grow, they never end, and a source that is back is soon found."""

from __future__ import annotations

import pytest

from analyticlens.machine.backoff import BACKOFF, LONGEST_SOURCE_SECONDS, BackOff

pytestmark = pytest.mark.usefixtures("standing")


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the monotonic clock stand."""
    monkeypatch.setattr("analyticlens.machine.clock.mono", lambda: 100.0)


def test_the_pauses_after_a_death_grow_to_the_longest() -> None:
    pauses = BackOff()
    seen = []
    for _ in range(len(BACKOFF) + 2):
        pauses.failed(source=False)
        seen.append(pauses.seconds_left)
    assert seen == pytest.approx([*BACKOFF, BACKOFF[-1], BACKOFF[-1]])


def test_a_source_that_was_away_for_long_is_looked_for_every_few_seconds() -> None:
    pauses = BackOff()
    for _ in range(50):
        pauses.failed(source=True)
        assert pauses.seconds_left <= LONGEST_SOURCE_SECONDS <= 5


def test_after_a_success_the_pauses_begin_anew() -> None:
    pauses = BackOff()
    for _ in range(5):
        pauses.failed(source=False)
    pauses.worked()
    pauses.failed(source=False)
    assert pauses.seconds_left == pytest.approx(BACKOFF[0])


def test_at_once_is_at_once() -> None:
    pauses = BackOff()
    pauses.failed(source=False)
    pauses.at_once()
    assert pauses.seconds_left <= 0
