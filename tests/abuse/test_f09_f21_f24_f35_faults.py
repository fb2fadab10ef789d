"""F09, F21, F24, F35 with small n: another body under a number, acts that are too old, many at once, clocks that are set.

tests/results/test_ingest.py holds a conflict's row, tests/machine/test_link.py acts carried out once, tests/api/test_asking.py
compare-and-set in one round, tests/api/test_silence.py that a clock that is set makes nobody silent. Here is the rest of each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from analyticlens.machine import clock as machine_clock
from analyticlens.machine.station import Station
from api import clock
from api.models import Command, DesiredVersion, VirtualMachine
from api.silence import Watch
from audit.models import AuditEntry
from edge.models import MachineToken, issue_code
from results.models import IngestConflict, InspectionResult
from tests.abuse.plant import JSON, program, session
from tests.edge.caller import Door
from tests.machine.door import TOKEN, FakeDoor
from tests.machine.helpers import settings as machine_settings
from tests.results.records import event, verdict
from tests.rows import SYSTEM, heartbeat, make_machine, make_user
from user.models import ApiToken

V1 = "/api/v1/"


# --- F09 ----------------------------------------------------------------------------------------------------------------------


def changed(number: int) -> dict[str, Any]:
    """Return the number's record with another body, each in another way."""
    ways: list[dict[str, Any]] = [
        verdict(number, "nok"),
        verdict(number, cycle=number + 1000),
        verdict(number, message="changed"),
        verdict(number, part_id="another"),
        verdict(number, simulated=True),
        verdict(number, tools=[]),
        event(number),
        {"seq": number, "kind": "verdict", "body": {"verdict": "maybe"}},
        {"seq": number, "kind": "state", "body": {}},
        verdict(number, wall="2031-01-01T00:00:00+00:00"),
    ]
    return ways[number % len(ways)]


@pytest.mark.django_db
def test_f09_another_body_under_a_number_is_refused_kept_audited_and_shown() -> None:
    machine, count = make_machine("vm_a"), 20
    door = Door(MachineToken.issue(machine).text)
    numbers = range(1, count + 1)
    assert door.batch([verdict(number) for number in numbers])[1]["high_water_mark"] == count
    before = list(InspectionResult.objects.order_by("seq").values())
    status, answer = door.batch([changed(number) for number in numbers])
    assert status == 200
    assert [(refusal["seq"], refusal["code"]) for refusal in answer["refusals"]] == [(n, "conflict") for n in numbers]
    assert list(InspectionResult.objects.order_by("seq").values()) == before
    assert list(IngestConflict.objects.order_by("seq").values_list("seq", flat=True)) == list(numbers)
    assert all(bytes(row.raw) for row in IngestConflict.objects.all())
    told = AuditEntry.objects.filter(verb="deliver", refused=True)
    assert [entry.additional_data["seq"] for entry in told.order_by("seq")] == list(numbers)
    # The same once more is the same conflict, told once.
    assert len(door.batch([changed(number) for number in numbers])[1]["refusals"]) == count
    assert (IngestConflict.objects.count(), told.count()) == (count, count)
    # The first records again are no conflict.
    assert door.batch([verdict(number) for number in numbers])[1]["refusals"] == []
    boss = session(make_user("admin"))
    page = boss.get("/admin/results/ingestconflict/").content.decode()
    assert f"{count}" in page
    assert page.count(IngestConflict.objects.get(seq=3).refused_sha256) >= 1
    trail = boss.get(f"{V1}audit/?verb=deliver&refused=true&limit=500").json()["results"]
    assert len(trail) == count


# --- F21 ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(db: None) -> Command:
    """A trigger that is good for ten seconds."""
    machine = make_machine("vm_a")
    machine.receive_heartbeat(heartbeat(status="running"))
    return machine.command("trigger", SYSTEM, {}, 10)


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("step", [-86400, -3600, -60, -6, 11, 3600, 86400])
def test_f21_an_act_is_handed_out_in_its_time_alone_wherever_the_clock_is_set(asked: Command, step: int) -> None:
    with clock.shifted(step):
        assert Command.waiting(asked.machine_id) == []
        assert Command.expire() == 1
    asked.refresh_from_db()
    assert asked.state == "expired"
    # Set right again, it stays what it is.
    assert Command.waiting(asked.machine_id) == []


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("step", [-4, -1, 0, 5, 9.9])
def test_f21_it_never_has_more_time_than_it_had(asked: Command, step: float) -> None:
    with clock.shifted(step):
        (waiting,) = Command.waiting(asked.machine_id)
        assert 0 < waiting.as_contract().ttl_ms_left <= 10_000 - max(0, step) * 1000 + 1


@pytest.fixture
def station(tmp_path: Path) -> Any:
    """A station at a door, and the door."""
    with FakeDoor() as door:
        (tmp_path / "door_token").write_text(TOKEN)
        made = Station(machine_settings(tmp_path, django_url=door.url))
        made.open()
        yield made, door
        made.close()


