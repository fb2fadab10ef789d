"""The chain: every entry follows from the one before it, whoever writes at the same time; none can be changed."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from audit.models import AppendOnlyError, AuditEntry, AuditHead, broken_links, record
from tests.rows import make_machine

pytestmark = pytest.mark.django_db
WRITERS, EACH = 4, 12


def in_order() -> list[AuditEntry]:
    return list(AuditEntry.objects.order_by("seq"))


def test_entries_are_chained_from_the_first() -> None:
    make_machine()
    record("act", "thing", note=1.5, text="ç \n \u2028")
    entries = in_order()
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert list(broken_links(entries)) == []


@pytest.mark.parametrize(
    "column", ["actor_name", "reason", "object_repr", "changes", "timestamp", "remote_addr", "verb"]
)
def test_a_changed_entry_breaks_the_chain(column: str) -> None:
    for number in range(3):
        record("act", f"thing {number}")
    with connection.cursor() as cursor:
        value = {"timestamp": "2020-01-01 00:00:00", "changes": '{"a": 1}'}.get(column, "192.0.2.1")
        cursor.execute(f"UPDATE audit_auditentry SET {column} = %s WHERE seq = 2", [value])
    assert list(broken_links(in_order())) == [2]


def test_a_missing_entry_breaks_the_chain() -> None:
    for number in range(3):
        record("act", f"thing {number}")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_auditentry WHERE seq = 2")
    assert list(broken_links(in_order())) == [3]


def test_an_entry_cannot_be_saved_again() -> None:
    entry = record("act", "thing")
    entry.reason = "another"
    with pytest.raises(AppendOnlyError):
        entry.save()


def test_an_entry_cannot_be_deleted() -> None:
    entry = record("act", "thing")
    with pytest.raises(AppendOnlyError):
        entry.delete()
    with pytest.raises(AppendOnlyError):
        AuditEntry.objects.all().delete()


def test_entries_cannot_be_updated() -> None:
    with pytest.raises(AppendOnlyError):
        AuditEntry.objects.all().update(reason="")


def test_entries_inserted_in_bulk_are_chained_too() -> None:
    rows = [
        AuditEntry(action=3, object_pk="", object_repr=str(n), verb="act", actor_kind="system", actor_name="t")
        for n in (1, 2)
    ]
    AuditEntry.objects.bulk_create(rows)
    assert list(broken_links(in_order())) == []
    assert AuditHead.objects.get().seq == 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_leave_one_chain() -> None:
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(EACH):
                record("act", f"{writer}/{number}")
        except BaseException as failure:  # noqa: BLE001  told in the test's own thread
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    entries = in_order()
    assert len(entries) == WRITERS * EACH
    assert list(broken_links(entries)) == []
