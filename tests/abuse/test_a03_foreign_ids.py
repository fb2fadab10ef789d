"""A03: what is of another site is not there, whatever way it is named: 404, and not one byte of it.

tests/api/test_scope.py holds it for the lists, pages and acts of a machine, tests/config/test_live_scope.py for the event stream. Here
stand every route there is, ids in bodies, queries and keys, pictures, bulk acts, the audit trail, and one's own things given away.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from api.models import Product, Shift, VirtualMachine
from tests.abuse.plant import FOREIGN, JSON, ROUTES, Route, Yard, person_at, program, said, session, yard
from tests.rows import make_user
from user.models import INCLUDES, User

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete")
V1 = "/api/v1/"
# Routes with a machine, and the bodies with which those that write would do it.
OF_MACHINES = [route for route in ROUTES if "machine_id" in route.places]
TOOL = {"tool": {"id": 1, "name": "t", "type": "blob"}, "reason": "r"}
BODIES: dict[str, dict[str, Any]] = {
    "rest:desired": {"reason": "r", "mode": "DESENVOLVIMENTO"},
    "rest:machine": {"name": "taken over"},
    "rest:maintenance": {"on": True},
    "rest:recipes": {"reason": "r"},
    "rest:recipe_publish": {"reason": "r"},
    "rest:desired_revert": {"reason": "r"},
    "rest:tools": {**TOOL, "recipe": {"tools": []}},
    "rest:tool": TOOL,
    "rest:trigger": {"ttl": 10},
}
FORM = {"reason": "r", "mode": "TESTE", "type": "blob", "name": "t", "to": "1"}


@pytest.fixture
def yards(settings: Any, tmp_path: Path) -> tuple[Yard, Yard]:
    """One's own site and the other one."""
    settings.MEDIA_ROOT = tmp_path
    return yard("own"), yard(FOREIGN)


@pytest.fixture(params=["session", "token"])
def who(request: pytest.FixtureRequest, yards: tuple[Yard, Yard]) -> Client:
    """Somebody who may do much, at their own site."""
    user = person_at(yards[0].line, "engineer")
    return session(user) if request.param == "session" else program(user)


def send(client: Client, method: str, route: Route, address: str) -> Any:
    """Call a route as whoever uses it would."""
    if route.name.startswith("rest:") and method != "get":
        return getattr(client, method)(address, BODIES.get(route.name, {}), content_type=JSON)
    return getattr(client, method)(address, *([FORM] if method == "post" else []))


def state() -> dict[str, list[Any]]:
    """Return all rows of the tables that are about machines, sites and what is theirs."""
    rows: dict[str, list[Any]] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith(("api_", "edge_", "recipes_", "results_", "user_site", "user_line")):
                cursor.execute(f'SELECT * FROM "{table}"')
                rows[table] = sorted(map(repr, cursor.fetchall()))
    # What is told on the bus and kept of answers is no state of anybody's.
    return {table: found for table, found in rows.items() if table not in {"api_liveevent", "api_keptanswer"}}


def bounded_calls(client: Client, other: Yard) -> Iterator[tuple[str, Any]]:
    for route in OF_MACHINES:
        for method in METHODS:
            yield f"{method} {route.name}", send(client, method, route, route.at(**other.values))


def test_every_route_of_a_machine_answers_as_if_there_were_none(yards: tuple[Yard, Yard], who: Client) -> None:
    _own, other = yards
    before = state()
    for call, answer in bounded_calls(who, other):
        # A role that is too small is refused, and so is a method that is not there, before anything is looked for; a token opens no page.
        assert answer.status_code in {302, 403, 404, 405}, (call, answer.status_code)
        assert "Location" not in answer or answer["Location"].startswith("/login/"), call
        assert other.machine.name.encode() not in said(answer), call
        assert other.line.name.encode() not in said(answer), call
    assert state() == before


def test_what_is_not_there_and_what_is_anothers_cannot_be_told_apart(yards: tuple[Yard, Yard]) -> None:
    own, other = yards
    who = session(person_at(own.line, "engineer"))
    for route in OF_MACHINES:
        for method in METHODS:
            theirs = send(who, method, route, route.at(**other.values))
            nobodys = send(who, method, route, route.at(**{**other.values, "machine_id": "vm_nobody__"}))
            assert theirs.status_code == nobodys.status_code, (method, route.name)
            if route.name.startswith("rest:"):
                assert theirs.content == nobodys.content, (method, route.name)


