"""Codes and tokens in the admin: a code is seen once, a token never."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from api.models import VirtualMachine
from audit.models import AuditEntry
from edge.models import EnrolmentCode, MachineToken
from tests.edge.caller import Door
from tests.results.records import verdict
from user.models import User


@pytest.fixture
def chief(db: None) -> Client:
    """Return the browser of an administrator."""
    client = Client()
    client.force_login(User.objects.create(username="chief", role="admin", is_staff=True, is_superuser=True))
    return client


def issue(chief: Client, machine: VirtualMachine) -> Any:
    """Choose the action for one machine."""
    chosen = {"action": "issue_enrolment_code", "_selected_action": [machine.pk]}
    return chief.post(reverse("admin:api_virtualmachine_changelist"), chosen)


def test_the_action_shows_a_code_that_enrols(chief: Client, machine: VirtualMachine) -> None:
    page = issue(chief, machine)
    code = re.findall(r"[A-Z2-7]{5}(?:-[A-Z2-7]{1,5}){5}", page.content.decode())[0]
    assert "no-store" in page["Cache-Control"]
    assert Door("").call("POST", "enrol", {"machine_id": "vm_001", "code": code})[0] == 200
    entry = AuditEntry.objects.get(verb="issue enrolment code")
    assert (entry.actor_name, EnrolmentCode.objects.get().issued_by) == ("chief", "chief")


def test_no_list_shows_a_hash_or_a_code(chief: Client, machine: VirtualMachine, door: Door) -> None:
    issue(chief, machine)
    code, token = EnrolmentCode.objects.get(), MachineToken.objects.get()
    for name in ("enrolmentcode", "machinetoken"):
        row = code if name == "enrolmentcode" else token
        for address in (reverse(f"admin:edge_{name}_changelist"), reverse(f"admin:edge_{name}_change", args=[row.pk])):
            page = chief.get(address)
            assert page.status_code == 200
            assert row.sha256 not in page.content.decode()


def test_a_token_revoked_in_the_admin_is_dead(chief: Client, machine: VirtualMachine, door: Door) -> None:
    assert door.beat(1)[0] == 200
    chosen = {"action": "revoke", "_selected_action": [MachineToken.objects.get().pk]}
    chief.post(reverse("admin:edge_machinetoken_changelist"), chosen)
    assert door.beat(2)[0] == 401
    assert AuditEntry.objects.get(verb="revoke token").actor_name == "chief"


@pytest.mark.parametrize("name", ["inspectionresult", "machineevent", "machineepoch", "quarantined", "ingestconflict"])
def test_facts_are_read_and_not_written(chief: Client, door: Door, name: str) -> None:
    door.batch(
        [verdict(1), verdict(1, "nok"), {"seq": 2, "kind": "event", "body": {"code": "x", "wall": ""}}, {"seq": 3}]
    )
    address = reverse(f"admin:results_{name}_changelist")
    assert chief.get(address).status_code == 200
    row = chief.get(address).context["cl"].queryset.first()
    page = chief.get(reverse(f"admin:results_{name}_change", args=[row.pk]))
    assert page.status_code == 200
    assert chief.get(reverse(f"admin:results_{name}_add")).status_code == 403
    assert chief.post(reverse(f"admin:results_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
