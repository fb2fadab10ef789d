"""The commissioning picture, and pictures of sources that are only tried."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.test import Client

from analyticlens.protocol.desired import CommandReport
from analyticlens.protocol.live import LiveFrame
from api.models import Command, VirtualMachine
from audit.models import AuditEntry
from edge import live
from recipes.blobs import named_by
from results.pictures import store_picture
from tests.rows import SYSTEM, heartbeat, make_machine, make_user
from user.models import Line, Site

pytestmark = pytest.mark.django_db
JPEG = b"\xff\xd8\xff\xe0 a picture"
ROOT = "/api/v1/machines/vm_a/"


@pytest.fixture(autouse=True)
def machine() -> VirtualMachine:
    found = make_machine("vm_a")
    found.receive_heartbeat(heartbeat())
    return found


@pytest.fixture
def engineer() -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(make_user("engineer"))
    return client


def post(client: Client, address: str, **body: Any) -> Any:
    return client.post(f"{ROOT}{address}", body, content_type="application/json")


def test_the_live_picture_becomes_the_commissioning_picture(machine: VirtualMachine, engineer: Client) -> None:
    live.put(machine, JPEG, LiveFrame())
    answer = post(engineer, "commission/", reason="the station is finished")
    assert answer.status_code == 202, answer.content
    sha256 = hashlib.sha256(JPEG).hexdigest()
    desired = machine.desired()
    assert desired is not None
    assert desired.asked.configuration.health.reference == sha256
    # The machine may fetch it, though no recipe names it; another machine may not.
    assert named_by(machine, sha256) is not None
    assert named_by(make_machine("vm_b"), sha256) is None
    assert AuditEntry.objects.filter(reason="the station is finished").exists()


def test_a_snapshot_becomes_it_by_name_but_no_other_machines(machine: VirtualMachine, engineer: Client) -> None:
    sha256 = hashlib.sha256(JPEG).hexdigest()
    store_picture(make_machine("vm_b"), sha256, [JPEG])
    assert post(engineer, "commission/", reason="finished", picture=sha256).status_code == 400
    mine = JPEG + b"!"
    sha256 = hashlib.sha256(mine).hexdigest()
    store_picture(machine, sha256, [mine])
    assert post(engineer, "commission/", reason="finished", picture=sha256).status_code == 202
    desired = machine.desired()
    assert desired is not None
    assert desired.asked.configuration.health.reference == sha256


def test_without_a_picture_or_a_reason_nothing_changes(machine: VirtualMachine, engineer: Client) -> None:
    refused = post(engineer, "commission/", reason="finished")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_now")
    # From now on the machine sends live pictures, so that trying again works.
    assert live.watched(machine)
    live.put(machine, JPEG, LiveFrame())
    assert post(engineer, "commission/", reason=" ").status_code == 400
    assert machine.desired() is None


def test_a_source_to_try_is_whole_and_sound(machine: VirtualMachine, engineer: Client) -> None:
    answer = post(engineer, "source-test/", source={"type": "rtsp", "rtsp_url": "rtsp://camera/live"})
    assert answer.status_code == 202, answer.content
    command = Command.objects.get()
    assert command.kind == "test_source"
    assert (command.args["source"]["type"], command.args["source"]["fps"]) == ("rtsp", 30)
    told = engineer.get(f"{ROOT}commands/{command.pk}/").json()
    assert (told["kind"], told["state"]) == ("test_source", "queued")
    # What is asked for is asked for: the machine keeps its own source.
    assert machine.desired() is None


@pytest.mark.parametrize(
    "source",
    [
        {"type": "telescope"},
        {"type": "rtsp", "rtsp_url": "rtsp://user:word@camera/live"},
        {"type": "rtsp", "rtsp_url": "file:///etc/passwd"},
        {"type": "camera", "camera_id": -1},
    ],
)
def test_a_source_that_makes_no_sense_is_refused(engineer: Client, source: dict[str, Any]) -> None:
    assert post(engineer, "source-test/", source=source).status_code == 400
    assert not Command.objects.exists()


def status(client: Client, address: str) -> int:
    """Return what asking for a file is answered, and let the file go."""
    response: Any = client.get(address)
    if response.streaming:
        response.getvalue()
    return int(response.status_code)


def test_the_picture_an_act_brought_is_seen_by_those_who_see_the_machine(machine: VirtualMachine) -> None:
    sha256 = hashlib.sha256(JPEG).hexdigest()
    store_picture(machine, sha256, [JPEG])
    near, far = Client(), Client()
    line = Line.objects.create(site=Site.objects.create(code="a", name="A"), code="one", name="One")
    other = Site.objects.create(code="b", name="B")
    machine.line = line
    machine.save(update_fields=["line"])
    for client, site in ((near, line.site), (far, other)):
        person = make_user("engineer", bounded=True)
        person.sites.add(site)
        client.force_login(person)
    addresses = (f"/api/v1/pictures/{sha256}/", f"/m/vm_a/pictures/{sha256}")
    # Nobody's act or result names it yet.
    assert [status(near, address) for address in addresses] == [404, 404]
    command = machine.command("snapshot", SYSTEM)
    command.report(CommandReport(state="done", result={"picture": sha256}))
    assert [status(near, address) for address in addresses] == [200, 200]
    assert [status(far, address) for address in addresses] == [404, 404]


def test_a_snapshot_is_asked_for_by_operators(machine: VirtualMachine) -> None:
    client = Client()
    client.force_login(make_user("operator"))
    assert post(client, "snapshot/").status_code == 202
    assert post(client, "source-test/", source={"type": "camera"}).status_code == 403
    assert post(client, "commission/", reason="finished").status_code == 403