@pytest.mark.parametrize("role", ["viewer", "quality"])
def test_no_list_and_no_page_holds_a_byte_of_the_other_site(yards: tuple[Yard, Yard], role: str) -> None:
    own, _other = yards
    client, seen = session(person_at(own.line, role)), 0
    # Django's admin is for administrators, who see all; REST's description is of nobody's things.
    for route in (
        route for route in ROUTES if route.name not in {"rest:schema", "rest:docs"} and route.asks("GET") != "admin"
    ):
        values = own.values if "machine_id" in route.places else {}
        answer = client.get(route.at(**values))
        assert FOREIGN.encode() not in said(answer), route.name
        seen += answer.status_code == 200
    assert seen > 20


QUERIES = [
    "machines/?site={site}",
    "machines/?line={line}",
    "machines/?tag={tag}",
    "machines/?search={word}",
    "machines/?is_active=true&search={word}",
    "machines/?is_active=false",
    "results/?machine={machine}",
    "results/?part_id={part}",
    "results/?limit=500",
    "tools/?tool_type=blob",
    "shifts/?limit=500",
    "lines/?limit=500",
    "audit/?about={word}",
    "audit/?actor_name={author}",
    "audit/?object_type=api.virtualmachine&object_pk={pk}",
    "audit/?limit=500",
]


@pytest.mark.parametrize("role", ["engineer", "quality"])
def test_no_query_finds_what_is_of_the_other_site(yards: tuple[Yard, Yard], role: str) -> None:
    own, other = yards
    client = session(person_at(own.line, role))
    words = {"site": FOREIGN, "word": FOREIGN, "line": other.line.code, "tag": f"tag_{FOREIGN}"}
    words |= {"machine": other.machine.machine_id, "pk": str(other.machine.pk)}
    for query in QUERIES:
        answer = client.get(V1 + query.format(**words, part=f"part_{FOREIGN}", author=f"author_{FOREIGN}"))
        if query.startswith("audit") and role == "engineer":
            assert answer.status_code == 403
            continue
        rows = json.dumps(answer.json()["results"])
        assert (answer.status_code, FOREIGN in rows) == (200, False), query
        assert "{" not in query or rows == "[]", query


def test_rows_are_found_by_no_number_of_theirs(yards: tuple[Yard, Yard], who: Client) -> None:
    _own, other = yards
    for address in (
        f"results/{other.result.pk}/",
        f"lines/{other.line.pk}/",
        f"sites/{other.line.site.code}/",
        f"shifts/{other.shift.pk}/",
        f"pictures/{other.picture}/",
    ):
        assert who.get(V1 + address).status_code == 404, address
        assert who.get(V1 + address.replace(other.picture, "f" * 64)).status_code == 404, address
    for method in ("patch", "delete"):
        assert getattr(who, method)(f"{V1}shifts/{other.shift.pk}/", {}, content_type=JSON).status_code == 404


def test_a_picture_of_theirs_is_not_shown_below_ones_own_machine(yards: tuple[Yard, Yard]) -> None:
    own, other = yards
    browser = session(person_at(own.line, "viewer"))
    mine = browser.get(f"/m/vm_own/pictures/{own.picture}")
    assert (mine.status_code, b"own" in said(mine)) == (200, True)
    for address in (
        f"/m/vm_own/pictures/{other.picture}",
        f"/m/{other.machine.machine_id}/pictures/{other.picture}",
        f"/m/{other.machine.machine_id}/frame.jpg",
        f"/m/vm_own/?result={other.result.pk}",
    ):
        assert browser.get(address).status_code == 404, address


