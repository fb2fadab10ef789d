"""Desired state over REST: asked in parts, by who knows the newest version, with what changed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from api.models import VirtualMachine
from tests.rows import SYSTEM, make_machine, make_user, make_version

pytestmark = pytest.mark.django_db
JSON = "application/json"
ADDRESS = "/api/v1/machines/vm_a/desired/"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("engineer"))
    return client


@pytest.fixture
def machine() -> VirtualMachine:
    return make_machine("vm_a", source_type="pasta", folder_path="parts")


def patch(client: Client, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client.patch(ADDRESS, {"reason": "test", **body}, content_type=JSON, headers=headers)


def test_what_is_not_named_stays(client: Client, machine: VirtualMachine) -> None:
    answer = patch(client, configuration={"source": {"fps": 12}, "pictures": {"ok_every": 3}})
    assert (answer.status_code, answer["ETag"]) == (202, '"1"')
    configuration = answer.json()["body"]["configuration"]
    assert (configuration["source"]["fps"], configuration["source"]["folder_path"]) == (12, "parts")
    assert configuration["pictures"] == {"keep_not_ok": True, "ok_every": 3, "jpeg_quality": 90}
    machine.refresh_from_db()
    assert machine.fps == 12


def test_null_means_the_default(client: Client, machine: VirtualMachine) -> None:
    patch(client, configuration={"source": {"fps": 12, "bits": 12}})
    source = patch(client, configuration={"source": {"fps": None, "bits": None}}).json()["body"]["configuration"][
        "source"
    ]
    assert (source["fps"], source["bits"]) == (30, None)


def test_a_source_of_another_type_keeps_what_all_have(client: Client, machine: VirtualMachine) -> None:
    patch(client, configuration={"source": {"bits": 12, "fps": 7}})
    source = patch(client, configuration={"source": {"type": "camera", "camera_id": 2}}).json()["body"][
        "configuration"
    ]["source"]
    assert (source["type"], source["camera_id"], source["fps"], source["folder_path"]) == ("camera", 2, 7, "parts")
    assert "bits" not in source


def test_mode_recipe_and_run_state_are_asked(client: Client, machine: VirtualMachine) -> None:
    version = make_version(machine, "a" * 64)
    body = patch(client, mode="PRODUCAO", recipe_sha256=version.sha256, run_state="stopped").json()["body"]
    assert (body["mode"], body["recipe_sha256"], body["run_state"]) == ("PRODUCAO", "a" * 64, "stopped")


def test_what_changes_nothing_is_the_version_in_force(client: Client, machine: VirtualMachine) -> None:
    patch(client, mode="TESTE")
    assert patch(client, mode="TESTE").json()["version"] == 1


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"configuration": {"source": {"fps": 0}}}, "fps"),
        ({"configuration": {"source": {"wheels": 4}}}, "wheels"),
        ({"configuration": {"source": {"type": "sea"}}}, "source"),
        ({"configuration": {"source": "camera"}}, "source"),
        ({"configuration": []}, "configuration"),
        ({"configuration": {"source": {"type": "rtsp", "rtsp_url": "rtsp://me:secret@camera/1"}}}, ""),
        ({"mode": "FAST"}, "mode"),
        ({"run_state": "flying"}, "run_state"),
        ({"recipe_sha256": "abc"}, "recipe_sha256"),
        ({"recipe_sha256": "b" * 64}, "vm_a"),
        ({"reason": " "}, "reason"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_no_version(
    client: Client, machine: VirtualMachine, body: dict[str, Any], word: str
) -> None:
    answer = patch(client, **body)
    assert answer.status_code == 400
    assert word in answer.json()["error"]["message"]
    assert "secret" not in answer.content.decode()
    assert machine.desired() is None


def test_who_knows_an_older_version_is_told_the_newest(client: Client, machine: VirtualMachine) -> None:
    patch(client, mode="DESENVOLVIMENTO")
    answer = patch(client, {"If-Match": '"0"'}, mode="TESTE")
    assert (answer.status_code, answer["ETag"]) == (412, '"1"')
    assert patch(client, {"If-Match": '"1"'}, mode="TESTE").status_code == 202


def test_a_version_says_what_it_changed(client: Client, machine: VirtualMachine) -> None:
    machine.want(by=SYSTEM, reason="first", mode="TESTE")
    patch(client, configuration={"trigger": {"interval_ms": 250}}, mode="DESENVOLVIMENTO")
    said = client.get(f"{ADDRESS}versions/2/").json()
    assert {"path": ["configuration", "trigger", "interval_ms"], "before": 1000, "after": 250} in said["changes"]
    assert {"path": ["mode"], "before": "TESTE", "after": "DESENVOLVIMENTO"} in said["changes"]
    assert len(said["changes"]) == 2
    assert client.get(f"{ADDRESS}versions/1/").json()["changes"]
    assert client.get(f"{ADDRESS}versions/3/").status_code == 404
    assert client.get("/api/v1/machines/nobody/desired/versions/1/").status_code == 404
