"""Counters and strips: the newest by (epoch_no, seq), counted once, simulated ones apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analyticlens.protocol.records import BatchEnvelope
from api import clock
from api.models import VirtualMachine
from results import tally
from results.ingest import ingest
from tests.results.records import EPOCH, verdict

pytestmark = pytest.mark.usefixtures("still")


def send(machine: VirtualMachine, *records: dict[str, Any], epoch: str = EPOCH, epoch_no: int = 1) -> None:
    """Ingest one batch."""
    ingest(machine, BatchEnvelope(epoch=epoch, epoch_no=epoch_no, records=list(records)))


def test_the_strip_holds_the_last_sixty_in_order(machine: VirtualMachine) -> None:
    send(machine, *[verdict(seq, "nok" if seq == 100 else "ok") for seq in range(100, 0, -1)])
    strip = tally.last60([machine])[machine.pk]
    assert [mark.seq for mark in strip] == list(range(41, 101))
    assert strip[-1].verdict == "nok"


def test_an_older_epoch_that_drains_late_does_not_become_the_newest(machine: VirtualMachine) -> None:
    send(machine, verdict(1, "nok"), epoch="cd" * 16, epoch_no=2)
    send(machine, verdict(7))
    assert tally.newest([machine])[machine.pk].verdict == "nok"
    assert [mark.epoch_no for mark in tally.last60([machine])[machine.pk]] == [1, 2]


def test_todays_counts_are_by_verdict_and_simulated_apart(machine: VirtualMachine) -> None:
    words = ["ok", "ok", "ok", "nok", "undecided", "error"]
    send(machine, *[verdict(seq, word) for seq, word in enumerate(words, 1)])
    send(machine, verdict(7, "ok", simulated=True), verdict(8, "nok", simulated=True))
    counts = tally.today([machine])[machine.pk]
    assert (counts.ok, counts.nok, counts.undecided, counts.error, counts.simulated) == (3, 1, 1, 1, 2)
    assert counts.share_ok == 0.5


def test_a_replay_is_not_counted_again(machine: VirtualMachine) -> None:
    for _ in range(3):
        send(machine, verdict(1), verdict(2))
    assert tally.today([machine])[machine.pk].inspected == 2


def test_yesterday_is_not_today(machine: VirtualMachine) -> None:
    send(machine, verdict(1))
    midnight = timezone.localtime(clock.wall()).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    with clock.shifted((midnight - clock.wall()).total_seconds() + 1):
        assert tally.today([machine])[machine.pk].inspected == 0
        send(machine, verdict(2))
        assert tally.today([machine])[machine.pk].inspected == 1


def test_a_machine_without_results_has_empty_counters(machine: VirtualMachine) -> None:
    assert tally.today([machine])[machine.pk] == tally.Counts()
    assert tally.last60([machine])[machine.pk] == []
    assert tally.newest([machine]) == {}
    assert tally.Counts().share_ok is None


def test_many_machines_cost_one_query_each_question(make: Any) -> None:
    machines = [make(f"vm_{number}") for number in range(5)]
    for each in machines:
        send(each, verdict(1))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        tally.today(machines), tally.last60(machines), tally.newest(machines)
    assert len(asked) == 3
