"""One key, one act: whoever asks again is answered as the first time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from api import clock
from api.models import KeptAnswer, VirtualMachine
from tests.rows import make_machine, make_user
from user.models import ApiToken

JSON = "application/json"
ADDRESS = "/api/v1/machines/"


def signed_in(role: str = "admin") -> Client:
    client = Client()
    client.force_login(make_user(role))
    return client


def add(client: Client, machine_id: str, key: str = "one") -> Any:
    return client.post(ADDRESS, {"machine_id": machine_id}, content_type=JSON, headers={"Idempotency-Key": key})


@pytest.mark.django_db
def test_the_second_call_is_answered_as_the_first() -> None:
    client = signed_in()
    first, second = add(client, "vm_a"), add(client, "vm_a")
    assert (first.status_code, second.status_code) == (201, 201)
    assert (second.json(), second["ETag"]) == (first.json(), first["ETag"])
    assert ("Idempotent-Replayed" in first, second["Idempotent-Replayed"]) == (False, "true")
    assert VirtualMachine.objects.count() == 1


@pytest.mark.django_db
def test_another_call_under_the_same_key_is_refused() -> None:
    client = signed_in()
    add(client, "vm_a")
    answer = add(client, "vm_b")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "key_used")
    assert VirtualMachine.objects.count() == 1
    assert add(client, "vm_b", "two").status_code == 201


@pytest.mark.django_db
def test_a_key_is_each_persons_own() -> None:
    make_machine("vm_a")
    body = {"act": "tag", "add": ["x"], "machines": ["vm_a"]}
    answers = [
        signed_in().post("/api/v1/acts/", body, content_type=JSON, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]
    assert ["Idempotent-Replayed" in answer for answer in answers] == [False, False]


@pytest.mark.django_db
def test_what_was_refused_may_be_tried_again() -> None:
    client = signed_in()
    assert add(client, "a b").status_code == 400
    assert add(client, "vm_a").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "ä"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    client = signed_in()
    raw = client.post(ADDRESS, {"machine_id": "vm_a"}, content_type=JSON, HTTP_IDEMPOTENCY_KEY=key)
    assert raw.status_code == 400
    assert VirtualMachine.objects.count() == 0


@pytest.mark.django_db
def test_a_secret_is_not_kept() -> None:
    client = signed_in()
    body = {"name": "robot"}
    first = client.post("/api/v1/tokens/", body, content_type=JSON, headers={"Idempotency-Key": "t"})
    assert first.json()["token"].startswith("alp_")
    again = client.post("/api/v1/tokens/", body, content_type=JSON, headers={"Idempotency-Key": "t"})
    assert again.status_code == 409
    assert ApiToken.objects.count() == 1
    assert not any("alp_" in body for body in KeptAnswer.objects.values_list("body", flat=True))


@pytest.mark.django_db
def test_a_call_that_died_may_be_made_again_and_one_that_lives_is_waited_for() -> None:
    client = signed_in()
    add(client, "vm_a")
    VirtualMachine.objects.all().delete()
    KeptAnswer.objects.update(status=0, body="")
    answer = add(client, "vm_a")
    assert (answer.status_code, answer["Retry-After"]) == (409, "1")
    KeptAnswer.objects.update(created_at=clock.wall() - timedelta(seconds=61))
    assert add(client, "vm_a").status_code == 201


@pytest.mark.django_db
def test_answers_are_kept_for_a_day() -> None:
    client = signed_in()
    add(client, "vm_a")
    KeptAnswer.objects.update(created_at=clock.wall() - timedelta(hours=25))
    assert add(client, "vm_b").status_code == 201
    assert KeptAnswer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_calls_at_the_same_moment_one_is_made() -> None:
    clients = [Client() for _ in range(6)]
    user = make_user("admin")
    for client in clients:
        client.force_login(user)
    start = Barrier(len(clients))

    def call(client: Client) -> int:
        start.wait()
        try:
            return int(add(client, "vm_a").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = sorted(pool.map(call, clients))
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert VirtualMachine.objects.count() == 1
