"""Every write by a person leaves one entry, in the same transaction, with who, where from and why."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import RequestFactory

from api.models import VirtualMachine
from audit import Actor, acting, current_actor
from audit.middleware import actor_of
from audit.models import AuditEntry, record, record_refusal
from tests.rows import make_machine, make_tool, make_user

pytestmark = pytest.mark.django_db
ANA = Actor("user", "ana", "192.0.2.7")


def newest() -> AuditEntry:
    entry: AuditEntry | None = AuditEntry.objects.order_by("-seq").first()
    assert entry is not None
    return entry


def test_a_change_is_told_with_before_and_after() -> None:
    machine = make_machine()
    with acting(ANA, "wrong name"):
        machine.name = "Press 4"
        machine.save()
    entry = newest()
    assert entry.changes == {"name": ["Machine", "Press 4"]}
    assert (entry.actor_kind, entry.actor_name, entry.remote_addr, entry.reason) == (
        "user",
        "ana",
        "192.0.2.7",
        "wrong name",
    )
    assert (entry.verb, entry.object_type, entry.object_pk) == ("update", "api.virtualmachine", str(machine.pk))


def test_a_deleted_row_is_told_of() -> None:
    tool = make_tool(make_machine())
    tool.delete()
    assert (newest().verb, newest().object_repr) == ("delete", "Count")


def test_a_write_that_is_rolled_back_leaves_no_entry() -> None:
    machine = make_machine()
    before = AuditEntry.objects.count()
    with transaction.atomic():
        machine.name = "never"
        machine.save()
        assert AuditEntry.objects.count() == before + 1
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_a_write_whose_entry_fails_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = make_machine()

    def full_disk(self: AuditEntry) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(AuditEntry, "link", full_disk)
    machine.name = "never"
    with pytest.raises(OSError, match="no space"):
        machine.save()
    assert VirtualMachine.objects.get(pk=machine.pk).name == "Machine"


@pytest.mark.django_db(transaction=True)
def test_a_new_row_whose_entry_fails_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = make_user()

    def full_disk(self: AuditEntry) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(AuditEntry, "link", full_disk)
    with pytest.raises(OSError, match="no space"):
        make_machine("vm_never", owner=owner)
    assert not VirtualMachine.objects.exists()


def test_a_password_is_not_written_down() -> None:
    user = make_user()
    user.set_unusable_password()
    user.save()
    assert newest().changes == {"password": ["***", "***"]}


def test_signing_in_is_no_change_of_the_account() -> None:
    user = make_user()
    before = newest().seq
    user.last_login = user.date_joined
    user.save(update_fields=["last_login"])
    assert newest().seq == before


def test_a_refusal_is_an_entry() -> None:
    machine = make_machine()
    with acting(ANA):
        record_refusal("start", machine, "needs the role operator")
    entry = newest()
    assert (entry.refused, entry.verb, entry.reason, entry.actor_name) == (
        True,
        "start",
        "needs the role operator",
        "ana",
    )


def test_an_act_that_saves_no_row_is_an_entry() -> None:
    record("issue enrolment code", "vm_9", reason="new computer", minutes=15)
    entry = newest()
    assert (entry.object_repr, entry.additional_data, entry.refused) == ("vm_9", {"minutes": 15}, False)


def test_an_entry_outlives_the_account_it_names() -> None:
    leaver = make_user("operator")
    with acting(leaver.actor("192.0.2.9")):
        record("trigger", "vm_1")
    number = newest().seq
    name = leaver.username
    leaver.delete()
    assert AuditEntry.objects.get(seq=number).actor_name == name


def test_without_anybody_named_the_process_acts() -> None:
    assert current_actor().kind == "system"
    assert current_actor().name.startswith("process:")


def test_the_inner_actor_ends_with_its_block() -> None:
    with acting(ANA, "outer"):
        with acting(Actor("machine", "vm_1")):
            assert current_actor().name == "vm_1"
        assert current_actor() is ANA


def test_the_address_is_the_connections_whatever_a_header_claims(rf: RequestFactory) -> None:
    request = rf.get("/", headers={"X-Forwarded-For": "203.0.113.1"}, REMOTE_ADDR="192.0.2.33")
    assert actor_of(request) == Actor("system", "anonymous", "192.0.2.33")