def test_a_bulk_act_answers_404_for_theirs_and_leaves_them(yards: tuple[Yard, Yard], who: Client) -> None:
    _own, other = yards
    names = ["vm_own", other.machine.machine_id, "vm_nobody"]
    before = VirtualMachine.objects.filter(pk=other.machine.pk).values().get()
    versions = other.machine.desired_versions.count()
    for act in ("start", "stop", "restart", "tag", "set_mode"):
        body = {"act": act, "machines": names, "mode": "TESTE", "add": ["evil"], "reason": "r"}
        rows = who.post(f"{V1}acts/", body, content_type=JSON).json()["results"]
        answers = {row["machine_id"]: row for row in rows}
        theirs, nobodys = answers[other.machine.machine_id], answers["vm_nobody"]
        assert (theirs["status"], theirs["error"]) == (404, nobodys["error"]), act
        assert answers["vm_own"]["status"] == 202, act
    assert VirtualMachine.objects.filter(pk=other.machine.pk).values().get() == before
    assert other.machine.desired_versions.count() == versions


def test_a_machine_is_given_to_no_line_one_does_not_see(yards: tuple[Yard, Yard], who: Client) -> None:
    own, other = yards
    theirs = {"site": other.line.site.code, "line": other.line.code}
    for place in (theirs, {"site": theirs["site"]}, {"line": theirs["line"]}, {"site": None, "line": None}):
        answer = who.patch(f"{V1}machines/vm_own/", place, content_type=JSON)
        assert answer.status_code == 400, place
    assert VirtualMachine.objects.get(pk=own.machine.pk).line == own.line


def test_a_line_of_theirs_and_one_that_is_not_there_are_refused_alike(yards: tuple[Yard, Yard], who: Client) -> None:
    _own, other = yards
    theirs = who.patch(f"{V1}machines/vm_own/", {"site": FOREIGN, "line": other.line.code}, content_type=JSON)
    nobodys = who.patch(f"{V1}machines/vm_own/", {"site": "nosite", "line": "noline"}, content_type=JSON)
    heard = theirs.json()["error"]["message"].replace(other.line.code, "noline").replace(FOREIGN, "nosite")
    assert heard == nobodys.json()["error"]["message"]


def test_a_shift_is_made_at_no_site_one_does_not_see(yards: tuple[Yard, Yard], who: Client) -> None:
    own, other = yards
    body = {"name": "night", "begins": "22:00", "ends": "06:00"}
    theirs = who.post(f"{V1}shifts/", {**body, "site": FOREIGN}, content_type=JSON)
    nobodys = who.post(f"{V1}shifts/", {**body, "site": "nosite"}, content_type=JSON)
    assert (theirs.status_code, nobodys.status_code) == (400, 400)
    assert theirs.json()["error"]["message"].replace(FOREIGN, "nosite") == nobodys.json()["error"]["message"]
    moved = who.patch(f"{V1}shifts/{own.shift.pk}/", {"site": FOREIGN}, content_type=JSON)
    assert moved.status_code == 400
    assert other.line.site.shifts.count() == 1
    assert who.post(f"{V1}shifts/", {**body, "site": "own"}, content_type=JSON).status_code == 201


@pytest.mark.parametrize("whole_site", [False, True], ids=["a line", "a site"])
@pytest.mark.parametrize("role", ["viewer", "operator", "engineer", "quality", "admin"])
def test_what_is_of_all_sites_is_changed_by_who_sees_all_sites(
    yards: tuple[Yard, Yard], role: str, whole_site: bool
) -> None:
    own, _other = yards
    Product.objects.create(code="lid", name="Lid")
    common = Shift.objects.create(name="common", begins=time(6), ends=time(14))
    bounded, free = person_at(own.line, role), make_user(role)
    if whole_site:
        bounded.lines.clear()
        bounded.sites.add(own.line.site)
    ways = [
        ("patch", "products/lid/", {"name": "Mine"}),
        ("patch", f"shifts/{common.pk}/", {"name": "mine"}),
        ("patch", f"shifts/{common.pk}/", {"site": "own"}),
        ("post", "products/", {"code": "new", "name": "New"}),
        ("delete", f"shifts/{common.pk}/", None),
        ("delete", "products/lid/", None),
    ]
    writes = "engineer" in INCLUDES[role]
    for who in (session(bounded), program(bounded)):
        assert {who.get(f"{V1}{path}").status_code for path in ("products/lid/", f"shifts/{common.pk}/")} == {200}
        if role == "admin":
            continue  # No bounds bind an administrator.
        for method, path, body in ways:
            answer = getattr(who, method)(f"{V1}{path}", body, content_type=JSON)
            assert answer.status_code == (404 if writes else 403), (method, path)
        new = {"name": "n", "begins": "01:00", "ends": "02:00"}
        for method, path, written in (("post", "shifts/", new), ("patch", f"shifts/{own.shift.pk}/", {"site": None})):
            answer = getattr(who, method)(f"{V1}{path}", written, content_type=JSON)
            assert answer.status_code == (400 if writes else 403), (method, path)
            assert not writes or "site" in answer.json()["error"]["message"]
    assert (Product.objects.get().name, Shift.objects.get(pk=common.pk).name) == ("Lid", "common")
    for method, path, body in ways:
        answer = getattr(session(free), method)(f"{V1}{path}", body, content_type=JSON)
        assert answer.status_code == ({"post": 201, "delete": 204}.get(method, 200) if writes else 403), (method, path)


