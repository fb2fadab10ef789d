"""Secrets of machines: written by administrators, given to the one machine, and in nothing else that leaves the house (A18)."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client

from api.models import VirtualMachine
from audit.models import AuditEntry
from edge.models import MachineSecret, MachineToken
from tests.edge.caller import Door
from tests.rows import make_user

pytestmark = pytest.mark.django_db
CANARY = "kanarienvogel-47"
JSON = "application/json"
ROOT = "/api/v1/machines/vm_001/"


def signed_in(role: str) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(make_user(role))
    return client


def put(client: Client, name: str = "source_password", **body: Any) -> Any:
    return client.put(f"{ROOT}secrets/{name}/", {"value": CANARY, **body}, content_type=JSON)


def test_the_machine_has_it_and_the_list_has_its_name(door: Door) -> None:
    admin = signed_in("admin")
    assert put(admin).status_code == 204
    assert door.call("GET", "secrets") == (200, {"secrets": {"source_password": CANARY}})
    (row,) = admin.get(f"{ROOT}secrets/").json()["results"]
    assert (row["name"], set(row)) == ("source_password", {"name", "set_at", "set_by"})


def test_another_machine_does_not_have_it(door: Door, make: Callable[[str], VirtualMachine]) -> None:
    put(signed_in("admin"))
    assert Door(MachineToken.issue(make("vm_002")).text).call("GET", "secrets") == (200, {"secrets": {}})
    assert Door("").call("GET", "secrets")[0] == 401


def test_it_is_changed_and_forgotten(door: Door) -> None:
    admin = signed_in("admin")
    put(admin)
    put(admin, value=" other ")
    assert door.call("GET", "secrets")[1] == {"secrets": {"source_password": " other "}}
    assert [admin.delete(f"{ROOT}secrets/source_password/").status_code for _ in range(2)] == [204, 204]
    assert door.call("GET", "secrets")[1] == {"secrets": {}}


@pytest.mark.parametrize("role", ["viewer", "operator", "engineer", "quality"])
def test_administrators_alone_come_near_it(door: Door, role: str) -> None:
    client = signed_in(role)
    assert put(client).status_code == 403
    assert client.get(f"{ROOT}secrets/").status_code == 403
    assert client.delete(f"{ROOT}secrets/source_password/").status_code == 403
    assert not MachineSecret.objects.exists()


@pytest.mark.parametrize("value", ["", "x" * 501, "a\nb", "a\x00b", None, ["x"]])
def test_a_value_that_is_none_is_refused(door: Door, value: object) -> None:
    assert put(signed_in("admin"), value=value).status_code == 400
    assert not MachineSecret.objects.exists()


def test_a_name_no_machine_knows_is_refused(door: Door) -> None:
    answer = put(signed_in("admin"), name="api_key")
    assert answer.status_code == 400
    assert "source_password" in answer.json()["error"]["message"]


def test_no_sink_has_it(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """A18: every page, answer, row, entry and log line a secret could stray into is searched for it."""
    caplog.set_level(logging.DEBUG)
    admin = signed_in("admin")
    put(admin, reason="new camera")
    put(admin, name="api_key")
    put(admin, value=CANARY + "\n")
    admin.delete(f"{ROOT}secrets/source_user/")
    assert door.beat(1, birth=True)[0] == 200
    sinks = {
        address: admin.get(address).content
        for address in (
            "/",
            "/m/vm_001/",
            "/m/vm_001/now",
            "/m/vm_001/tools/",
            "/admin/",
            "/admin/api/virtualmachine/",
            f"/admin/api/virtualmachine/{VirtualMachine.objects.get().pk}/change/",
            "/admin/audit/auditentry/",
            "/api/v1/machines/",
            ROOT,
            f"{ROOT}desired/",
            f"{ROOT}secrets/",
            "/api/v1/audit/",
            "/api/schema/",
        )
    }
    sinks["door"] = str([door.call("GET", "desired?after=0&wait=0"), door.beat(2)]).encode()
    dumped = io.StringIO()
    call_command("dumpdata", stdout=dumped)
    sinks["dump"] = dumped.getvalue().encode()
    sinks["rows"] = str(
        [
            list(model._default_manager.values())
            for model in apps.get_models()
            if model._meta.managed and not model._meta.proxy
        ]
    ).encode()
    sinks["log"] = "\n".join(str(vars(record)) for record in caplog.records).encode()
    assert [name for name, said in sinks.items() if CANARY.encode() in said] == []
    entry = AuditEntry.objects.get(verb="set secret")
    assert (entry.reason, entry.additional_data) == ("new camera", {"name": "source_password"})
