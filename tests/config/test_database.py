"""Where rows are kept, and what DATABASE_URL may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.database import databases


def test_without_an_address_it_is_sqlite_in_the_data_folder(tmp_path: Path) -> None:
    found = databases(tmp_path, "")["default"]
    assert found["NAME"] == tmp_path / "db.sqlite3"
    assert "synchronous=FULL" in found["OPTIONS"]["init_command"]


def test_an_address_is_taken_apart_and_commits_are_durable(tmp_path: Path) -> None:
    found = databases(tmp_path, "postgres://lens:s%40cret@db.plant:5433/line?sslmode=require")["default"]
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.plant", 5433, "line")
    assert (found["USER"], found["PASSWORD"]) == ("lens", "s@cret")
    assert found["OPTIONS"]["sslmode"] == "require"
    assert "synchronous_commit=on" in found["OPTIONS"]["options"]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///somewhere",
        "postgres://lens:secret@db.plant:5433",
        "postgres://lens:secret@db.plant:port/line",
        "mysql://lens:secret@db/line",
        "secret",
    ],
)
def test_nonsense_is_refused_without_saying_the_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as refused:
        databases(tmp_path, url)
    assert "secret" not in str(refused.value)
