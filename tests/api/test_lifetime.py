"""Retention at the orchestrator when somebody sets the clock a year ahead: nothing is deleted, and it is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api import clock
from api.lifetime import Lifetime
from api.models import VMHeartbeat
from audit.models import AuditEntry
from edge.management.commands import watch
from edge.models import EnrolmentCode, issue_code
from tests.rows import SYSTEM, heartbeat, make_machine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]
YEAR, DAY = 365 * 86_400, 86_400


@pytest.fixture
def kept() -> None:
    """A machine with a heartbeat and a code."""
    machine = make_machine("vm_a")
    machine.receive_heartbeat(heartbeat(status="running"))
    issue_code(machine, SYSTEM)


def rows() -> tuple[int, int]:
    return VMHeartbeat.objects.count(), EnrolmentCode.objects.count()


def set_ahead(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the wall clock; the monotonic one goes on."""
    real = clock.wall
    monkeypatch.setattr("api.clock.wall", lambda: real() + timedelta(seconds=seconds))


@pytest.mark.usefixtures("kept")
def test_a_clock_that_jumps_a_year_deletes_nothing_and_it_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lifetime = Lifetime()
    watch.forget_old(lifetime.now())
    before = rows()
    with monkeypatch.context() as jump:
        set_ahead(jump, YEAR)
        for minute in range(3):
            with clock.shifted(60 * minute):
                watch.forget_old(lifetime.now())
        # A watcher that was started with the wrong clock knows as well.
        watch.forget_old(Lifetime().now())
    assert rows() == before
    entry = AuditEntry.objects.get(verb="clock ahead")
    assert abs(entry.additional_data["days"] - 365) < 0.2
    # Set right, all is as it was.
    watch.forget_old(lifetime.now())
    assert rows() == before
    assert abs(Lifetime().now() - clock.wall()) < timedelta(minutes=5)


@pytest.mark.usefixtures("kept")
def test_after_a_week_the_clock_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    lifetime = Lifetime()
    lifetime.now()
    set_ahead(monkeypatch, YEAR)
    for day in range(9):
        with clock.shifted(day * DAY):
            now = lifetime.now()
            assert (now > clock.wall() - timedelta(days=1)) is (day >= 7), day
            watch.forget_old(now)
    assert rows() == (0, 0)


@pytest.mark.usefixtures("kept")
def test_what_is_old_in_its_own_time_goes(settings: Any) -> None:
    lifetime = Lifetime()
    for day in range(0, settings.HEARTBEAT_DAYS + 2):
        with clock.shifted(day * DAY):
            watch.forget_old(lifetime.now())
    assert rows() == (0, 0)
    assert not AuditEntry.objects.filter(verb="clock ahead").exists()
