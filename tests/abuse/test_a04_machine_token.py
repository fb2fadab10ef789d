"""A04: a machine's token opens its own machine's door, and nothing else anywhere.

tests/edge/test_door.py holds it for commands, quarantine and batches (`test_a_token_reaches_its_own_machine_alone`) and for calls without
a token. Here are all other routes, other ways to name a machine, recipes, files, and the tokens of people.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from api.models import DesiredVersion, VirtualMachine
from config.access import MACHINE
from edge.models import MachineToken
from recipes.blobs import store_blob
from results.models import InspectionResult, MachineEpoch
from tests.abuse.plant import FOREIGN, ROUTES, Yard, program, yard
from tests.edge.caller import Door
from tests.results.records import verdict
from tests.rows import SYSTEM, make_user

pytestmark = pytest.mark.django_db
DOOR = [route for route in ROUTES if route.asks("GET") == MACHINE]
OPEN = {"login", "sign_in_code", "sso", "sso_callback", "preferences", "admin:login", "edge:enrol", "edge:authority"}
EPOCH = "cd" * 16


@pytest.fixture
def yards(settings: Any, tmp_path: Path) -> tuple[Yard, Yard]:
    """Two machines with everything."""
    settings.MEDIA_ROOT = tmp_path
    return yard("own"), yard(FOREIGN)


def test_a_machines_token_is_nothing_outside_its_door(yards: tuple[Yard, Yard]) -> None:
    client = Client(headers={"Authorization": f"Bearer {yards[0].token}"})
    for route in (route for route in ROUTES if route not in DOOR and route.name not in OPEN):
        for method in ("GET", "POST"):
            answer = client.generic(method, route.at(**yards[0].values), b"{}", "application/json")
            assert answer.status_code in {302, 401, 403}, (route.name, answer.status_code)


def test_a_persons_token_and_session_are_nothing_at_the_door(yards: tuple[Yard, Yard]) -> None:
    client = program(make_user("admin"))
    client.force_login(make_user("admin"))
    for route in DOOR:
        for method in ("GET", "POST", "PUT"):
            answer = client.generic(method, route.at(**yards[0].values), b"{}", "application/json")
            assert answer.status_code in {401, 405}, (route.name, method)


NAMES = ("machine_id", "machine", "vm", "id")


@pytest.mark.parametrize("name", NAMES)
def test_another_name_in_body_query_or_header_changes_nothing(yards: tuple[Yard, Yard], name: str) -> None:
    own, other = yards
    door, theirs = Door(own.token), other.machine.machine_id
    before = VirtualMachine.objects.filter(pk=other.machine.pk).values().get()
    # In a body an unknown word is refused whole; in an address or a header nobody reads it.
    assert door.beat(1, epoch=EPOCH, epoch_no=2, **{name: theirs})[0] == 400
    assert door.call("POST", "batches", {"epoch": EPOCH, "epoch_no": 2, "records": [], name: theirs})[0] == 400
    said = {"epoch": EPOCH, "epoch_no": 2, "hb_seq": 1, "wall": "w", "status": "running", "mode": "TESTE"}
    header = {f"X-{name}".replace("_", "-"): theirs}
    assert door.call("POST", f"heartbeat?{name}={theirs}", said, **header)[0] == 200
    record = verdict(1)
    # A record with a word too many is set aside under the token's own machine.
    record["body"][name] = theirs
    assert door.batch([record], EPOCH, 2)[0] == 200
    assert door.call("GET", f"desired?{name}={theirs}")[1]["commands"][0]["id"] == str(own.command.id)
    assert VirtualMachine.objects.filter(pk=other.machine.pk).values().get() == before
    assert not MachineEpoch.objects.filter(epoch=EPOCH).exclude(machine=own.machine).exists()
    assert InspectionResult.objects.filter(machine=other.machine).count() == 2


def test_what_another_machine_has_is_not_there(yards: tuple[Yard, Yard]) -> None:
    own, other = yards
    door = Door(own.token)
    epoch = MachineEpoch.objects.get(machine=other.machine)
    blob = store_blob([b"\x89PNG\r\n\x1a\n" + FOREIGN.encode()], "template.png", SYSTEM)
    recipe = other.machine.recipe_versions.get()
    body = {**DesiredVersion.objects.filter(machine=own.machine).latest("version").body, "recipe_sha256": recipe.sha256}
    change = {"body": body, "author": "local:test"}
    newest = own.machine.desired()
    assert newest is not None
    for answer in (
        door.call("POST", f"commands/{other.command.id}", {"state": "done"}),
        door.call("GET", f"blobs/{blob.sha256}"),
        door.call("PUT", "desired", change, If_Match=f'"{newest.version}"'),
        door.call("POST", f"quarantine?epoch={EPOCH}&seq=3", b"x", Content_Type="text/plain"),
    ):
        assert answer[0] in {404, 409}, answer
        assert FOREIGN not in json.dumps(answer[1])
    other.command.refresh_from_db()
    epoch.refresh_from_db()
    assert (other.command.state, epoch.mark) == ("queued", 2)


def test_what_it_is_told_is_its_own_alone(yards: tuple[Yard, Yard]) -> None:
    door = Door(yards[0].token)
    told = json.dumps([door.call("GET", "desired")[1], door.beat(1, epoch=EPOCH, epoch_no=2)[1]])
    assert FOREIGN not in told
    assert "Tool own" in told


def test_its_marks_name_no_epoch_of_another(yards: tuple[Yard, Yard]) -> None:
    own, other = yards
    theirs = MachineEpoch.objects.get(machine=other.machine)
    marks = [{"epoch": theirs.epoch, "epoch_no": theirs.epoch_no, "mark": 0, "last": 9}]
    Door(own.token).beat(1, epoch=EPOCH, epoch_no=2, birth=True, marks=marks)
    theirs.refresh_from_db()
    assert (theirs.mark, MachineEpoch.objects.filter(machine=other.machine).count()) == (2, 1)


def test_a_token_of_another_kind_in_its_place_is_none(yards: tuple[Yard, Yard]) -> None:
    own, _other = yards
    for text in (own.token.replace("alm_", "alp_"), own.token.upper(), own.token[:-1], f"{own.token}x", own.code):
        assert Door(text).call("GET", "desired")[0] == 401
    assert Client().get("/edge/v1/desired", headers={"Authorization": f"Basic {own.token}"}).status_code == 401
    assert Client().get(f"/edge/v1/desired?token={own.token}&access_token={own.token}").status_code == 401
    assert MachineToken.objects.filter(machine=own.machine, revoked_at=None).count() == 1
