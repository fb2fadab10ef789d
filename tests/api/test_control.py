"""Control of a machine: one holder at a time, and nothing an earlier one asked is done under the next."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.utils import translation

from api import clock, control
from api.errors import BadInput, NotNow, Refused
from api.models import Command, ControlLease, LiveEvent, VirtualMachine
from audit import Actor
from audit.models import AuditEntry
from config.longpoll import Known, _is_news
from edge import desired
from tests.rows import heartbeat, make_machine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


ANA, RUI = Actor("user", "ana", through="a"), Actor("user", "rui", through="r")
ANA_ELSEWHERE = Actor("user", "ana", through="b")
ROBOT = Actor("system", "watcher")


@pytest.fixture
def machine() -> VirtualMachine:
    found = make_machine("vm_a")
    found.receive_heartbeat(heartbeat(status="running"))
    return found


def start(machine: VirtualMachine, by: Actor) -> int:
    return machine.want(by=by, reason="", mode="TESTE", restart=True).version


def test_without_control_whoever_may_asks(machine: VirtualMachine) -> None:
    assert start(machine, ANA) < start(machine, RUI)
    assert (control.current(machine), control.fence_of(machine)) == (None, 0)


@pytest.mark.parametrize("other", [RUI, ANA_ELSEWHERE])
def test_one_has_control_and_the_others_wait(machine: VirtualMachine, other: Actor) -> None:
    control.take(machine, ANA, 30)
    with pytest.raises(NotNow, match=r"ana .*vm_a.* 30"):
        start(machine, other)
    with pytest.raises(NotNow, match="ana"):
        machine.command("trigger", other)
    with pytest.raises(NotNow, match="ana"):
        control.take(machine, other)
    with pytest.raises(NotNow, match="ana"):
        control.give_back(machine, other)
    assert start(machine, ANA) == 1
    assert machine.command("trigger", ANA).fence == 1


def test_a_stop_is_admitted_from_anybody_and_only_a_stop(machine: VirtualMachine) -> None:
    start(machine, ANA)
    control.take(machine, ANA)
    assert machine.want(by=RUI, reason="", run_state="stopped").asked.run_state == "stopped"
    with pytest.raises(NotNow):
        machine.want(by=RUI, reason="", run_state="stopped", mode="DESENVOLVIMENTO")


def test_what_is_done_at_the_machine_and_by_the_house_itself_goes_on(machine: VirtualMachine) -> None:
    control.take(machine, ANA)
    assert start(machine, Actor("local", "local:10.0.0.7")) == 1
    assert start(machine, ROBOT) == 2


def test_control_ends_by_itself_and_the_next_has_a_higher_fence(machine: VirtualMachine) -> None:
    first = control.take(machine, ANA, 30)
    with clock.shifted(29), pytest.raises(NotNow):
        control.take(machine, RUI)
    with clock.shifted(31):
        second = control.take(machine, RUI)
        assert second.fence == first.fence + 1
        with pytest.raises(NotNow):
            start(machine, ANA)


def test_keeping_it_changes_neither_its_number_nor_the_trail(machine: VirtualMachine) -> None:
    first = control.take(machine, ANA, 30)
    entries = AuditEntry.objects.count()
    with clock.shifted(20):
        assert control.take(machine, ANA, 60).fence == first.fence
        assert ControlLease.objects.get().seconds_left == 60
    assert AuditEntry.objects.count() == entries


def test_taking_giving_back_and_breaking_leave_entries_and_events(machine: VirtualMachine) -> None:
    control.take(machine, ANA)
    control.give_back(machine, ANA)
    control.give_back(machine, ANA)
    control.take(machine, RUI)
    control.break_it(machine, ANA, "rui went home")
    verbs = AuditEntry.objects.filter(verb__contains="control").order_by("seq")
    assert [(entry.verb, entry.actor_name) for entry in verbs] == [
        ("take control", "ana"),
        ("give back control", "ana"),
        ("take control", "rui"),
        ("break control", "ana"),
    ]
    assert verbs[3].reason == "rui went home"
    told = [event.data for event in LiveEvent.objects.order_by("id") if event.data.get("what") == "control"]
    assert [event["fence"] for event in told] == [1, 1, 2, 2]
    assert start(machine, RUI) == 1


def test_who_says_which_taking_they_act_under_is_refused_once_it_is_over(machine: VirtualMachine) -> None:
    """A program that slept past the end of its lease does not act as if it had it, even where the machine is free again."""
    lease = control.take(machine, ANA, 10)
    under = Actor("user", "ana", through="a", fence=lease.fence)
    assert start(machine, under) == 1
    with clock.shifted(11):
        with pytest.raises(NotNow, match="over"):
            start(machine, under)
        with pytest.raises(NotNow, match="over"):
            machine.command("trigger", under)
        control.take(machine, RUI, 10)
    with clock.shifted(30):
        with pytest.raises(NotNow, match="over"):
            start(machine, under)
        assert machine.want(by=under, reason="", run_state="stopped").version == 2


@pytest.mark.parametrize("seconds", [-1, 0, control.SHORTEST - 1, control.LONGEST + 1])
def test_it_is_taken_for_a_while_a_person_can_think_of(machine: VirtualMachine, seconds: int) -> None:
    with pytest.raises(BadInput):
        control.take(machine, ANA, seconds)


def test_nobody_controls_a_retired_machine(machine: VirtualMachine) -> None:
    machine.retire(by=ANA, reason="")
    with pytest.raises(NotNow):
        control.take(machine, ANA)


def test_a_machine_hears_of_a_taking_at_once(machine: VirtualMachine) -> None:
    known = Known(0, "", 0)
    assert not _is_news(desired.document(machine), known)
    control.take(machine, ANA)
    document = desired.document(machine)
    assert document.fence == 1
    assert _is_news(document, known)
    # A machine that says nothing of it asks as it always did.
    assert not _is_news(document, known._replace(fence=None))


def test_a_command_tells_its_machine_under_which_taking_it_was_asked(machine: VirtualMachine) -> None:
    control.take(machine, ANA, 10)
    machine.command("trigger", ANA, ttl=60)
    with clock.shifted(11):
        control.take(machine, RUI)
        (waiting,) = Command.waiting(machine.pk)
        assert (waiting.as_contract().fence, desired.document(machine).fence) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_want_it_at_once_one_has_it(machine: VirtualMachine, record_property: Callable[..., None]) -> None:
    """F26, small: ten contend, again and again; nobody ever acts while another has control, and fences only grow."""
    seed = random.randrange(1 << 32)
    record_property("seed", seed)
    people = [Actor("user", f"p{n}", through=f"p{n}") for n in range(10)]
    gate, won, broken = threading.Barrier(len(people)), [], []

    def contend(by: Actor, dice: random.Random) -> None:
        try:
            gate.wait()
            for _ in range(10):
                try:
                    lease = control.take(machine, by)
                except NotNow:
                    continue
                under = Actor("user", by.name, through=by.through, fence=lease.fence)
                version = machine.want(by=under, reason=str(lease.fence), restart=True)
                won.append((lease.fence, by.name, version.version))
                if dice.random() < 0.7:
                    control.give_back(machine, by)
        except Refused as refused:
            broken.append(f"{by.name}: {refused}")
        finally:
            connection.close()

    threads = [threading.Thread(target=contend, args=(by, random.Random(seed + n))) for n, by in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == [], seed
    assert won, seed
    by_version = sorted(won, key=lambda act: act[2])
    assert [fence for fence, _, _ in by_version] == sorted(fence for fence, _, _ in won), seed
    assert len({(fence, name) for fence, name, _ in won}) == len({fence for fence, _, _ in won}), seed
