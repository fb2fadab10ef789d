"""A NUL, wherever somebody puts one, is refused in words and never a fault: PostgreSQL keeps it in no text."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from edge.models import MachineToken
from tests.edge.caller import EPOCH, Door
from tests.rows import make_machine, make_user
from user.models import Line, Site

pytestmark = pytest.mark.django_db
NUL = "a\0"
PATHS = ("machines/a%00b/", "machines/vm_a/keys/%00/", "tokens/%00/", "pictures/%00/", "groups/%00/", "sites/%00/")


def signed_in(role: str = "admin") -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user(role))
    return client


@pytest.mark.parametrize("role", ["admin", "viewer"])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_has_an_address_with_one(role: str, path: str) -> None:
    client = signed_in(role)
    for method in ("get", "delete", "patch"):
        answer = getattr(client, method)(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert Client().get("/edge/v1/blobs/%00").status_code == 404
    assert client.get("/machines/a%00b/").status_code == 404


def test_nothing_is_found_by_one() -> None:
    client = signed_in()
    for query in ("tools/?tool_type=%00", "machines/?search=%00", "audit/?about=a%00"):
        answer = client.get(f"/api/v1/{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_input")
    assert client.get("/?group=%00").status_code == 400
    # A per cent sign that is followed by noughts is none.
    assert client.get("/api/v1/audit/?about=100%2500").status_code == 200


def test_a_body_with_one_changes_nothing() -> None:
    client, machine = signed_in(), make_machine("vm_a")
    Line.objects.create(site=Site.objects.create(code="hall", name="Hall"), code="one", name="One")
    them = make_user("viewer")
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("patch", f"users/{them.pk}/", {"sites": [NUL]}),
        ("post", "shifts/", {"name": "early", "site": NUL}),
        ("post", "lines/", {"site": NUL, "code": "l", "name": "L"}),
        ("post", f"machines/{machine.machine_id}/tools/", {"reason": "r", "tool": {"type": "focus", "name": NUL}}),
        ("patch", f"machines/{machine.machine_id}/", {"description": NUL}),
        ("post", "acts/", {"act": "stop", "machines": [NUL]}),
    ]
    for method, path, body in calls:
        answer = getattr(client, method)(f"/api/v1/{path}", body, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_input"), path
    # A backslash before "u0000" is a backslash.
    spelt = {"description": "\\u0000"}
    assert client.patch("/api/v1/machines/vm_a/", spelt, content_type="application/json").status_code == 200


def test_at_the_machines_door_as_well() -> None:
    door = Door(MachineToken.issue(make_machine("vm_a")).text)
    assert door.beat(1, birth=True)[0] == 200
    change = {"body": {}, "author": "local:192.0.2.1", "reason": NUL}
    enrolment = {"machine_id": NUL, "code": "ABCD-EFGH-JKLM"}
    for status, answer in (
        door.call("PUT", "desired", change, If_Match='"0"'),
        door.call("POST", "enrol", enrolment),
        door.call("POST", f"quarantine?epoch={EPOCH}%00&seq=1", b"x"),
    ):
        assert status == 400
        assert "NUL" in answer["error"]["message"]
