"""Django's admin: the specification's lists, filters, searches and sections; its edits go the way all others go."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from api import grouping, membership
from api.admin import REPORTED
from api.models import (
    GroupMember,
    GroupVersion,
    LiveEvent,
    MachineGroup,
    Transition,
    VirtualMachine,
    VMHeartbeat,
    VMInspectionTool,
)
from audit.models import AuditEntry, record
from recipes.publishing import publish
from tests.rows import SYSTEM, heartbeat, make_machine, make_tool, make_user, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(settings: Any) -> Client:
    settings.LANGUAGE_CODE = "en"
    found = Client(REMOTE_ADDR="192.0.2.5")
    found.force_login(make_user("admin"))
    return found


def change_url(row: Any) -> str:
    return reverse(f"admin:api_{row._meta.model_name}_change", args=[row.pk])


def fields_of(client: Client, address: str) -> dict[str, Any]:
    """Return what the page's form would send, unchanged."""
    form = client.get(address).context["adminform"].form
    return {name: form[name].value() if form[name].value() is not None else "" for name in form.fields}


@pytest.mark.parametrize("model", [VirtualMachine, VMInspectionTool, VMHeartbeat, Transition, AuditEntry])
def test_every_list_opens_and_is_searched(client: Client, model: Any) -> None:
    machine = make_machine()
    make_tool(machine)
    machine.receive_heartbeat(heartbeat())
    publish(machine, by=SYSTEM, reason="first")
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert client.get(address).status_code == 200
    assert client.get(address, {"q": "x"}).status_code == 200


@pytest.mark.parametrize("model", [MachineGroup, GroupVersion, GroupMember])
def test_groups_are_read_here_and_changed_elsewhere(client: Client, model: Any) -> None:
    group = grouping.add("presses", "Presses", by=SYSTEM, reason="first", shared={"source": {"fps": 12}})
    membership.join(group, make_machine("vm_a"), take=True, by=SYSTEM, reason="joins")
    row = model.objects.get()
    name = f"admin:api_{model._meta.model_name}"
    listed = client.get(reverse(f"{name}_changelist"), {"q": "presses"} if model is MachineGroup else {})
    assert "presses" in listed.content.decode().lower()
    assert client.get(reverse(f"{name}_add")).status_code == 403
    assert client.get(change_url(row)).status_code == 200
    assert client.post(change_url(row), {"code": "other", "shared": "{}", "applied": "9"}).status_code == 403
    assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model.objects.filter(**{f.attname: getattr(row, f.attname) for f in model._meta.concrete_fields}).exists()


def test_machines_filters_and_search() -> None:
    page = admin.site.get_model_admin(VirtualMachine)
    assert tuple(page.list_filter) == ("status", "mode", "connection_status", "source_type")
    assert set(page.search_fields) == {"machine_id", "name", "description", "ip_address"}
    assert list(page.ordering or ())[:3] == ["status", "mode", "source_type"]
    assert len(page.fieldsets or ()) >= 5


def test_tools_filters_and_search() -> None:
    page = admin.site.get_model_admin(VMInspectionTool)
    assert tuple(page.list_filter) == ("tool_type", "method", "is_active")
    assert set(page.search_fields) >= {"name", "virtual_machine__machine_id"}
    assert list(page.ordering or ())[:2] == ["tool_type", "method"]


def test_heartbeats_filters_and_dates() -> None:
    page = admin.site.get_model_admin(VMHeartbeat)
    assert tuple(page.list_filter) == ("status", "connection_status")
    assert page.date_hierarchy == "timestamp"
    assert page.search_fields == ()
    assert list(page.ordering or ()) == ["-timestamp"]


@pytest.mark.parametrize("model", ["vmheartbeat", "transition", "desiredversion", "command"])
def test_facts_are_not_added_by_hand(client: Client, model: str) -> None:
    assert client.get(reverse(f"admin:api_{model}_add")).status_code == 403


def test_the_machine_id_is_asked_once(client: Client) -> None:
    assert "machine_id" in fields_of(client, reverse("admin:api_virtualmachine_add"))
    machine = make_machine("vm_1")
    assert "machine_id" not in fields_of(client, change_url(machine))
    client.post(change_url(machine), {**fields_of(client, change_url(machine)), "machine_id": "vm_2"})
    assert VirtualMachine.objects.get().machine_id == "vm_1"


