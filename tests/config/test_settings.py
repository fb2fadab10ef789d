"""Settings refuse nonsense in words, keep their secret, and send pages with strict headers."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.test import Client

from config import env, secret
from config.checks import check_settings
from config.logs import logging_config
from user.models import INCLUDES

MANAGE = Path(__file__).parents[2] / "src/analyticlens/orchestrator/manage.py"


def manage(*words: str, data: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **more}
    environment.pop("AL_DATA", None)
    command = [sys.executable, str(MANAGE), *words, "--data", str(data)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.parametrize(("word", "value"), [("1", True), ("Yes", True), ("off", False), ("0", False), ("", True)])
def test_a_flag(monkeypatch: pytest.MonkeyPatch, word: str, value: bool) -> None:
    monkeypatch.setenv("AL_X", word)
    assert env.flag("AL_X", True) is value


def test_a_flag_refuses_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AL_X", "ture")
    with pytest.raises(ImproperlyConfigured, match="AL_X is 'ture'"):
        env.flag("AL_X", True)


@pytest.mark.parametrize("word", ["a", "1.5", "0", "11", "1e3"])
def test_a_number_refuses_what_is_none_or_too_far(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("AL_X", word)
    with pytest.raises(ImproperlyConfigured, match="AL_X"):
        env.number("AL_X", 5, 1, 10)


def test_networks_are_addresses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AL_X", "10.0.0.5, 10.1.0.0/16, ::1")
    assert list(map(str, env.networks("AL_X"))) == ["10.0.0.5/32", "10.1.0.0/16", "::1/128"]


@pytest.mark.parametrize("word", ["proxy.plant.local", "10.0.0.256", "10.0.0.1/8", "*"])
def test_networks_refuse_what_is_none(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("AL_X", word)
    with pytest.raises(ImproperlyConfigured, match="AL_X has"):
        env.networks("AL_X")


def test_words_come_without_white_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AL_X", " a, b ,,c ")
    assert env.words("AL_X") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AL_LANGUAGE", "fr"),
        ("AL_TIME_ZONE", "Mars/Olympus"),
        ("AL_PORT", "99999"),
        ("AL_DEBUG", "x"),
        ("AL_LOG_LEVEL", "LOUD"),
        ("AL_REQUIRE_SECOND_STEP", "admin,boss"),
    ],
)
def test_a_start_with_nonsense_is_refused_by_its_name(tmp_path: Path, name: str, value: str) -> None:
    run = manage("check", data=tmp_path, **{name: value})
    assert run.returncode != 0
    assert name in run.stderr


def test_the_secret_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    made = secret.read_or_make(tmp_path / "secret_key")
    assert len(made) >= 50
    assert secret.read_or_make(tmp_path / "secret_key") == made
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret_key"]


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    ready = threading.Barrier(8)
    found: set[str] = set()

    def start() -> None:
        ready.wait(30)
        found.add(secret.read_or_make(tmp_path / "secret_key"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 1


def test_an_empty_secret_is_told_not_used(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(ValueError, match="delete it"):
        secret.read_or_make(tmp_path / "secret_key")


def test_the_checks_find_nothing() -> None:
    assert run_checks() == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"ALLOWED_HOSTS": ["*"]}, ["config.E001"]),
        ({"DEBUG": True, "HOST": "0.0.0.0", "HTTPS": True}, ["config.E002"]),
        ({"HOST": "0.0.0.0"}, ["config.W001"]),
        ({"HOST": "0.0.0.0", "HTTPS": True}, []),
    ],
)
def test_a_wrong_combination_is_told_with_a_hint(settings: Any, changes: dict[str, Any], found: list[str]) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    told = check_settings(None)
    assert [check.id for check in told] == found
    assert all(check.hint for check in told)


def test_a_secret_others_can_read_is_told(settings: Any, tmp_path: Path) -> None:
    settings.DATA = tmp_path
    (tmp_path / "secret_key").touch(mode=0o644)
    assert [check.id for check in check_settings(None)] == ["config.E003"]


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    out = StringIO()
    call_command("makemigrations", check=True, dry_run=True, stdout=out)
    assert "No changes" in out.getvalue()


@pytest.mark.django_db
def test_the_database_is_set_to_keep_what_it_acknowledged() -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == (5000,)
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.django_db
def test_pages_come_with_strict_headers() -> None:
    response = Client().get("/admin/login/")
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for part in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert part in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"


BEHIND_A_PROXY = """
import json
from django.test import Client
answer = Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"}).get("/admin/login/")
cookie = answer.cookies["__Host-al_csrf"]
print(json.dumps([answer["Strict-Transport-Security"], bool(cookie["secure"]), cookie["path"], cookie["domain"]]))
"""


def test_behind_a_proxy_with_tls_cookies_and_headers_are_strict(tmp_path: Path) -> None:
    assert manage("migrate", "-v", "0", data=tmp_path).returncode == 0
    run = manage("shell", "-v", "0", "-c", BEHIND_A_PROXY, data=tmp_path, AL_HTTPS="1")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == ["max-age=31536000", True, "/", ""]


@pytest.mark.django_db
def test_a_host_that_is_not_ours_is_refused() -> None:
    assert Client().get("/admin/login/", headers={"Host": "evil.example"}).status_code == 400


def test_a_log_line_is_one_line_of_json_whatever_a_stranger_sends() -> None:
    stream = StringIO()
    config = logging_config("INFO")
    formatter = config["formatters"]["json"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    hostile = 'vm\n{"event": "forged"}\r\x1b[31m\u2028\x85'
    logger.warning("refused %s", hostile, extra={"machine": hostile})
    (line,) = stream.getvalue().splitlines()
    assert line.isascii()
    told = json.loads(line)
    assert told["event"] == f"refused {hostile}"
    assert (told["machine"], told["level"], told["logger"]) == (hostile, "warning", "test")


def test_a_strangers_wrong_host_is_told_without_a_traceback() -> None:
    stream = StringIO()
    formatter = logging_config("INFO")["formatters"]["json"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.Logger("django.security.DisallowedHost")
    logger.addHandler(handler)
    try:
        raise RuntimeError("Invalid HTTP_HOST header: 'evil'.")
    except RuntimeError as error:
        logger.error(str(error), exc_info=True, extra={"request": object()})
    told = json.loads(stream.getvalue())
    assert told["event"] == "Invalid HTTP_HOST header: 'evil'."
    assert not {"exception", "request"} & set(told)


def test_every_role_can_be_asked_for_a_second_step(tmp_path: Path) -> None:
    run = manage("check", data=tmp_path, AL_REQUIRE_SECOND_STEP=",".join(INCLUDES))
    assert run.returncode == 0, run.stderr
