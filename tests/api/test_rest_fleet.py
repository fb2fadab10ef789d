"""The fleet over REST: in one look, many machines at once, machines that come and go."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from api.models import VirtualMachine
from audit.models import AuditEntry
from tests.rows import SYSTEM, make_machine, make_user
from user.models import Line, Site

pytestmark = pytest.mark.django_db
JSON = "application/json"
ROOT = "/api/v1/"


def signed_in(role: str, **more: Any) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(make_user(role, language="en", **more))
    return client


def post(client: Client, address: str, **body: Any) -> Any:
    return client.post(f"{ROOT}{address}", body, content_type=JSON)


def heard(machine_id: str, **columns: Any) -> VirtualMachine:
    machine = make_machine(machine_id)
    VirtualMachine.objects.filter(pk=machine.pk).update(connection_status="connected", **columns)
    machine.refresh_from_db()
    return machine


# In one look


def test_the_fleet_is_counted_without_the_retired() -> None:
    heard("vm_a", status="running")
    heard("vm_b", status="stopped").want(by=SYSTEM, reason="", mode="DESENVOLVIMENTO")
    heard("vm_c", status="error", apply_state="rejected")
    make_machine("vm_old", is_active=False)
    said = signed_in("viewer").get(f"{ROOT}summary/").json()
    assert said["machines"] == 3
    assert said["status"] == {"running": 1, "stopped": 1, "error": 1}
    assert said["connection"] == {"connected": 3}
    assert said["mode"] == {"TESTE": 2, "DESENVOLVIMENTO": 1}
    assert (said["applying"], said["refused"]) == (1, 1)


def test_who_is_bound_counts_their_own_alone() -> None:
    site = Site.objects.create(code="one", name="One")
    make_machine("vm_a", line=Line.objects.create(site=site, code="l", name="L"))
    make_machine("vm_b")
    client = Client()
    user = make_user("viewer", bounded=True)
    user.sites.add(site)
    client.force_login(user)
    assert client.get(f"{ROOT}summary/").json()["machines"] == 1


# Many at once


def test_each_machine_has_its_answer_and_none_keeps_the_others_from_it() -> None:
    heard("vm_a", status="stopped")
    make_machine("vm_b")
    answer = post(
        signed_in("operator"), "acts/", act="start", machines=["vm_a", "vm_b", "vm_no", "vm_a"], reason="shift"
    )
    said = answer.json()["results"]
    assert answer.status_code == 200
    assert [(one["machine_id"], one["status"], one["version"]) for one in said] == [
        ("vm_a", 202, 1),
        ("vm_b", 409, None),
        ("vm_no", 404, None),
    ]
    assert [one["error"] and one["error"]["code"] for one in said] == [None, "not_now", "not_found"]
    desired = VirtualMachine.objects.get(machine_id="vm_a").desired()
    assert desired is not None
    assert (desired.reason, desired.asked.run_state) == ("shift", "running")


@pytest.mark.parametrize(("role", "status"), [("operator", 403), ("quality", 403), ("engineer", 200), ("admin", 200)])
def test_mode_and_tags_are_for_engineers(role: str, status: int) -> None:
    make_machine("vm_a")
    client = signed_in(role)
    assert post(client, "acts/", act="set_mode", mode="DESENVOLVIMENTO", machines=["vm_a"]).status_code == status
    assert post(client, "acts/", act="tag", add=["hot"], machines=["vm_a"]).status_code == status
    machine = VirtualMachine.objects.get(machine_id="vm_a")
    assert (machine.mode, machine.tag_list) == (("DESENVOLVIMENTO", ["hot"]) if status == 200 else ("TESTE", []))


@pytest.mark.parametrize(
    "body",
    [
        {"act": "dance", "machines": ["vm_a"]},
        {"act": "stop", "machines": []},
        {"act": "set_mode", "machines": ["vm_a"]},
        {"act": "stop", "machines": ["vm_a"] * 1001},
        {"act": "stop"},
    ],
)
def test_nonsense_for_many_is_done_to_none(body: dict[str, Any]) -> None:
    machine = make_machine("vm_a")
    assert post(signed_in("engineer"), "acts/", **body).status_code == 400
    assert machine.desired() is None


def test_tags_are_given_taken_and_found_by() -> None:
    make_machine("vm_a").set_tags([])
    make_machine("vm_b")
    client = signed_in("engineer")
    post(client, "acts/", act="tag", add=["hot", "line-1", "hot"], machines=["vm_a", "vm_b"])
    post(client, "acts/", act="tag", remove=["hot"], machines=["vm_b"])
    found = client.get(f"{ROOT}machines/?tag=hot").json()["results"]
    assert [(row["machine_id"], row["tags"]) for row in found] == [("vm_a", ["hot", "line-1"])]
    assert client.get(f"{ROOT}machines/?tag=line").json()["results"] == []
    (bad,) = post(client, "acts/", act="tag", add=["Not a tag"], machines=["vm_a"]).json()["results"]
    assert (bad["status"], bad["error"]["code"]) == (400, "bad_input")


# Coming and going


def test_a_machine_is_added_and_described() -> None:
    site = Site.objects.create(code="one", name="One")
    Line.objects.create(site=site, code="l1", name="L1")
    admin = signed_in("admin")
    answer = post(admin, "machines/", machine_id="vm_new", name="New", tags=["a"], site="one", line="l1")
    said = answer.json()
    assert answer.status_code == 201
    assert (said["machine_id"], said["name"], said["tags"], said["site"], said["line"]) == (
        "vm_new",
        "New",
        ["a"],
        "one",
        "l1",
    )
    for bad in ({"machine_id": "vm_new"}, {"machine_id": "a b"}, {"machine_id": "x", "site": "one", "line": "l9"}, {}):
        assert post(admin, "machines/", **bad).status_code == 400, bad
    assert VirtualMachine.objects.count() == 1


def test_who_knows_an_older_description_changes_nothing() -> None:
    make_machine("vm_a")
    client = signed_in("engineer")
    known = client.get(f"{ROOT}machines/vm_a/")["ETag"]
    address = f"{ROOT}machines/vm_a/"
    answer = client.patch(
        address, {"name": "Press 4", "reason": "moved"}, content_type=JSON, headers={"If-Match": known}
    )
    assert (answer.status_code, answer.json()["name"]) == (200, "Press 4")
    assert answer["ETag"] != known
    assert client.patch(address, {"name": "Other"}, content_type=JSON, headers={"If-Match": known}).status_code == 412
    assert client.get(address).json()["name"] == "Press 4"
    assert AuditEntry.objects.filter(reason="moved").exists()


def test_maintenance_is_set_and_left() -> None:
    heard("vm_a", status="running")
    client = signed_in("operator")
    assert post(client, "machines/vm_a/maintenance/", on=True, reason="lamp").json()["status"] == "maintenance"
    assert post(client, "machines/vm_a/maintenance/", on=False).json()["status"] != "maintenance"


def test_a_machine_is_retired_and_comes_back_standing_still_with_a_fresh_code() -> None:
    from edge.models import MachineToken, enrol

    machine = heard("vm_a", status="running")
    machine.want(by=SYSTEM, reason="", run_state="running")
    old = MachineToken.issue(machine)
    admin = signed_in("admin")
    assert post(admin, "machines/vm_a/retire/", reason="sold").json()["is_active"] is False
    assert post(admin, "machines/vm_a/code/").status_code == 409
    assert post(admin, "machines/vm_a/start/").status_code == 409
    assert post(admin, "machines/vm_a/bring-back/", reason="bought back").json()["is_active"] is True
    assert machine.desired().asked.run_state == "stopped"  # type: ignore[union-attr]
    assert MachineToken.find(old.text) is None
    code = post(admin, "machines/vm_a/code/")
    assert (code.status_code, code["Cache-Control"]) == (201, "no-store")
    assert code.json()["code"] in code.json()["command"]
    fresh = enrol("vm_a", code.json()["code"])
    assert fresh is not None
    assert MachineToken.find(fresh.text) is not None


def test_another_computer_takes_a_machines_place_and_the_old_token_dies() -> None:
    from edge.models import MachineToken, enrol

    machine = heard("vm_a")
    machine.want(by=SYSTEM, reason="", mode="DESENVOLVIMENTO")
    old = MachineToken.issue(machine)
    admin = signed_in("admin")
    fresh = enrol("vm_a", post(admin, "machines/vm_a/code/").json()["code"])
    assert fresh is not None
    assert MachineToken.find(old.text) is None
    found = MachineToken.find(fresh.text)
    assert found is not None
    assert found.machine.desired().asked.mode == "DESENVOLVIMENTO"  # type: ignore[union-attr]
    keys = admin.get(f"{ROOT}machines/vm_a/keys/").json()["results"]
    assert [key["revoked_at"] is None for key in keys] == [True, False]
    assert admin.delete(f"{ROOT}machines/vm_a/keys/{keys[0]['prefix']}/").status_code == 204
    assert MachineToken.find(fresh.text) is None


# Products and shifts


def test_products_are_kept() -> None:
    client = signed_in("engineer")
    assert post(client, "products/", code="cap", name="Cap").status_code == 201
    assert post(client, "products/", code="cap", name="Again").status_code == 400
    assert client.patch(f"{ROOT}products/cap/", {"is_active": False}, content_type=JSON).json()["is_active"] is False
    assert client.delete(f"{ROOT}products/cap/").status_code == 204
    assert client.get(f"{ROOT}products/").json()["results"] == []


def test_shifts_may_end_the_day_after_but_not_at_once() -> None:
    Site.objects.create(code="one", name="One")
    client = signed_in("engineer")
    night = {"name": "Night", "begins": "22:00", "ends": "06:00", "days": "12345", "site": "one"}
    assert post(client, "shifts/", **night).status_code == 201
    for bad in (
        {**night, "name": "N", "ends": "22:00"},
        {**night, "name": "N", "days": "54321"},
        {**night, "name": "N", "days": ""},
    ):
        assert post(client, "shifts/", **bad).status_code == 400, bad
    (shift,) = client.get(f"{ROOT}shifts/").json()["results"]
    assert client.patch(f"{ROOT}shifts/{shift['id']}/", {"begins": "06:00"}, content_type=JSON).status_code == 400
