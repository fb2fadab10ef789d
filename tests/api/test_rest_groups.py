"""Groups of machines over REST: shared in versions, previewed, with an answer for each machine, and nothing of another site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from api.models import GroupMember, MachineGroup, VirtualMachine
from audit.models import AuditEntry
from tests.rows import SYSTEM, make_machine, make_user
from user.models import Line, Site

pytestmark = pytest.mark.django_db
JSON = "application/json"
ROOT = "/api/v1/groups/"
ADDRESS = f"{ROOT}presses/"


def signed_in(role: str = "engineer", **more: Any) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(make_user(role, language="en", **more))
    return client


@pytest.fixture
def client() -> Client:
    return signed_in()


def post(client: Client, address: str, **body: Any) -> Any:
    return client.post(address, body, content_type=JSON)


def patch(client: Client, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client.patch(ADDRESS, {"reason": "calmer", **body}, content_type=JSON, headers=headers)


@pytest.fixture
def group(client: Client) -> Callable[..., dict[str, Any]]:
    """Return a maker of the group with machines in it: `group(fps=12, vm_a={})`."""

    def make(fps: int, **machines: dict[str, Any]) -> dict[str, Any]:
        made = post(client, ROOT, code="presses", configuration={"source": {"fps": fps}})
        for machine_id, columns in machines.items():
            make_machine(machine_id, **columns)
        if machines:
            post(client, f"{ADDRESS}members/", machines=list(machines))
        said: dict[str, Any] = made.json()
        return said

    return make


def fps(machine_id: str) -> int:
    return VirtualMachine.objects.get(machine_id=machine_id).fps


def test_a_group_is_made_listed_and_found(client: Client) -> None:
    body = {"code": "presses", "name": "Presses", "description": "All of them", "configuration": {"source": {"fps": 9}}}
    made = post(client, ROOT, **body)
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    said = client.get(ADDRESS).json()
    assert {name: said[name] for name in body} == body
    assert (said["version"], said["members"], said["behind"], said["site"]) == (1, 0, 0, None)
    assert client.get(ROOT).json()["results"] == [said]
    again = post(client, ROOT, code="presses")
    assert (again.status_code, again.json()["error"]["code"]) == (400, "bad_input")


@pytest.mark.parametrize(
    "body",
    [
        {"code": "a b"},
        {},
        {"code": "x", "configuration": {"source": {"fps": 0}}},
        {"code": "x", "configuration": []},
        {"code": "x", "site": "nowhere"},
    ],
)
def test_what_makes_no_group_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert post(client, ROOT, **body).status_code == 400
    assert not MachineGroup.objects.exists()


def test_a_change_reaches_the_members_with_an_answer_for_each(client: Client, group: Any) -> None:
    group(30, vm_a={}, vm_b={"fps": 9}, vm_c={})
    VirtualMachine.objects.get(machine_id="vm_c").retire(by=SYSTEM, reason="")
    answer = patch(client, configuration={"source": {"fps": 12}})
    assert (answer.status_code, answer["ETag"]) == (200, '"2"')
    said = answer.json()
    assert [(one["machine_id"], one["status"], one["version"]) for one in said["results"]] == [
        ("vm_a", 202, 1),
        ("vm_b", 200, None),
        ("vm_c", 409, None),
    ]
    assert said["results"][2]["error"]["message"] == "vm_c is retired."
    assert (said["version"], said["members"], said["behind"]) == (2, 3, 1)
    assert [fps(one) for one in ("vm_a", "vm_b", "vm_c")] == [12, 9, 30]


def test_a_change_is_a_merge_patch_of_what_is_shared(client: Client, group: Any) -> None:
    group(30)
    patch(client, configuration={"source": {"type": "pasta"}, "pictures": {"ok_every": 5}})
    said = patch(client, configuration={"source": {"fps": None}, "pictures": None}).json()
    assert said["configuration"] == {"source": {"type": "pasta"}}


def test_who_knows_an_older_version_changes_nothing(client: Client, group: Any) -> None:
    group(30)
    patch(client, configuration={"source": {"fps": 12}})
    for body in ({"configuration": {"source": {"fps": 13}}}, {"name": "Other"}):
        answer = patch(client, {"If-Match": '"1"'}, **body)
        assert (answer.status_code, answer["ETag"]) == (412, '"2"')
        assert answer.json()["error"]["details"] == {"version": 2}
    assert patch(client, {"If-Match": '"2"'}, name="Other").json()["name"] == "Other"
    assert MachineGroup.objects.get().shared == {"source": {"fps": 12}}


def test_a_preview_changes_nothing(client: Client, group: Any) -> None:
    group(30, vm_a={}, vm_b={"fps": 9})
    before = AuditEntry.objects.count()
    said = post(client, f"{ADDRESS}preview/", configuration={"source": {"fps": 12}}).json()
    move = {"path": ["source", "fps"], "before": 30, "after": 12}
    assert said["changes"] == [move]
    assert said["machines"] == [
        {"machine_id": "vm_a", "changes": [move], "keeps": [], "problem": ""},
        {
            "machine_id": "vm_b",
            "changes": [],
            "keeps": [{"path": ["source", "fps"], "group": 12, "machine": 9}],
            "problem": "",
        },
    ]
    assert (fps("vm_a"), MachineGroup.objects.get().version, AuditEntry.objects.count()) == (30, 1, before)
    assert post(client, f"{ADDRESS}preview/", configuration={"source": {"fps": 0}}).status_code == 400


def test_versions_say_what_they_changed_and_can_be_gone_back_to(client: Client, group: Any) -> None:
    group(30, vm_a={})
    patch(client, configuration={"source": {"fps": 12}})
    listed = client.get(f"{ADDRESS}versions/").json()["results"]
    assert [(one["version"], one["reason"]) for one in listed] == [(2, "calmer"), (1, "")]
    one = client.get(f"{ADDRESS}versions/2/").json()
    assert one["changes"] == [{"path": ["source", "fps"], "before": 30, "after": 12}]
    back = post(client, f"{ADDRESS}versions/1/revert/", reason="as it was")
    assert (back.status_code, back.json()["version"], fps("vm_a")) == (200, 3, 30)
    assert client.get(f"{ADDRESS}versions/9/").status_code == 404
    stale = client.post(f"{ADDRESS}versions/1/revert/", {"reason": "x"}, content_type=JSON, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


def test_members_say_where_they_differ(client: Client, group: Any) -> None:
    group(12, vm_a={}, vm_b={"fps": 12, "source_type": "pasta"})
    rows = client.get(f"{ADDRESS}members/").json()["results"]
    assert [(row["machine_id"], row["behind"], row["differs"]) for row in rows] == [
        ("vm_a", False, [{"path": ["source", "fps"], "group": 12, "machine": 30}]),
        ("vm_b", False, []),
    ]
    own = [{"path": ["source", "type"], "group": "camera", "machine": "pasta"}]
    assert client.get(f"{ADDRESS}members/vm_b/").json()["own"] == own
    assert client.get(f"{ADDRESS}members/vm_z/").status_code == 404


def test_members_are_paged_by_machine_id(client: Client, group: Any) -> None:
    group(12, vm_c={}, vm_a={}, vm_b={})
    first = client.get(f"{ADDRESS}members/?limit=2").json()
    then = client.get(first["next"]).json()
    assert [row["machine_id"] for row in first["results"] + then["results"]] == ["vm_a", "vm_b", "vm_c"]


def test_a_member_changed_by_a_person_differs_by_itself(client: Client, group: Any) -> None:
    group(30, vm_a={})
    client.patch(
        "/api/v1/machines/vm_a/desired/",
        {"reason": "here", "configuration": {"source": {"fps": 5}}},
        content_type=JSON,
    )
    assert client.get(f"{ADDRESS}members/vm_a/").json()["differs"] == [
        {"path": ["source", "fps"], "group": 30, "machine": 5}
    ]


def test_joining_has_an_answer_for_each(client: Client, group: Any) -> None:
    group(12, vm_a={})
    make_machine("vm_b")
    answer = post(client, f"{ADDRESS}members/", machines=["vm_b", "vm_a", "vm_z"], take=True, reason="same press")
    assert [(one["machine_id"], one["status"]) for one in answer.json()["results"]] == [
        ("vm_b", 202),
        ("vm_a", 409),
        ("vm_z", 404),
    ]
    assert (fps("vm_a"), fps("vm_b")) == (30, 12)
    machine = client.get("/api/v1/machines/vm_b/").json()
    assert machine["group"] == "presses"
    assert [one["machine_id"] for one in client.get("/api/v1/machines/?group=presses").json()["results"]] == [
        "vm_a",
        "vm_b",
    ]


def test_reset_at_places_and_machines(client: Client, group: Any) -> None:
    group(12, vm_a={}, vm_b={}, vm_c={})
    answer = post(client, f"{ADDRESS}reset/", machines=["vm_a", "vm_z"], places=[["source", "fps"]], reason="back")
    assert [(one["machine_id"], one["status"]) for one in answer.json()["results"]] == [("vm_a", 202), ("vm_z", 404)]
    assert [fps(one) for one in ("vm_a", "vm_b")] == [12, 30]
    refused = post(client, f"{ADDRESS}reset/", machines=["vm_b"], places=[["pictures"]]).json()["results"][0]
    assert (refused["status"], refused["error"]["message"]) == (400, "The group says nothing of pictures.")
    all_of_them = post(client, f"{ADDRESS}reset/").json()["results"]
    assert [one["status"] for one in all_of_them] == [200, 202, 202]
    assert [fps(one) for one in ("vm_a", "vm_b", "vm_c")] == [12, 12, 12]


def test_who_was_not_reached_is_reached_later(client: Client, group: Any) -> None:
    group(30, vm_a={}, vm_b={})
    machine = VirtualMachine.objects.get(machine_id="vm_a")
    machine.retire(by=SYSTEM, reason="")
    patch(client, configuration={"source": {"fps": 12}})
    machine.bring_back(by=SYSTEM, reason="")
    late = client.get(f"{ADDRESS}members/vm_a/").json()
    assert (late["behind"], late["applied"], late["problem"]) == (True, 1, "")
    assert late["pending"] == [{"path": ["source", "fps"], "before": 30, "after": 12}]
    answer = post(client, f"{ADDRESS}apply/").json()["results"]
    assert [(one["machine_id"], one["status"]) for one in answer] == [("vm_a", 202)]
    assert fps("vm_a") == 12


def test_leaving_and_removing(client: Client, group: Any) -> None:
    group(12, vm_a={})
    assert client.delete(ADDRESS).status_code == 409
    assert client.delete(f"{ADDRESS}members/vm_a/").status_code == 204
    assert client.delete(f"{ADDRESS}members/vm_a/").status_code == 404
    assert client.delete(ADDRESS).status_code == 204
    assert client.get(ADDRESS).status_code == 404
    assert AuditEntry.objects.filter(object_type="api.groupmember", verb="delete").exists()


def test_a_viewer_looks_and_changes_nothing(client: Client, group: Any) -> None:
    group(12, vm_a={})
    viewer = signed_in("viewer")
    for address in ("", "versions/", "versions/1/", "members/", "members/vm_a/"):
        assert viewer.get(f"{ADDRESS}{address}").status_code == 200
    assert patch(viewer, configuration={}).status_code == 403
    assert post(viewer, ROOT, code="other").status_code == 403
    for address in ("preview/", "members/", "reset/", "apply/", "versions/1/revert/"):
        assert post(viewer, f"{ADDRESS}{address}", reason="x").status_code == 403
    assert viewer.delete(f"{ADDRESS}members/vm_a/").status_code == 403
    assert viewer.delete(ADDRESS).status_code == 403


def bound(*, sites: list[Site] | None = None, lines: list[Line] | None = None) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    user = make_user("engineer", bounded=True, language="en")
    user.sites.set(sites or [])
    user.lines.set(lines or [])
    client.force_login(user)
    return client


def test_a_foreign_group_is_not_there(client: Client) -> None:
    here, far = Site.objects.create(code="here", name="Here"), Site.objects.create(code="far", name="Far")
    post(client, ROOT, code="presses", site="far")
    other = bound(sites=[here])
    assert other.get(ROOT).json()["results"] == []
    for address in ("", "versions/", "members/"):
        assert other.get(f"{ADDRESS}{address}").status_code == 404
    assert patch(other, name="Mine").status_code == 404
    assert post(other, f"{ADDRESS}preview/", configuration={}).status_code == 404
    assert post(other, ROOT, code="mine").status_code == 400
    assert post(other, ROOT, code="mine", site="far").status_code == 400
    assert post(other, ROOT, code="mine", site="here").status_code == 201
    assert bound(sites=[far]).get(ADDRESS).status_code == 200


def test_who_does_not_see_every_member_does_not_change_what_they_share(client: Client) -> None:
    site = Site.objects.create(code="here", name="Here")
    lines = [Line.objects.create(site=site, code=code, name=code) for code in "ab"]
    make_machine("vm_a", line=lines[0])
    make_machine("vm_b", line=lines[1])
    post(client, ROOT, code="presses", site="here")
    post(client, f"{ADDRESS}members/", machines=["vm_a", "vm_b"])
    other = bound(lines=lines[:1])
    assert [row["machine_id"] for row in other.get(f"{ADDRESS}members/").json()["results"]] == ["vm_a"]
    assert other.get(f"{ADDRESS}members/vm_b/").status_code == 404
    assert patch(other, configuration={"source": {"fps": 5}}).status_code == 409
    assert post(other, f"{ADDRESS}reset/", machines=["vm_b"]).json()["results"][0]["status"] == 404
    assert (fps("vm_a"), fps("vm_b"), GroupMember.objects.count()) == (30, 30, 2)


def test_the_members_are_read_in_as_many_queries_however_many_there_are(client: Client, group: Any) -> None:
    group(12, **{f"vm_{number}": {} for number in range(3)})
    counts = []
    for count in (3, 12):
        for number in range(3, count):
            make_machine(f"vm_{number}")
            post(client, f"{ADDRESS}members/", machines=[f"vm_{number}"])
        with CaptureQueriesContext(connection) as seen:
            assert len(client.get(f"{ADDRESS}members/").json()["results"]) == count
        counts.append(len(seen))
    assert counts[0] == counts[1]