def test_a_recipe_and_a_version_of_theirs_are_not_taken_over(yards: tuple[Yard, Yard], who: Client) -> None:
    _own, other = yards
    recipe = other.machine.recipe_versions.get()
    # The same tools would be the same recipe: only a name tells theirs from one's own.
    body = {"reason": "r", "recipe_sha256": recipe.sha256}
    answer = who.patch(f"{V1}machines/vm_own/desired/", body, content_type=JSON)
    assert answer.status_code == 400
    assert FOREIGN.encode() not in said(answer)


def test_a_command_of_theirs_is_not_ones_own_under_its_key(yards: tuple[Yard, Yard], who: Client) -> None:
    _own, other = yards
    answer = who.post(
        f"{V1}machines/vm_own/trigger/",
        {"ttl": 10},
        content_type=JSON,
        headers={"Idempotency-Key": str(other.command.id)},
    )
    assert answer.status_code == 409 or answer.json()["id"] != str(other.command.id)
    assert FOREIGN.encode() not in said(answer)


def test_the_answer_kept_under_a_key_is_its_owners(yards: tuple[Yard, Yard]) -> None:
    own, other = yards
    body, key = {"act": "tag", "add": ["x"], "machines": [other.machine.machine_id]}, str(uuid.uuid4())
    theirs = session(person_at(other.line, "engineer"))
    mine = session(person_at(own.line, "engineer"))
    for client, status in ((theirs, 202), (mine, 404)):
        answer = client.post(f"{V1}acts/", body, content_type=JSON, headers={"Idempotency-Key": key})
        assert [row["status"] for row in answer.json()["results"]] == [status]
        assert "Idempotent-Replayed" not in answer


def test_people_are_nobodys_but_the_administrators(yards: tuple[Yard, Yard], who: Client) -> None:
    user = make_user("viewer", first_name=FOREIGN)
    for address in ("users/", f"users/{user.pk}/"):
        answer = who.get(V1 + address)
        assert answer.status_code == 403
        assert FOREIGN.encode() not in said(answer)


def test_the_trail_tells_of_ones_own_machines_and_oneself(yards: tuple[Yard, Yard]) -> None:
    own, _other = yards
    user = person_at(own.line, "quality")
    client = session(user)
    assert client.post(f"{V1}machines/vm_own/maintenance/", {"on": True}, content_type=JSON).status_code == 200
    rows = client.get(f"{V1}audit/?limit=500").json()["results"]
    assert {"author_own", user.username} <= {row["actor_name"] for row in rows}
    assert any(row["object_repr"].startswith("Tool own") or "vm_own" in row["object_repr"] for row in rows)
    assert not any(
        row["object_type"] in {"user.user", "user.site"} and row["actor_name"] != user.username for row in rows
    )
    everything: Any = session(make_user("quality")).get(f"{V1}audit/?limit=500").json()["results"]
    assert len(everything) > len(rows)


def test_two_administrators_of_two_sites_see_all(yards: tuple[Yard, Yard]) -> None:
    own, _other = yards
    admin: User = person_at(own.line, "admin")
    listed = session(admin).get(f"{V1}machines/").json()["results"]
    assert {row["machine_id"] for row in listed} == {"vm_own", f"vm_{FOREIGN}"}
