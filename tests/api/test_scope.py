"""A scope of sites and lines: what is outside it is not there, on pages, over REST and in the event stream."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from api.scope import machines_for, topics_for
from audit.models import AuditEntry
from results.models import InspectionResult
from tests.dashboard.results_rows import deliver
from tests.rows import make_machine, make_user
from user.models import ApiToken, Line, Site, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> dict[str, Line]:
    """Two sites with a line each, three machines: one at either line and one nowhere."""
    lines = {}
    for code in ("north", "south"):
        site = Site.objects.create(code=code, name=code.title())
        lines[code] = Line.objects.create(site=site, code="l1", name="Line 1")
        deliver(make_machine(f"vm_{code}", line=lines[code]), "ok")
    make_machine("vm_nowhere")
    return lines


def bound(role: str = "engineer", *, sites: list[Site] | None = None, lines: list[Line] | None = None) -> User:
    user = make_user(role, bounded=True)
    user.sites.set(sites or [])
    user.lines.set(lines or [])
    return user


def seen(user: User) -> set[str]:
    return set(machines_for(user).values_list("machine_id", flat=True))


def test_without_a_scope_a_person_sees_all(plant: dict[str, Line]) -> None:
    assert seen(make_user("viewer")) == {"vm_north", "vm_south", "vm_nowhere"}


def test_a_scope_is_sites_and_lines(plant: dict[str, Line]) -> None:
    assert seen(bound(sites=[plant["north"].site])) == {"vm_north"}
    assert seen(bound(lines=[plant["south"]])) == {"vm_south"}
    assert seen(bound(sites=[plant["north"].site], lines=[plant["south"]])) == {"vm_north", "vm_south"}
    assert seen(bound()) == set()


def test_it_bounds_all_but_administrators(plant: dict[str, Line]) -> None:
    assert seen(bound("admin")) == {"vm_north", "vm_south", "vm_nowhere"}


def test_the_event_stream_tells_of_the_same_machines(plant: dict[str, Line]) -> None:
    assert topics_for(bound(lines=[plant["north"]])) == frozenset({"machine:vm_north"})
    assert topics_for(make_user()) is None


PAGES = ("/m/{}/", "/m/{}/now", "/m/{}/frame.jpg", "/m/{}/tools/")
ACTS = ("start", "stop", "restart", "trigger", "publish", "mode", "tools/add")
REST = ("", "desired/versions/", "commands/", "transitions/", "heartbeats/")


@pytest.mark.parametrize("way", ["session", "token"])
def test_what_is_outside_is_not_there(plant: dict[str, Line], way: str) -> None:
    user = bound(lines=[plant["north"]])
    client, headers = Client(), {}
    if way == "session":
        client.force_login(user)
    else:
        headers = {"Authorization": f"Bearer {ApiToken.issue(user, 'x', 'engineer')[1].text}"}
    for address in REST:
        for machine, status in (("vm_north", 200), ("vm_south", 404), ("vm_nowhere", 404)):
            assert client.get(f"/api/v1/machines/{machine}/{address}", headers=headers).status_code == status
    for act in ("start", "stop", "restart", "trigger"):
        answer = client.post(f"/api/v1/machines/vm_south/{act}/", content_type="application/json", headers=headers)
        assert answer.status_code == 404
    listed = client.get("/api/v1/machines/", headers=headers).json()["results"]
    assert [(row["machine_id"], row["site"], row["line"]) for row in listed] == [("vm_north", "north", "l1")]


def test_pages_of_others_are_not_there(plant: dict[str, Line]) -> None:
    client = Client()
    client.force_login(bound(lines=[plant["north"]]))
    for page in PAGES:
        assert client.get(page.format("vm_south")).status_code == 404, page
        assert client.get(page.format("vm_north")).status_code in {200, 204}, page
    for act in ACTS:
        assert client.post(f"/m/vm_south/{act}", {"reason": "x", "type": "blob"}).status_code == 404, act
    fleet = client.get("/").content.decode()
    assert "vm_north" in fleet
    assert "vm_south" not in fleet


def test_results_of_others_are_not_there(plant: dict[str, Line]) -> None:
    client = Client()
    client.force_login(bound("viewer", lines=[plant["north"]]))
    listed = client.get("/api/v1/results/").json()["results"]
    assert {row["machine"] for row in listed} == {"vm_north"}
    other = InspectionResult.objects.get(machine__machine_id="vm_south")
    assert client.get(f"/api/v1/results/{other.pk}/").status_code == 404
    assert client.get("/api/v1/results/?machine=vm_south").json()["results"] == []


def test_machines_are_chosen_by_site_and_line(plant: dict[str, Line]) -> None:
    client = Client()
    client.force_login(make_user("viewer"))
    for query, found in (("site=south", ["vm_south"]), ("line=l1", ["vm_north", "vm_south"]), ("site=none", [])):
        listed = client.get(f"/api/v1/machines/?{query}").json()["results"]
        assert [row["machine_id"] for row in listed] == found


def test_a_change_of_scope_leaves_an_entry(plant: dict[str, Line]) -> None:
    user = bound()
    before = AuditEntry.objects.count()
    user.lines.add(plant["north"])
    entry: Any = AuditEntry.objects.order_by("-seq").first()
    assert AuditEntry.objects.count() == before + 1
    assert "North / Line 1" in str(entry.changes)
