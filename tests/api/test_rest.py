"""Machines over REST: what is said of them, and asking something of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from api.models import Command, VirtualMachine
from tests.rows import make_machine, make_user

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/machines/"
JSON = "application/json"


@pytest.fixture
def caller() -> Callable[..., Client]:
    def sign_in(role: str = "operator") -> Client:
        client = Client()
        client.force_login(make_user(role))
        return client

    return sign_in


def connected(machine_id: str, status: str = "stopped") -> VirtualMachine:
    machine = make_machine(machine_id)
    VirtualMachine.objects.filter(pk=machine.pk).update(status=status, connection_status="connected")
    machine.refresh_from_db()
    return machine


def test_machines_are_listed_by_name_page_by_page(caller: Callable[..., Client]) -> None:
    for number in range(5):
        make_machine(f"vm_{number}")
    client, seen, address = caller(), [], f"{ROOT}?limit=2"
    while address:
        page = client.get(address).json()
        seen += [row["machine_id"] for row in page["results"]]
        address = page["next"]
    assert seen == [f"vm_{number}" for number in range(5)]


def test_a_list_of_many_asks_as_often_as_one_of_few(caller: Callable[..., Client]) -> None:
    client, owner = caller(), make_user()
    counts = []
    for _ in range(2):
        for _ in range(20):
            make_machine(owner=owner)

        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get(f"{ROOT}?limit=500")
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 4


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=running", ["vm_run"]),
        ("connection_status=connected", ["vm_run"]),
        ("search=idle", ["vm_idle"]),
        ("is_active=false", ["vm_old"]),
        ("mode=TESTE", ["vm_idle", "vm_run"]),
    ],
)
def test_machines_are_chosen(caller: Callable[..., Client], query: str, found: list[str]) -> None:
    connected("vm_run", "running")
    make_machine("vm_idle")
    make_machine("vm_old", is_active=False)
    assert [row["machine_id"] for row in caller("viewer").get(f"{ROOT}?{query}").json()["results"]] == found


def test_asked_and_reported_are_never_one(caller: Callable[..., Client]) -> None:
    machine = connected("vm_a")
    client = caller()
    assert client.post(f"{ROOT}vm_a/start/", content_type=JSON).status_code == 202
    said = client.get(f"{ROOT}vm_a/").json()
    assert (said["desired_version"], said["reported_version"], said["status"]) == (1, 0, "stopped")
    assert machine.desired() is not None


@pytest.mark.parametrize(("act", "run_state"), [("start", "running"), ("stop", "stopped"), ("restart", "running")])
def test_an_act_is_a_version_with_a_reason(caller: Callable[..., Client], act: str, run_state: str) -> None:
    connected("vm_a", "running" if act == "restart" else "stopped")
    answer = caller().post(f"{ROOT}vm_a/{act}/", {"reason": "change of shift"}, content_type=JSON)
    assert answer.status_code == 202
    assert (answer["ETag"], answer.json()["reason"]) == ('"1"', "change of shift")
    assert answer.json()["body"]["run_state"] == run_state


def test_who_knows_an_older_version_is_told_the_newest(caller: Callable[..., Client]) -> None:
    connected("vm_a")
    client = caller()
    client.post(f"{ROOT}vm_a/start/", content_type=JSON)
    answer = client.post(f"{ROOT}vm_a/stop/", content_type=JSON, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer["ETag"]) == (412, '"1"')
    assert answer.json()["error"]["details"] == {"version": 1}
    assert client.post(f"{ROOT}vm_a/stop/", content_type=JSON, headers={"If-Match": '"1"'}).status_code == 202
    assert client.post(f"{ROOT}vm_a/stop/", content_type=JSON, headers={"If-Match": "one"}).status_code == 400


def test_what_is_not_possible_now_is_409(caller: Callable[..., Client]) -> None:
    make_machine("vm_a")
    answer = caller().post(f"{ROOT}vm_a/start/", content_type=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_now")


def test_one_key_is_one_trigger(caller: Callable[..., Client]) -> None:
    connected("vm_a", "running")
    client, key = caller(), {"Idempotency-Key": "press 4"}
    answers = [client.post(f"{ROOT}vm_a/trigger/", content_type=JSON, headers=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert {answer.json()["id"] for answer in answers} == {str(Command.objects.get().pk)}
    other = client.post(f"{ROOT}vm_a/trigger/", {"ttl": 60}, content_type=JSON, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key_used")


def test_a_key_is_good_for_one_act_of_one_machine_and_one_person(caller: Callable[..., Client]) -> None:
    connected("vm_a", "running")
    connected("vm_b", "running")
    client, key = caller(), {"Idempotency-Key": "press 4"}
    assert client.post(f"{ROOT}vm_a/snapshot/", content_type=JSON, headers=key).status_code == 202
    for address in ("vm_b/snapshot/", "vm_a/trigger/"):
        assert client.post(ROOT + address, content_type=JSON, headers=key).status_code == 409
    assert caller().post(f"{ROOT}vm_b/snapshot/", content_type=JSON, headers=key).status_code == 202
    assert Command.objects.count() == 2


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("snapshot", {}),
        ("discover", {}),
        ("source-test", {"source": {"type": "pasta", "folder_path": "parts"}}),
        ("camera-lookup", {"address": "10.0.0.9"}),
    ],
)
def test_every_act_is_made_once_under_a_word_of_ones_own(
    caller: Callable[..., Client], act: str, body: dict[str, object]
) -> None:
    connected("vm_a")
    client, key = caller("engineer"), {"Idempotency-Key": "2026-11-27 press 4"}
    first, again = (client.post(f"{ROOT}vm_a/{act}/", body, content_type=JSON, headers=key) for _ in range(2))
    assert (first.status_code, again.json(), Command.objects.count()) == (202, first.json(), 1)


@pytest.mark.parametrize("list_", ["desired/versions", "commands", "transitions", "heartbeats"])
def test_what_a_machine_has_is_listed(caller: Callable[..., Client], list_: str) -> None:
    connected("vm_a", "running")
    client = caller()
    client.post(f"{ROOT}vm_a/stop/", content_type=JSON)
    client.post(f"{ROOT}vm_a/trigger/", content_type=JSON)
    page = client.get(f"{ROOT}vm_a/{list_}/")
    assert page.status_code == 200
    assert (len(page.json()["results"]) > 0) is (list_ in {"desired/versions", "commands"})
    assert client.get(f"{ROOT}nobody/{list_}/").status_code == 404


def test_nothing_asked_yet_is_nothing_there(caller: Callable[..., Client]) -> None:
    make_machine("vm_a")
    client = caller()
    assert client.get(f"{ROOT}vm_a/desired/").status_code == 404
    client.post(f"{ROOT}vm_a/stop/", content_type=JSON)
    answer = client.get(f"{ROOT}vm_a/desired/")
    assert (answer.status_code, answer["ETag"], answer.json()["version"]) == (200, '"1"', 1)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", JSON, 400),
        (b'{"reason": 1, "reason": 2}', JSON, 400),
        (b'{"reason": NaN}', JSON, 400),
        (b"[" * 10_000, JSON, 400),
        (b'{"reason": "' + b"x" * 2001 + b'"}', JSON, 400),
        (b"[1]", JSON, 400),
        (b"reason=1", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_bad_body_changes_nothing(caller: Callable[..., Client], body: bytes, kind: str, status: int) -> None:
    machine = connected("vm_a")
    answer = caller().post(f"{ROOT}vm_a/stop/", body, content_type=kind)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "details"}
    assert machine.desired() is None


def test_a_password_in_a_stream_address_is_never_said(caller: Callable[..., Client]) -> None:
    make_machine("vm_a", source_type="rtsp", rtsp_url="rtsp://camera.plant/1")
    assert caller("viewer").get(f"{ROOT}vm_a/").json()["source"]["rtsp_url"] == "rtsp://camera.plant/1"