def test_f21_an_answer_that_was_held_up_brings_no_act_that_is_over(
    station: tuple[Station, FakeDoor], until: Callable[..., Any]
) -> None:
    """As after SIGSTOP and SIGCONT, or on a line that stalls: the machine reads long after its time what was sent in it."""
    _made, door = station
    until(lambda: door.called("heartbeat"))
    count, held = 5, threading.Event()
    ids = [f"{number:032x}" for number in range(1, count + 1)]

    def stall(answer: Any) -> Any:
        machine_clock.wait(threading.Event(), 0.8)
        door.handed.clear()  # Their time is over: the orchestrator hands them out no more.
        held.set()
        return answer

    door.faults.add("desired", stall)
    for name in ids:
        door.commands.append({"id": name, "kind": "clear_error", "args": {}, "ttl_ms_left": 600})
    door.news.set()
    # The poll that waits already is answered with them and held up; whatever comes after it is not.
    until(held.is_set)
    door.command(id=f"{99:032x}", kind="clear_error", args={}, ttl_ms_left=60_000)
    until(lambda: door.reports)
    assert [(name, state) for name, state in door.reports if state != "expired"] == [(f"{99:032x}", "done")]


def test_f21_what_lay_in_the_queue_too_long_is_expired_not_done(
    station: tuple[Station, FakeDoor], until: Callable[..., Any]
) -> None:
    from analyticlens.machine.link.commands import Commands
    from analyticlens.protocol.desired import Command as Asked

    made, _door = station
    commands, told = Commands(made), FakeReports()
    for number in range(1, 11):
        ttl = 1000 * number
        asked = Asked.model_validate({"id": f"{number:032x}", "kind": "clear_error", "ttl_ms_left": ttl})
        # Asked for five and a half seconds ago, by the monotonic clock.
        commands.take([asked], machine_clock.mono() - 5.5)
    while commands.step(told) == 0.0:  # type: ignore[arg-type]
        pass
    assert [told.states[f"{number:032x}"] for number in range(1, 11)] == ["expired"] * 5 + ["done"] * 5


class FakeReports:
    """The end of a line to the orchestrator: it keeps what is reported."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}

    def call(self, _method: str, path: str, body: Any) -> dict[str, Any]:
        """Take a report."""
        self.states.setdefault(path.partition("/")[2], body.state)
        return {}


# --- F24 ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_f24_of_eight_that_know_the_same_version_one_wins_each_round() -> None:
    machine, people, rounds = make_machine("vm_a"), 8, 5
    machine.want(by=SYSTEM, reason="r", mode="TESTE")
    clients = [program(make_user("engineer")) for _ in range(people)]
    address = f"{V1}machines/vm_a/desired/"
    start = Barrier(people)

    def ask(number: int) -> list[tuple[int, int]]:
        answers = []
        try:
            for version in range(1, rounds + 1):
                start.wait(120)
                body = {"reason": f"r{number}", "configuration": {"source": {"camera_id": number + 10 * version}}}
                answer = clients[number].patch(address, body, content_type=JSON, headers={"If-Match": f'"{version}"'})
                told = answer.json()
                known = told["version"] if answer.status_code == 202 else told["error"]["details"]["version"]
                answers.append((answer.status_code, known))
        finally:
            connection.close()
        return answers

    with ThreadPoolExecutor(people) as pool:
        by_person = list(pool.map(ask, range(people)))
    for number in range(rounds):
        answers = sorted(answers[number] for answers in by_person)
        # One wins; all others are told what it made.
        assert answers == [(202, number + 2), *[(412, number + 2)] * (people - 1)]
    versions = DesiredVersion.objects.filter(machine=machine).order_by("version")
    assert list(versions.values_list("version", flat=True)) == list(range(1, rounds + 2))
    print(f"F24: {rounds} rounds of {people}: {rounds} won, {rounds * (people - 1)} told of the version in force")


# --- F35 ----------------------------------------------------------------------------------------------------------------------

STEPS = [3600, -3600, 86400, -86400, 30]


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("step", STEPS)
def test_f35_a_clock_that_is_set_ends_no_machine_and_no_token(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    machines = [make_machine(f"vm_{number}") for number in range(4)]
    doors = [Door(MachineToken.issue(machine).text) for machine in machines]
    person = make_user("admin")
    _row, personal = ApiToken.issue(person, "x", "admin", 90)
    rest = Client(headers={"Authorization": f"Bearer {personal.text}"})
    waiting = issue_code(machines[0], SYSTEM)
    watch, beats = Watch(), 0

    def live(seconds: int) -> list[str]:
        nonlocal beats
        found: list[str] = []
        for moment in range(0, seconds, 5):
            beats += 1
            with clock.shifted(moment):
                assert {door.beat(beats, status="running")[0] for door in doors} == {200}
                found += watch.look()
        return found

    assert live(20) == []
    real = clock.wall
    with monkeypatch.context() as set_clock:
        set_clock.setattr("api.clock.wall", lambda: real() + timedelta(seconds=20 + step))
        set_clock.setattr("audit.clock.wall", lambda: real() + timedelta(seconds=20 + step))
        assert live(40) == []
        assert rest.get(f"{V1}machines/").status_code == 200
        assert MachineToken.objects.exclude(revoked_at=None).count() == 0
    # And set right again.
    assert live(40) == []
    assert set(VirtualMachine.objects.values_list("connection_status", flat=True)) == {"connected"}
    assert rest.get(f"{V1}machines/").status_code == 200
    assert Door("").call("POST", "enrol", {"machine_id": "vm_0", "code": waiting})[0] == 200
    told = [entry.additional_data["seconds"] for entry in AuditEntry.objects.filter(verb="clock set").order_by("seq")]
    assert len(told) == 2
    assert abs(told[0] - (20 + step)) < 1
    assert abs(told[1] + (20 + step)) < 1