def test_what_is_reported_cannot_be_edited(client: Client) -> None:
    machine = make_machine()
    form = fields_of(client, change_url(machine))
    assert not set(REPORTED) & set(form)
    client.post(change_url(machine), {**form, "status": "running", "connection_status": "connected"})
    machine.refresh_from_db()
    assert (machine.status, machine.connection_status) == ("stopped", "disconnected")


def test_a_machine_is_added(client: Client) -> None:
    form = fields_of(client, reverse("admin:api_virtualmachine_add"))
    form |= {"machine_id": "vm_9", "name": "Nine", "owner": make_user().pk, "django_url": "http://orchestrator:8000"}
    response = client.post(reverse("admin:api_virtualmachine_add"), form)
    assert response.status_code == 302
    machine = VirtualMachine.objects.get()
    assert machine.configuration["source"]["type"] == "camera"
    assert AuditEntry.objects.get(object_type="api.virtualmachine").remote_addr == "192.0.2.5"


def test_an_edit_of_source_and_mode_is_asked_of_the_machine_with_its_reason(client: Client) -> None:
    machine = make_machine()
    form = fields_of(client, change_url(machine))
    form |= {
        "source_type": "pasta",
        "folder_path": "coins",
        "mode": "DESENVOLVIMENTO",
        "reason": "no camera yet",
        "name": "New",
    }
    assert client.post(change_url(machine), form).status_code == 302
    machine.refresh_from_db()
    version = machine.desired()
    assert version is not None
    assert version.reason == "no camera yet"
    assert version.asked.configuration.source.folder_path == "coins"
    assert version.asked.mode == "DESENVOLVIMENTO"
    assert (machine.source_type, machine.mode, machine.name) == ("pasta", "DESENVOLVIMENTO", "New")
    told = AuditEntry.objects.filter(reason="no camera yet").values_list("object_type", flat=True)
    assert set(told) == {"api.virtualmachine", "api.desiredversion"}


def test_unticking_active_retires(client: Client) -> None:
    machine = make_machine()
    fields = fields_of(client, change_url(machine))
    del fields["is_active"]
    client.post(change_url(machine), {**fields, "name": "Old", "fps": 11, "reason": "sold"})
    machine.refresh_from_db()
    assert (machine.is_active, machine.name, machine.fps) == (False, "Old", 11)
    events = [event.data for event in LiveEvent.objects.order_by("pk")]
    assert events[-1] == {"what": "state", "retired": True}


def test_a_retired_machine_comes_back_by_its_form(client: Client) -> None:
    machine = make_machine()
    machine.retire(by=SYSTEM, reason="sold")
    client.post(change_url(machine), {**fields_of(client, change_url(machine)), "is_active": "on", "fps": 11})
    machine.refresh_from_db()
    assert (machine.is_active, machine.fps) == (True, 11)


def test_a_refused_form_keeps_nothing_and_leaves_its_entry(client: Client) -> None:
    machine = make_machine()
    machine.retire(by=SYSTEM, reason="sold")
    fields = fields_of(client, change_url(machine))
    del fields["is_active"]
    response = client.post(change_url(machine), {**fields, "name": "New", "fps": 11}, follow=True)
    assert "is retired" in response.content.decode()
    machine.refresh_from_db()
    assert (machine.name, machine.fps) == ("Machine", 30)
    assert AuditEntry.objects.filter(refused=True).count() == 1


def test_an_edit_of_the_name_alone_asks_nothing(client: Client) -> None:
    machine = make_machine()
    client.post(change_url(machine), {**fields_of(client, change_url(machine)), "name": "New"})
    machine.refresh_from_db()
    assert machine.name == "New"
    assert machine.desired() is None


def test_production_without_a_recipe_is_refused_and_shown(client: Client) -> None:
    machine = make_machine()
    tool = make_tool(machine)
    make_version(machine, "b" * 64)
    machine.want(by=SYSTEM, reason="r", recipe_sha256="b" * 64)
    make_version(machine, "c" * 64)
    response = client.post(
        change_url(machine), {**fields_of(client, change_url(machine)), "mode": "PRODUCAO"}, follow=True
    )
    assert "Production runs published recipes only" in response.content.decode()
    assert "changed successfully" not in response.content.decode()
    machine.refresh_from_db()
    assert machine.mode == "TESTE"
    assert tool.pk


