"""Recipes over REST: tools are edited by who knows them, versions are published, read and gone back to."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from api.models import VirtualMachine
from audit.models import AuditEntry
from recipes.models import RecipeVersion
from tests.rows import SYSTEM, make_machine, make_tool, make_user

pytestmark = pytest.mark.django_db
JSON = "application/json"
ROOT = "/api/v1/machines/vm_a/"
BLOB = {
    "type": "blob",
    "name": "Holes",
    "params": {"th_min": 90},
    "limits": [{"feature": "blob_count", "min": 4, "max": 4}],
}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("engineer"))
    return client


@pytest.fixture
def machine() -> VirtualMachine:
    return make_machine("vm_a")


def names(answer: Any) -> list[str]:
    return [row["tool"]["name"] for row in answer.json()["results"]]


def add(client: Client, name: str, **more: Any) -> Any:
    return client.post(f"{ROOT}tools/", {"tool": {**BLOB, "name": name}, **more}, content_type=JSON)


def test_tools_are_added_in_order_or_at_a_place(client: Client, machine: VirtualMachine) -> None:
    add(client, "A")
    add(client, "B")
    answer = add(client, "C", place=1)
    assert (answer.status_code, names(answer)) == (201, ["C", "A", "B"])
    assert [row["number"] for row in answer.json()["results"]] == [3, 1, 2]
    assert client.get(f"{ROOT}tools/")["ETag"] == answer["ETag"]


def test_a_tool_is_changed_and_keeps_its_number(client: Client, machine: VirtualMachine) -> None:
    add(client, "A")
    wanted = {"tool": {**BLOB, "name": "Other", "params": {"th_min": 120}}}
    answer = client.put(f"{ROOT}tools/1/", wanted, content_type=JSON)
    (row,) = answer.json()["results"]
    assert (row["number"], row["tool"]["name"], row["tool"]["params"]["th_min"]) == (1, "Other", 120)
    one = client.get(f"{ROOT}tools/1/").json()
    assert (one["tool"], one["machine"]) == (row["tool"], "vm_a")


def test_a_tool_is_moved_and_switched_off(client: Client, machine: VirtualMachine) -> None:
    for name in "AB":
        add(client, name)
    answer = client.put(
        f"{ROOT}tools/2/", {"tool": {**BLOB, "name": "B"}, "place": 1, "is_active": False}, content_type=JSON
    )
    assert names(answer) == ["B", "A"]
    assert [row["is_active"] for row in answer.json()["results"]] == [False, True]


def test_who_knows_older_tools_changes_nothing(client: Client, machine: VirtualMachine) -> None:
    known = client.get(f"{ROOT}tools/")["ETag"]
    now = add(client, "A")["ETag"]
    for send, address, body in (
        (client.post, "tools/", {"tool": {**BLOB, "name": "B"}}),
        (client.put, "tools/1/", {"tool": {**BLOB, "name": "B"}}),
        (client.put, "tools/", {"recipe": {"tools": []}}),
        (client.delete, "tools/1/", {}),
    ):
        answer = send(f"{ROOT}{address}", body, content_type=JSON, headers={"If-Match": known})
        assert (answer.status_code, answer["ETag"], answer.json()["error"]["code"]) == (412, now, "stale_version")
    assert names(client.get(f"{ROOT}tools/")) == ["A"]
    assert client.delete(f"{ROOT}tools/1/", headers={"If-Match": now}).status_code == 204
    assert client.delete(f"{ROOT}tools/1/").status_code == 404


def test_a_recipe_replaces_all_tools(client: Client, machine: VirtualMachine) -> None:
    add(client, "A")
    recipe = {"tools": [{**BLOB, "id": 7, "name": "X"}, {**BLOB, "id": 9, "name": "Y"}]}
    answer = client.put(f"{ROOT}tools/", {"recipe": recipe}, content_type=JSON)
    assert [(row["number"], row["tool"]["name"]) for row in answer.json()["results"]] == [(7, "X"), (9, "Y")]


@pytest.mark.parametrize(
    ("tool", "word"),
    [
        ({"type": "blob"}, "name"),
        ({"type": "nothing", "name": "A"}, "type"),
        ({**BLOB, "params": {"th_min": -1}}, "th_min"),
        ({**BLOB, "wheels": 4}, "wheels"),
        ({**BLOB, "name": "Taken"}, "nome"),
    ],
)
def test_a_tool_that_cannot_be_is_one_sentence(
    client: Client, machine: VirtualMachine, tool: dict[str, Any], word: str
) -> None:
    add(client, "Taken")
    answer = client.post(f"{ROOT}tools/", {"tool": tool}, content_type=JSON)
    assert answer.status_code == 400
    assert word in answer.json()["error"]["message"]
    assert names(client.get(f"{ROOT}tools/")) == ["Taken"]


def test_a_row_that_makes_no_tool_is_said_to_be_one(client: Client, machine: VirtualMachine) -> None:
    row = make_tool(machine)
    type(row).objects.filter(pk=row.pk).update(tool_config={"th_min": "many"})
    (said,) = client.get(f"{ROOT}tools/").json()["results"]
    assert said["tool"] is None
    assert "th_min" in said["problem"]


def test_the_tools_of_all_machines_are_one_list(client: Client, machine: VirtualMachine) -> None:
    make_tool(make_machine("vm_b"), "B")
    make_tool(machine, "A")
    make_tool(make_machine("vm_old", is_active=False), "Old")
    listed = client.get("/api/v1/tools/").json()["results"]
    assert sorted((row["machine"], row["tool"]["name"]) for row in listed) == [("vm_a", "A"), ("vm_b", "B")]
    assert client.get("/api/v1/tools/?tool_type=math").json()["results"] == []


def test_tools_are_published_with_a_reason_and_what_changed_is_said(client: Client, machine: VirtualMachine) -> None:
    add(client, "A")
    assert client.post(f"{ROOT}recipes/", {}, content_type=JSON).status_code == 400
    assert client.post(f"{ROOT}recipes/", {"reason": "first"}, content_type=JSON).json()["number"] == 1
    client.put(f"{ROOT}tools/1/", {"tool": {**BLOB, "name": "A", "params": {"th_min": 100}}}, content_type=JSON)
    assert client.post(f"{ROOT}recipes/", {"reason": "second"}, content_type=JSON).status_code == 201
    assert [row["number"] for row in client.get(f"{ROOT}recipes/").json()["results"]] == [2, 1]
    said = client.get(f"{ROOT}recipes/2/").json()
    assert said["changes"] == [{"path": ["tools", "A", "params", "th_min"], "before": 90, "after": 100}]
    assert said["recipe"]["tools"][0]["params"]["th_min"] == 100
    assert client.get(f"{ROOT}recipes/3/").status_code == 404
    entry = AuditEntry.objects.filter(object_type="recipes.recipeversion").order_by("-seq")[0]
    assert entry.reason == "second"


def test_an_older_recipe_is_published_again(client: Client, machine: VirtualMachine) -> None:
    add(client, "A")
    client.post(f"{ROOT}recipes/", {"reason": "first"}, content_type=JSON)
    client.put(f"{ROOT}tools/1/", {"tool": {**BLOB, "name": "B"}}, content_type=JSON)
    client.post(f"{ROOT}recipes/", {"reason": "second"}, content_type=JSON)
    answer = client.post(f"{ROOT}recipes/1/publish/", {"reason": "back"}, content_type=JSON)
    assert (answer.status_code, answer.json()["number"]) == (201, 3)
    machine.refresh_from_db()
    first = RecipeVersion.objects.get(machine=machine, number=1)
    assert machine.published_recipe == first.sha256 == answer.json()["sha256"]
    assert machine.desired().asked.recipe_sha256 == first.sha256  # type: ignore[union-attr]
    assert names(client.get(f"{ROOT}tools/")) == ["A"]
    again = client.post(f"{ROOT}recipes/3/publish/", {"reason": "again"}, content_type=JSON)
    assert again.json()["number"] == 3
    assert client.post(f"{ROOT}recipes/9/publish/", {"reason": "none"}, content_type=JSON).status_code == 404


def test_unpublished_edits_survive_going_back(client: Client, machine: VirtualMachine) -> None:
    add(client, "A")
    client.post(f"{ROOT}recipes/", {"reason": "first"}, content_type=JSON)
    client.put(f"{ROOT}tools/1/", {"tool": {**BLOB, "name": "B"}}, content_type=JSON)
    client.post(f"{ROOT}recipes/", {"reason": "second"}, content_type=JSON)
    client.put(f"{ROOT}tools/1/", {"tool": {**BLOB, "name": "Mine"}}, content_type=JSON)
    client.post(f"{ROOT}recipes/1/publish/", {"reason": "back"}, content_type=JSON)
    assert names(client.get(f"{ROOT}tools/")) == ["Mine"]


def test_a_desired_version_is_asked_again_and_the_machine_goes_on_as_it_does(
    client: Client, machine: VirtualMachine
) -> None:
    add(client, "A")
    client.post(f"{ROOT}recipes/", {"reason": "first"}, content_type=JSON)
    machine.want(by=SYSTEM, reason="production", mode="PRODUCAO")
    machine.want(by=SYSTEM, reason="run", run_state="running")
    old = machine.desired()
    assert old is not None
    client.put(f"{ROOT}tools/1/", {"tool": {**BLOB, "name": "B"}}, content_type=JSON)
    client.post(f"{ROOT}recipes/", {"reason": "second"}, content_type=JSON)
    body = {"reason": "slower", "configuration": {"source": {"fps": 5}}, "run_state": "stopped"}
    assert client.patch(f"{ROOT}desired/", body, content_type=JSON).status_code == 202
    answer = client.post(f"{ROOT}desired/versions/{old.version}/revert/", {"reason": "as it was"}, content_type=JSON)
    now = answer.json()["body"]
    assert (answer.status_code, answer["ETag"]) == (202, f'"{answer.json()["version"]}"')
    assert (now["configuration"], now["mode"]) == (old.body["configuration"], "PRODUCAO")
    assert (now["recipe_sha256"], now["run_state"]) == (old.body["recipe_sha256"], "stopped")
    assert RecipeVersion.objects.filter(machine=machine).count() == 3
    stale = {"If-Match": f'"{old.version}"'}
    refused = client.post(f"{ROOT}desired/versions/1/revert/", {"reason": "x"}, content_type=JSON, headers=stale)
    assert refused.status_code == 412
    assert RecipeVersion.objects.filter(machine=machine).count() == 3
    assert client.post(f"{ROOT}desired/versions/99/revert/", {"reason": "x"}, content_type=JSON).status_code == 404
