"""Enrolment and tokens: one code, one use, one machine; the newest enrolment and the newest token win."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from api import clock
from api.models import VirtualMachine
from audit.models import AuditEntry
from edge import credentials
from edge.models import EnrolmentCode, MachineToken, issue_code
from tests.edge.caller import Door


def enrol(machine_id: str, code: str) -> tuple[int, Any]:
    """Use a code, without a token."""
    return Door("").call("POST", "enrol", {"machine_id": machine_id, "code": code})


def test_a_code_becomes_a_token_that_opens_the_door(machine: VirtualMachine) -> None:
    status, answer = enrol("vm_001", issue_code(machine))
    assert (status, answer["machine_id"]) == (200, "vm_001")
    assert Door(answer["token"]).beat()[0] == 200


def test_a_code_is_good_once(machine: VirtualMachine) -> None:
    code = issue_code(machine)
    assert enrol("vm_001", code)[0] == 200
    status, answer = enrol("vm_001", code)
    assert (status, answer["error"]["code"]) == (403, "code_refused")


def test_a_code_is_for_its_machine_alone(machine: VirtualMachine, make: Any) -> None:
    make("vm_002")
    code = issue_code(machine)
    assert enrol("vm_002", code)[0] == 403
    assert enrol("vm_001", code)[0] == 200


def test_a_code_lives_fifteen_minutes(machine: VirtualMachine) -> None:
    code = issue_code(machine)
    with clock.shifted(15 * 60 + 1):
        assert enrol("vm_001", code)[0] == 403


def test_ten_wrong_tries_end_a_code(machine: VirtualMachine) -> None:
    code = issue_code(machine)
    for _ in range(10):
        assert enrol("vm_001", credentials.new_code())[0] == 403
    assert enrol("vm_001", code)[0] == 403


def test_nine_wrong_tries_do_not(machine: VirtualMachine) -> None:
    code = issue_code(machine)
    for _ in range(9):
        enrol("vm_001", credentials.new_code())
    assert enrol("vm_001", code)[0] == 200


def test_guessing_without_end_writes_no_entries_without_end(machine: VirtualMachine) -> None:
    issue_code(machine)
    for _ in range(30):
        enrol("vm_001", "AAAAA")
    assert AuditEntry.objects.filter(verb="enrol", refused=True).count() == 10


def test_a_new_code_voids_the_one_before(machine: VirtualMachine) -> None:
    first, second = issue_code(machine), issue_code(machine)
    assert enrol("vm_001", first)[0] == 403
    assert enrol("vm_001", second)[0] == 200


def test_every_refusal_sounds_the_same(machine: VirtualMachine) -> None:
    used = issue_code(machine)
    enrol("vm_001", used)
    issue_code(machine)
    answers = [enrol("vm_001", used), enrol("vm_001", "no code"), enrol("nobody", "no code"), enrol("vm_001", "")]
    assert all(answer == answers[0] for answer in answers)


def test_a_retired_machine_cannot_enrol(machine: VirtualMachine) -> None:
    code = issue_code(machine)
    VirtualMachine.objects.update(is_active=False)
    assert enrol("vm_001", code)[0] == 403


def test_enrolling_anew_ends_the_older_token(machine: VirtualMachine, door: Door) -> None:
    assert door.beat()[0] == 200
    enrol("vm_001", issue_code(machine))
    assert door.beat(2)[0] == 401


def test_rotation_keeps_the_old_token_until_the_new_one_is_used(door: Door) -> None:
    fresh = Door(door.call("POST", "token")[1]["token"])
    assert door.beat(1)[0] == 200
    assert fresh.beat(2)[0] == 200
    assert door.beat(3)[0] == 401
    assert fresh.beat(4)[0] == 200


def test_rotation_ends_the_old_token_after_a_day(door: Door) -> None:
    assert door.call("POST", "token")[0] == 200
    with clock.shifted(24 * 3600 - 60):
        assert door.beat(1)[0] == 200
    with clock.shifted(24 * 3600 + 1):
        assert door.beat(2)[0] == 401


def test_rotation_whose_answer_was_lost_can_be_asked_again(door: Door) -> None:
    lost = Door(door.call("POST", "token")[1]["token"])
    kept = Door(door.call("POST", "token")[1]["token"])
    assert lost.beat(1)[0] == 401
    assert kept.beat(2)[0] == 200


def test_a_token_that_was_ended_meanwhile_makes_no_other(machine: VirtualMachine) -> None:
    held = MachineToken.find(MachineToken.issue(machine).text)
    assert held is not None
    fresh = Door(enrol("vm_001", issue_code(machine))[1]["token"])
    # The computer that was replaced had its call checked a moment before.
    assert held.rotate() is None
    held.used()
    assert fresh.beat(1)[0] == 200


def test_revoking_a_token_ends_what_it_asked_for_and_nobody_used(machine: VirtualMachine, door: Door) -> None:
    waiting = Door(door.call("POST", "token")[1]["token"])
    MachineToken.objects.earliest("pk").revoke()
    assert (door.beat(1)[0], waiting.beat(2)[0]) == (401, 401)


def test_a_revoked_token_is_dead_at_once(machine: VirtualMachine, door: Door) -> None:
    assert door.beat(1)[0] == 200
    MachineToken.objects.get(machine=machine).revoke()
    assert door.beat(2)[0] == 401


def test_the_use_of_a_token_is_noted_now_and_then(machine: VirtualMachine, door: Door) -> None:
    door.beat(1)
    first = MachineToken.objects.get().last_used_at
    door.beat(2)
    assert MachineToken.objects.get().last_used_at == first
    with clock.shifted(301):
        door.beat(3)
    assert MachineToken.objects.get().last_used_at != first


def test_codes_and_tokens_are_nowhere_in_the_database(machine: VirtualMachine) -> None:
    code = issue_code(machine)
    token = enrol("vm_001", code)[1]["token"]
    Door(token).beat()
    secrets = [code, code.replace("-", ""), token, token.split("_", 2)[2].rsplit("_", 1)[0]]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        dump = ""
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            dump += str(cursor.fetchall())
    assert [secret for secret in secrets if secret in dump] == []


def test_enrolment_and_rotation_are_audited(machine: VirtualMachine) -> None:
    token = enrol("vm_001", issue_code(machine))[1]["token"]
    Door(token).call("POST", "token")
    verbs = list(AuditEntry.objects.order_by("seq").values_list("verb", "actor_kind", "actor_name"))
    assert ("rotate token", "machine", "vm_001") in verbs
    assert [verb for verb, _kind, _name in verbs if verb.startswith(("issue", "enrol"))] == [
        "issue enrolment code",
        "enrol",
    ]


@pytest.mark.parametrize("body", [{"machine_id": "vm_001"}, {"machine_id": "../x", "code": "c"}, [], "x", None])
def test_nonsense_is_a_bad_request(machine: VirtualMachine, body: Any) -> None:
    assert Door("").call("POST", "enrol", body)[0] == 400


def test_old_codes_are_forgotten(machine: VirtualMachine) -> None:
    from edge.management.commands.watch import forget_codes

    issue_code(machine)
    assert forget_codes(clock.wall()) == 0
    with clock.shifted(2 * 24 * 3600):
        assert forget_codes(clock.wall()) == 1
    assert EnrolmentCode.objects.count() == 0
