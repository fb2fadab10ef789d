"""A23: in a state that would be a danger it does not start, and says why.

tests/config/test_settings.py holds the checks and that nonsense is refused by name, tests/user/test_ensure_admin.py that the first
administrator's password is random. Here a server is really started, in each of these states.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from config import checks
from config.checks import check_settings
from tests.journeys.line import free_port
from user.models import User

MANAGE = [sys.executable, "-m", "analyticlens", "manage"]


def serve(data: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start a server that must not start; return how it ended."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("AL_", "DJANGO_"))}
    environment = {**clean, "AL_DATA": str(data), "AL_PORT": str(free_port()), **settings}
    command = [*MANAGE, "serve", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("words", "settings", "sentence"),
    [
        ((), {"AL_ALLOWED_HOSTS": "*"}, "AL_ALLOWED_HOSTS has a *"),
        (("--host", "0.0.0.0"), {"AL_DEBUG": "1"}, "AL_DEBUG is on and others can reach"),
    ],
)
def test_it_does_not_start(tmp_path: Path, words: tuple[str, ...], settings: dict[str, str], sentence: str) -> None:
    ended = serve(tmp_path, *words, **settings)
    assert ended.returncode != 0
    assert sentence in ended.stderr
    assert "HINT" in ended.stderr


def test_it_does_not_start_with_a_key_that_others_read_or_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("x" * 60)
    (tmp_path / "secret_key").chmod(0o644)
    ended = serve(tmp_path)
    assert ended.returncode != 0
    assert f"chmod 600 {tmp_path / 'secret_key'}" in ended.stderr


@pytest.mark.parametrize(("behind", "found"), [(True, ["config.E002"]), (False, [])])
def test_tracebacks_are_shown_to_nobody_behind_a_proxy(settings: object, behind: bool, found: list[str]) -> None:
    settings.DEBUG, settings.BEHIND_PROXY, settings.HTTPS = True, behind, behind  # type: ignore[attr-defined]
    assert [check.id for check in check_settings(None)] == found


@pytest.mark.parametrize(
    ("file", "folder", "told"), [(0o644, 0o755, True), (0o600, 0o755, False), (0o644, 0o700, False)]
)
def test_rows_that_every_account_can_read_are_told(
    monkeypatch: pytest.MonkeyPatch, file: int, folder: int, told: bool
) -> None:
    # Not below pytest's own folder, which is closed to others.
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(folder)
        path = Path(place, "db.sqlite3")
        path.touch()
        path.chmod(file)
        monkeypatch.setattr(checks, "_kept_files", lambda: [path])
        assert [check.id for check in check_settings(None)] == (["config.E005"] if told else [])


def test_what_is_made_at_the_first_start_is_its_owners(tmp_path: Path) -> None:
    data = tmp_path / "given"
    data.mkdir(mode=0o755)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("AL_", "DJANGO_"))}
    made = subprocess.run(
        [*MANAGE, "shell", "-v", "0", "-c", "from django.db import connection; connection.cursor()"],
        env={**clean, "AL_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    kept = list(data.iterdir())
    assert {"secret_key", "db.sqlite3"} <= {path.name for path in kept}
    assert [path.name for path in kept if path.stat().st_mode & 0o077] == []


@pytest.mark.django_db
def test_there_is_no_account_to_begin_with() -> None:
    assert not User.objects.exists()
