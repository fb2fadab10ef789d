"""Cameras asked for over REST: an engineer asks, a machine looks, and no password is part of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from analyticlens.protocol.discovery import DiscoverArgs, LookupArgs
from api.models import Command, VirtualMachine
from audit.models import AuditEntry
from tests.rows import make_machine, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("engineer"))
    return client


@pytest.fixture(autouse=True)
def machine() -> VirtualMachine:
    return make_machine("vm_a", connection_status="connected")


def post(client: Client, act: str, **body: Any) -> Any:
    return client.post(f"/api/v1/machines/vm_a/{act}/", body, content_type="application/json")


def test_a_search_is_asked_of_the_machine(client: Client) -> None:
    answer = post(client, "discover")
    assert (answer.status_code, answer.json()["kind"], answer.json()["args"]) == (202, "discover", {"seconds": 3.0})
    assert post(client, "discover", seconds=10).status_code == 202
    assert [DiscoverArgs.model_validate(row.args).seconds for row in Command.objects.order_by("created_at")] == [3, 10]


@pytest.mark.parametrize("seconds", [0, -1, 11, "long", "NaN", None])
def test_a_search_has_its_bounds(client: Client, seconds: Any) -> None:
    assert post(client, "discover", seconds=seconds).status_code == 400
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    "address", ["10.0.0.5", "camera-3.plant:8080", "http://10.0.0.5/onvif/device_service", "https://[fd00::7]/"]
)
def test_a_camera_is_asked_by_the_machine(client: Client, address: str) -> None:
    answer = post(client, "camera-lookup", address=address)
    assert (answer.status_code, answer.json()["kind"]) == (202, "camera_lookup")
    assert LookupArgs.model_validate(Command.objects.get().args).address == address


@pytest.mark.parametrize(
    "address",
    [None, "", "ftp://10.0.0.5", "10.0.0.5:port", "a b", "a\x00b", "http://", "x" * 501, "ana:canary@10.0.0.5"],
)
def test_what_is_no_address_of_a_camera(client: Client, address: Any) -> None:
    answer = post(client, "camera-lookup", address=address)
    assert answer.status_code == 400
    assert "canary" not in answer.text
    assert not Command.objects.exists()


def test_a_password_that_comes_along_goes_nowhere(client: Client) -> None:
    answer = post(client, "camera-lookup", address="10.0.0.5", password="canary")
    assert answer.status_code == 400
    assert "canary" not in answer.text
    assert not Command.objects.exists()
    assert not [row for row in AuditEntry.objects.values() if "canary" in str(row)]


def test_a_machine_that_is_not_there_is_asked_nothing(client: Client, machine: VirtualMachine) -> None:
    VirtualMachine.objects.filter(pk=machine.pk).update(connection_status="disconnected")
    assert post(client, "discover").status_code == 409
    assert post(client, "camera-lookup", address="10.0.0.5").status_code == 409


@pytest.mark.parametrize("role", ["viewer", "operator", "quality"])
def test_engineers_ask(role: str) -> None:
    client = Client()
    client.force_login(make_user(role))
    assert post(client, "discover").status_code == 403
    assert post(client, "camera-lookup", address="10.0.0.5").status_code == 403
