"""A05, A06: a stolen token is dead once revoked or rotated, and nowhere in clear; a code is good once, for one machine, for a while.

Held by tests/edge/test_enrol.py: single use, ten tries, fifteen minutes, wrong machine, overlap of a rotation, revocation at once, codes
and tokens in no table. Here are the file of the database itself, logs, many rotations, people's tokens, other ways of revoking, guesses
without end, and a code used by many at one moment.
"""

from __future__ import annotations

import logging
import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from api import clock
from audit.models import AuditEntry
from edge.models import EnrolmentCode, MachineToken, issue_code
from tests.abuse.plant import JSON, session
from tests.edge.caller import Door
from tests.rows import SYSTEM, make_machine, make_user
from user.models import ApiToken

V1 = "/api/v1/"


def enrol(machine_id: str, code: str) -> tuple[int, Any]:
    """Use a code, without a token."""
    return Door("").call("POST", "enrol", {"machine_id": machine_id, "code": code})


def secrets_of(*texts: str) -> list[bytes]:
    """Return what may be found nowhere: each text, and the secret part of each token."""
    parts = [text.split("_", 2)[2].rsplit("_", 1)[0] for text in texts if text.startswith("al")]
    codes = [text.replace("-", "") for text in texts if not text.startswith("al")]
    return [text.encode() for text in (*texts, *parts, *codes)]


@pytest.mark.django_db(transaction=True)
def test_neither_the_database_file_nor_a_log_holds_a_token_or_a_code(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    machine = make_machine("vm_a")
    admin = session(make_user("admin"))
    code = admin.post(f"{V1}machines/vm_a/code/", headers={"Idempotency-Key": "one"}).json()["code"]
    first = enrol("vm_a", code)[1]["token"]
    second = Door(first).call("POST", "token")[1]["token"]
    Door(second).beat()
    Door(first).beat(2)
    personal = admin.post(f"{V1}tokens/", {"name": "x"}, content_type=JSON, headers={"Idempotency-Key": "two"}).json()[
        "token"
    ]
    wrong = Client().get(f"{V1}machines/", headers={"Authorization": f"Bearer {personal}x"})
    assert (
        wrong.status_code,
        Client().get(f"{V1}machines/", headers={"Authorization": f"Bearer {personal}"}).status_code,
    ) == (401, 200)
    waiting = issue_code(machine)
    if connection.vendor == "sqlite":
        dump = connection.connection.serialize()
    else:
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
            dump = b"".join(repr(cursor.execute(f'SELECT * FROM "{table}"').fetchall()).encode() for table in tables)
    assert machine.machine_id.encode() in dump
    for secret in secrets_of(code, first, second, personal, waiting):
        assert secret not in dump
        assert secret.decode() not in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["REST", "admin", "retired", "another computer"])
def test_a_token_is_dead_the_moment_it_is_ended(way: str) -> None:
    machine = make_machine("vm_a")
    token = MachineToken.issue(machine)
    door, admin = Door(token.text), session(make_user("admin"))
    assert door.beat(1)[0] == 200
    if way == "REST":
        assert admin.delete(f"{V1}machines/vm_a/keys/{token.id}/").status_code == 204
    elif way == "admin":
        form = {"action": "revoke", "_selected_action": MachineToken.objects.get().pk}
        assert admin.post("/admin/edge/machinetoken/", form).status_code == 302
    elif way == "retired":
        assert admin.post(f"{V1}machines/vm_a/retire/", {}, content_type=JSON).status_code == 200
        assert door.beat(2)[0] == 403
        assert admin.post(f"{V1}machines/vm_a/bring-back/", {}, content_type=JSON).status_code == 200
    else:
        assert enrol("vm_a", issue_code(machine))[0] == 200
    for method, path in (("POST", "heartbeat"), ("GET", "desired"), ("POST", "token"), ("POST", "batches")):
        assert door.call(method, path, {})[0] == 401, path


@pytest.mark.django_db
def test_of_a_rotated_pair_a_thief_keeps_nothing_once_the_machine_went_on(seed: int) -> None:
    draw = random.Random(seed)
    machine = make_machine("vm_a")
    current, stolen, number = Door(MachineToken.issue(machine).text), [], 0
    for _ in range(5):
        fresh = Door(current.call("POST", "token")[1]["token"])
        stolen.append(current)
        for _ in range(draw.randrange(3)):
            number += 1
            assert current.beat(number)[0] == 200
        number += 1
        assert fresh.beat(number)[0] == 200
        assert {thief.beat(number + 1)[0] for thief in stolen} == {401}
        assert {thief.call("POST", "token")[0] for thief in stolen} == {401}
        current = fresh
    assert MachineToken.objects.filter(revoked_at=None).count() == 1


@pytest.mark.django_db
def test_many_guesses_open_nothing_and_leave_ten_entries(seed: int) -> None:
    draw = random.Random(seed)
    code = issue_code(make_machine("vm_a"), SYSTEM)
    before = AuditEntry.objects.count()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for number in range(60):
        guess = "".join(draw.choices(letters, k=26)) if number % 3 else code[: number % 26]
        assert enrol("vm_a", guess)[0] == 403
    assert enrol("vm_a", code)[0] == 403
    assert (MachineToken.objects.count(), AuditEntry.objects.count() - before) == (0, 10)


@pytest.mark.django_db
def test_guesses_at_one_machine_lock_no_other_out() -> None:
    code = issue_code(make_machine("vm_a"))
    make_machine("vm_b")
    for _ in range(20):
        assert enrol("vm_b", code)[0] == 403
        assert enrol("vm_nobody", code)[0] == 403
    assert enrol("vm_a", code)[0] == 200


@pytest.mark.django_db
def test_the_machine_of_a_code_is_told_exactly() -> None:
    code = issue_code(make_machine("vm_a"))
    for name in ("VM_A", "vm_a ", "vm_%", "vm_", "*"):
        assert enrol(name, code)[0] in {400, 403}, name
    assert enrol("vm_a", code)[0] == 200


@pytest.mark.django_db(transaction=True)
def test_of_many_that_use_a_code_at_one_moment_one_is_the_machine() -> None:
    machine, start = make_machine("vm_a"), Barrier(6)
    code = issue_code(machine)

    def use(_number: int) -> int:
        start.wait(60)
        try:
            return enrol("vm_a", code)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(use, range(6)))
    assert answers == [200, *[403] * 5]
    assert MachineToken.objects.filter(revoked_at=None).count() == 1
    assert EnrolmentCode.objects.exclude(used_at=None).count() == 1


@pytest.mark.django_db
def test_a_code_and_a_token_outlive_no_clock_that_is_set_back() -> None:
    machine = make_machine("vm_a")
    old = Door(MachineToken.issue(machine).text)
    fresh = Door(old.call("POST", "token")[1]["token"])
    assert fresh.beat(1)[0] == 200
    with clock.shifted(-3600):
        assert old.beat(2)[0] == 401
    _row, personal = ApiToken.issue(make_user("admin"), "x", "viewer", 1)
    ApiToken.objects.get().revoke()
    with clock.shifted(-3600):
        assert ApiToken.find(personal.text) is None
