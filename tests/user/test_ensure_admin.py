"""The first administrator: a random password, printed once and kept in a file of its owner's."""

from __future__ import annotations

import stat
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditEntry
from tests.rows import make_user
from user.models import User

pytestmark = pytest.mark.django_db


def ensure(path: Path, username: str = "admin") -> str:
    out = StringIO()
    call_command("ensure_admin", password_file=path, username=username, stdout=out)
    return out.getvalue()


def test_the_password_in_the_file_is_the_accounts(tmp_path: Path) -> None:
    said = ensure(tmp_path / "admin_password")
    password = (tmp_path / "admin_password").read_text().strip()
    admin = User.objects.get(username="admin")
    assert admin.check_password(password)
    assert admin.may("admin")
    assert len(password) >= 20
    assert password in said


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "admin_password").touch(mode=0o644)
    ensure(tmp_path / "admin_password")
    assert stat.S_IMODE((tmp_path / "admin_password").stat().st_mode) == 0o600


def test_where_there_is_an_administrator_nothing_happens(tmp_path: Path) -> None:
    make_user("admin")
    said = ensure(tmp_path / "admin_password")
    assert "already" in said
    assert not (tmp_path / "admin_password").exists()
    assert User.objects.count() == 1


def test_another_account_of_that_name_is_not_taken_over(tmp_path: Path) -> None:
    taken = make_user("viewer")
    with pytest.raises(CommandError, match="exists"):
        ensure(tmp_path / "admin_password", taken.username)
    assert not (tmp_path / "admin_password").exists()


def test_a_file_that_cannot_be_written_leaves_no_account(tmp_path: Path) -> None:
    (tmp_path / "a_file").touch()
    with pytest.raises(OSError, match="a_file"):
        ensure(tmp_path / "a_file" / "admin_password")
    assert not User.objects.exists()


def test_two_passwords_differ_and_neither_is_in_the_entries(tmp_path: Path) -> None:
    ensure(tmp_path / "one")
    User.objects.update(is_active=False)
    ensure(tmp_path / "two", "admin2")
    one, two = ((tmp_path / name).read_text().strip() for name in ("one", "two"))
    assert one != two
    told = " ".join(str(entry.changes) for entry in AuditEntry.objects.all())
    assert one not in told
    assert two not in told
