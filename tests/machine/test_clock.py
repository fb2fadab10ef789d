"""The clock: the wall can be moved without the monotonic clock noticing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from analyticlens.machine import clock


def test_it_moves_the_wall_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, mono = clock.wall(), clock.mono()
    shift = tmp_path / "shift"
    shift.write_text("86400")
    monkeypatch.setenv("AL_CLOCK_FILE", str(shift))
    assert 86_399 < (clock.wall() - before).total_seconds() < 86_460
    assert clock.mono() - mono < 60


def test_it_speaks_aware_utc() -> None:
    assert clock.wall_text().endswith("+00:00")


def test_it_returns_from_a_wait_in_the_past() -> None:
    assert clock.wait(threading.Event(), -5) is False
