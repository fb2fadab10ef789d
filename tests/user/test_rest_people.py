"""People, sites, lines and the audit trail over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEntry
from tests.rows import make_machine, make_user
from user.models import Line, Site, User

pytestmark = pytest.mark.django_db
JSON = "application/json"
ROOT = "/api/v1/"
GOOD = "correct horse battery"


def signed_in(role: str = "admin", **more: Any) -> Client:
    client = Client()
    client.force_login(make_user(role, **more))
    return client


def test_a_person_is_added_with_a_password_that_is_never_said() -> None:
    client = signed_in()
    answer = client.post(f"{ROOT}users/", {"username": "ana", "role": "engineer", "password": GOOD}, content_type=JSON)
    assert answer.status_code == 201
    assert "password" not in answer.json()
    assert User.objects.get(username="ana").check_password(GOOD)
    assert GOOD not in client.get(f"{ROOT}users/").content.decode()
    assert all(GOOD not in str(entry.changes) for entry in AuditEntry.objects.all())


@pytest.mark.parametrize("password", ["short", "password1234", "123456789012"])
def test_an_easy_password_is_refused(password: str) -> None:
    answer = signed_in().post(f"{ROOT}users/", {"username": "ana", "password": password}, content_type=JSON)
    assert (answer.status_code, "password" in answer.json()["error"]["details"]["fields"]) == (400, True)
    assert not User.objects.filter(username="ana").exists()


def test_without_a_password_nobody_signs_in_by_one() -> None:
    signed_in().post(f"{ROOT}users/", {"username": "ana"}, content_type=JSON)
    assert not User.objects.get(username="ana").has_usable_password()


def test_somebody_is_bound_promoted_and_kept_out() -> None:
    Site.objects.create(code="one", name="One")
    user = make_user("viewer")
    client, address = signed_in(), f"{ROOT}users/{user.pk}/"
    said = client.patch(address, {"role": "operator", "bounded": True, "sites": ["one"]}, content_type=JSON).json()
    assert (said["role"], said["bounded"], said["sites"]) == ("operator", True, ["one"])
    assert client.patch(address, {"is_active": False}, content_type=JSON).json()["is_active"] is False
    assert client.delete(address).status_code == 405
    assert client.patch(address, {"is_superuser": True}, content_type=JSON).status_code == 400
    user.refresh_from_db()
    assert user.is_superuser is False


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"is_active": False}])
def test_the_last_administrator_stays(change: dict[str, Any]) -> None:
    admin = make_user("admin")
    client = Client()
    client.force_login(admin)
    answer = client.patch(f"{ROOT}users/{admin.pk}/", change, content_type=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_now")
    make_user("admin")
    assert client.patch(f"{ROOT}users/{admin.pk}/", change, content_type=JSON).status_code == 200


def test_sites_and_lines_are_kept_while_machines_stand_there() -> None:
    client = signed_in()
    assert client.post(f"{ROOT}sites/", {"code": "one", "name": "One"}, content_type=JSON).status_code == 201
    line = client.post(f"{ROOT}lines/", {"site": "one", "code": "l1", "name": "L1"}, content_type=JSON).json()
    assert (
        client.post(f"{ROOT}lines/", {"site": "one", "code": "l1", "name": "L"}, content_type=JSON).status_code == 400
    )
    machine = make_machine("vm_a", line=Line.objects.get(pk=line["id"]))
    for address in (f"{ROOT}lines/{line['id']}/", f"{ROOT}sites/one/"):
        assert client.delete(address).status_code == 409
    machine.line = None
    machine.save()
    assert client.delete(f"{ROOT}lines/{line['id']}/").status_code == 204
    assert client.delete(f"{ROOT}sites/one/").status_code == 204


def test_who_is_bound_knows_of_their_own_sites_alone() -> None:
    one, two = (Site.objects.create(code=code, name=code) for code in ("one", "two"))
    mine = Line.objects.create(site=one, code="l", name="L")
    Line.objects.create(site=two, code="l", name="L")
    user = make_user("viewer", bounded=True)
    user.lines.add(mine)
    client = Client()
    client.force_login(user)
    assert [row["code"] for row in client.get(f"{ROOT}sites/").json()["results"]] == ["one"]
    assert [row["site"] for row in client.get(f"{ROOT}lines/").json()["results"]] == ["one"]
    assert client.get(f"{ROOT}sites/two/").status_code == 404


def test_the_audit_trail_is_read_and_chosen() -> None:
    client = signed_in("quality")
    make_machine("vm_a", name="Press")
    entries = client.get(f"{ROOT}audit/?object_type=api.virtualmachine").json()["results"]
    assert [(entry["verb"], entry["object_repr"]) for entry in entries] == [("create", "vm_a (Press)")]
    assert len(entries[0]["hash"]) == 64
    everything = client.get(f"{ROOT}audit/").json()["results"]
    assert [entry["seq"] for entry in everything] == sorted((entry["seq"] for entry in everything), reverse=True)
    assert client.get(f"{ROOT}audit/?since=2999-01-01T00:00:00Z").json()["results"] == []


def test_the_admin_keeps_the_last_administrator_and_deletes_nobody() -> None:
    admin = make_user("admin")
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(admin)
    address = f"/admin/user/user/{admin.pk}/change/"
    said = {"username": admin.username, "role": "viewer", "is_active": "on", "theme": "system", "language": ""}
    page = client.post(address, said)
    assert "Nobody would be left who administers this." in page.content.decode()
    other = make_user("admin")
    assert client.get(f"/admin/user/user/{other.pk}/delete/").status_code == 403
    assert client.post(address, said).status_code == 302
    admin.refresh_from_db()
    assert admin.role == "viewer"
