"""What a machine is shown as: the worst of its connection, its state and what became of the last change."""

from __future__ import annotations

from typing import Any

import pytest

from analyticlens.protocol.heartbeat import STALE_SECONDS
from api import clock
from api.models import VirtualMachine
from dashboard.display import ORDER, display
from tests.dashboard.results_rows import hear
from tests.rows import goodbye, make_machine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]
REJECTED = {"version": 3, "running_version": 2, "state": "rejected", "error": "no such folder"}


@pytest.mark.parametrize(
    ("said", "state", "priority"),
    [
        ({}, "running", 0),
        ({"status": "stopped"}, "stopped", 0),
        ({"status": "error", "error_message": "no camera"}, "error", 1),
        ({"applied": REJECTED}, "refused", 2),
        ({"applied": {**REJECTED, "state": "rolled_back"}}, "refused", 2),
        ({"status": "error", "applied": REJECTED}, "error", 1),
    ],
)
def test_what_it_says_of_itself(said: dict[str, Any], state: str, priority: int) -> None:
    shown = display(hear(make_machine(), **said))
    assert (shown.state, shown.priority) == (state, priority)


def test_a_machine_that_never_reported_is_no_alarm() -> None:
    shown = display(make_machine())
    assert (shown.state, shown.priority, shown.age) == ("new", 0, None)


def test_old_news_is_shown_as_old() -> None:
    machine = hear(make_machine())
    with clock.shifted(STALE_SECONDS + 1):
        shown = display(machine)
    assert (shown.state, shown.late) == ("late", True)


def test_news_of_ten_seconds_is_not_old_yet() -> None:
    machine = hear(make_machine())
    with clock.shifted(STALE_SECONDS - 1):
        assert display(machine).state == "running"


def test_silence_found_by_the_watcher_is_offline() -> None:
    machine = hear(make_machine())
    VirtualMachine.objects.filter(pk=machine.pk).update(status="offline", connection_status="disconnected")
    machine.refresh_from_db()
    assert display(machine).state == "offline"


def test_a_planned_leave_is_no_alarm() -> None:
    machine = hear(make_machine())
    machine.receive_goodbye(goodbye(2))
    shown = display(machine)
    assert (shown.state, shown.priority) == ("left", 0)


def test_maintenance_outranks_what_the_machine_says() -> None:
    machine = hear(make_machine(), status="error")
    machine.status = "maintenance"
    assert display(machine).state == "maintenance"


def test_the_reason_is_the_machines_own_words() -> None:
    assert display(hear(make_machine(), status="error", error_message="no camera")).why == "no camera"
    assert "no such folder" in display(hear(make_machine(), applied=REJECTED)).why


def test_the_worst_comes_first() -> None:
    worst_first = ["offline", "error", "refused", "late", "maintenance", "new", "left", "stopped", "running"]
    assert sorted(ORDER, key=ORDER.__getitem__) == worst_first