def test_a_value_no_machine_could_have_is_shown_at_the_form(client: Client) -> None:
    machine = make_machine()
    response = client.post(change_url(machine), {**fields_of(client, change_url(machine)), "fps": "500"})
    assert response.status_code == 200
    assert "fps" in response.context["adminform"].form.errors


def test_a_machine_is_not_deleted(client: Client) -> None:
    machine = make_machine()
    assert (
        client.post(reverse("admin:api_virtualmachine_delete", args=[machine.pk]), {"post": "yes"}).status_code == 403
    )


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [("enter_maintenance", "status", "maintenance"), ("retire", "is_active", False)],
)
def test_actions(client: Client, action: str, field: str, value: Any) -> None:
    machine = make_machine()
    client.post(reverse("admin:api_virtualmachine_changelist"), {"action": action, "_selected_action": [machine.pk]})
    machine.refresh_from_db()
    assert getattr(machine, field) == value


def test_a_tool_that_cannot_be_built_is_refused_with_the_reason(client: Client) -> None:
    tool = make_tool(make_machine())
    form = fields_of(client, change_url(tool)) | {"tool_type": "circle", "method": "", "tool_config": "{}"}
    response = client.post(change_url(tool), form)
    assert response.status_code == 200
    assert "a circle tool needs a ring or a circle as its region" in response.content.decode()


def test_a_kind_of_tool_that_does_not_exist_is_no_choice(client: Client) -> None:
    tool = make_tool(make_machine())
    form = fields_of(client, change_url(tool)) | {"tool_type": "ruler", "method": ""}
    assert "not one of the available choices" in client.post(change_url(tool), form).content.decode()


def test_a_new_tool_comes_last_unless_it_says_where(client: Client) -> None:
    machine = make_machine()
    make_tool(machine, order_index=4)
    address = reverse("admin:api_vminspectiontool_add")
    form = fields_of(client, address)
    form |= {"virtual_machine": machine.pk, "name": "Grey", "tool_type": "grayscale", "method": "luminance"}
    assert client.post(address, form).status_code == 302
    assert machine.tools.get(name="Grey").order_index == 5


def test_a_tool_stays_with_its_machine(client: Client) -> None:
    tool, other = make_tool(make_machine()), make_machine()
    client.post(change_url(tool), {**fields_of(client, change_url(tool)), "virtual_machine": other.pk})
    tool.refresh_from_db()
    assert tool.virtual_machine != other


def test_an_edited_tool_has_its_entry_and_reason(client: Client) -> None:
    tool = make_tool(make_machine())
    client.post(change_url(tool), {**fields_of(client, change_url(tool)), "name": "Holes", "reason": "clearer"})
    entry = AuditEntry.objects.order_by("-seq")[0]
    assert (entry.changes, entry.reason) == ({"name": ["Count", "Holes"]}, "clearer")


def test_in_development_an_edited_tool_runs_at_once(client: Client) -> None:
    machine = make_machine(mode="DESENVOLVIMENTO")
    tool = make_tool(machine)
    client.post(change_url(tool), {**fields_of(client, change_url(tool)), "name": "Holes"})
    asked = machine.desired()
    assert asked is not None
    assert asked.asked.recipe_sha256 == machine.draft_recipe().sha256


@pytest.mark.parametrize("way", ["page", "action"])
def test_in_development_a_removed_tool_is_gone_at_once(client: Client, way: str) -> None:
    machine = make_machine(mode="DESENVOLVIMENTO")
    make_tool(machine)
    gone = make_tool(machine, "Gone")
    if way == "page":
        client.post(reverse("admin:api_vminspectiontool_delete", args=[gone.pk]), {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [gone.pk], "post": "yes"}
        client.post(reverse("admin:api_vminspectiontool_changelist"), chosen)
    asked = machine.desired()
    assert asked is not None
    assert asked.asked.recipe_sha256 == machine.draft_recipe().sha256
    assert [row.name for row in machine.tools.all()] == ["Count"]


def test_entries_are_read_and_nothing_else(client: Client) -> None:
    entry = record("act", "<b>thing</b>")
    address = reverse("admin:audit_auditentry_change", args=[entry.pk])
    page = client.get(address)
    assert page.status_code == 200
    assert "<b>thing</b>" not in page.content.decode()
    assert client.post(address, {"reason": "x"}).status_code == 403
    assert client.post(reverse("admin:audit_auditentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
