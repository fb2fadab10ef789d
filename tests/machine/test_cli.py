"""`analyticlens machine` as a process: what it understands, how it begins, how it ends, how it comes back."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from analyticlens.machine.cli import read_settings
from analyticlens.machine.ledger import OutboxBusy, lock_folder
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.store import Kept, Pipeline, Store
from tests.machine.conftest import ROOT
from tests.machine.helpers import THREE, configuration, fill

Until = Callable[..., Any]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a starter of machine processes; all are killed with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(port: int, *more: str, data: Path = tmp_path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "analyticlens", "machine", "--machine-id", "vm_test", "--port", str(port)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        process = subprocess.Popen(
            [*command, "--data", str(data), *more], env=environment, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def running_folder(data: Path, mode: str = "TESTE") -> None:
    """Leave a machine's files behind as if it had been inspecting a folder."""
    fill(data / "pictures", [3, 2])
    pipeline = Pipeline.model_validate({"configuration": configuration(), "recipe": THREE, "mode": mode})
    kept = Kept(configured=True, pipeline=pipeline, run_state="running")
    store = Store(data / "vm_config.json", "vm_test", "")
    store.save(kept, status="running", error_message="", connection_status="disconnected")


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(json.load(answer)["status"] == "ok")
    except OSError:
        return False


def inspected(data: Path) -> int:
    import sqlite3

    try:
        with sqlite3.connect(f"file:{data / 'outbox.db'}?mode=ro", uri=True) as db:
            (count,) = db.execute("SELECT count(*) FROM records WHERE kind = 'verdict'").fetchone()
        db.close()
    except sqlite3.OperationalError:
        return 0
    return int(count)


def unlocked(data: Path) -> bool:
    """Return whether no process holds the outbox: what was killed with its parent takes a moment to be gone."""
    try:
        os.close(lock_folder(data))
    except OutboxBusy:
        return False
    return True


def test_it_ends_on_sigterm_within_ten_seconds_and_leaves_nobody_behind(
    run: Callable[..., subprocess.Popen[str]], tmp_path: Path, until: Until
) -> None:
    running_folder(tmp_path)
    machine = run(free_port())
    until(lambda: inspected(tmp_path) > 5, 60)
    family = psutil.Process(machine.pid).children(recursive=True)
    machine.send_signal(signal.SIGTERM)
    assert machine.wait(10) == 0
    until(lambda: not any(process.is_running() and process.status() != "zombie" for process in family))
    outbox = Outbox(tmp_path)
    assert outbox._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    counters = outbox.counters()
    assert counters.triggered == counters.inspected + counters.missed
    outbox.close()


@pytest.mark.parametrize("mode", ["TESTE", "PRODUCAO"])
def test_killed_it_comes_back_on_the_same_port_and_inspects_again(
    run: Callable[..., subprocess.Popen[str]], tmp_path: Path, until: Until, mode: str
) -> None:
    running_folder(tmp_path, mode)
    port = free_port()
    for _ in range(2):
        before = inspected(tmp_path)
        machine = run(port)
        until(lambda before=before: inspected(tmp_path) > before + 5, 60)
        machine.kill()
        machine.wait()
    until(lambda: unlocked(tmp_path))
    outbox = Outbox(tmp_path)
    rows = outbox._read("SELECT body FROM records WHERE kind = 'verdict' ORDER BY key")
    found = [json.loads(body) for (body,) in rows]
    outbox.close()
    assert [body["cycle"] for body in found] == list(range(1, len(found) + 1))
    assert {body["simulated"] for body in found} == {mode != "PRODUCAO"}
    generations = [body["generation"] for body in found]
    assert generations == sorted(generations)
    assert len(set(generations)) >= 2


def test_a_port_in_use_is_one_sentence_and_code_1(run: Callable[..., subprocess.Popen[str]]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        machine = run(taken.getsockname()[1])
        _, said = machine.communicate(timeout=60)
    assert machine.returncode == 1
    assert said.strip().endswith("Address already in use")
    assert len(said.strip().splitlines()) == 1


def test_a_data_folder_in_use_is_one_sentence_and_code_1(
    run: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path)
    machine = run(free_port())
    _, said = machine.communicate(timeout=60)
    outbox.close()
    assert (machine.returncode, len(said.strip().splitlines())) == (1, 1)
    assert "in use by another machine process" in said


def test_every_line_of_its_log_is_one_json_object(
    run: Callable[..., subprocess.Popen[str]], tmp_path: Path, until: Until
) -> None:
    running_folder(tmp_path)
    (tmp_path / "pictures" / "a\nb\x1b[31m.png").write_bytes(b"")
    port = free_port()
    machine = run(port)
    until(lambda: healthy(port) and inspected(tmp_path) > 5, 60)
    machine.send_signal(signal.SIGTERM)
    _, said = machine.communicate(timeout=60)
    lines = said.splitlines()
    assert {json.loads(line)["event"] for line in lines} >= {"station_open", "serving", "station_closed"}
    assert "\x1b" not in said


def test_options_say_who_it_is(tmp_path: Path) -> None:
    words = [
        "--machine-id",
        "vm_1",
        "--data",
        str(tmp_path),
        "--django-url",
        "https://x:8000/",
        "--allow-root",
        "/srv/a",
    ]
    settings = read_settings([*words, "--allow-root", "/srv/b"], {})
    assert (settings.machine_id, settings.data, settings.django_url) == ("vm_1", tmp_path, "https://x:8000")
    assert settings.config_file == tmp_path / "vm_config.json"
    assert settings.allowed_roots == (Path("/srv/a"), Path("/srv/b"))
    assert (settings.host, settings.port, settings.insecure_legacy) == ("127.0.0.1", 5000, False)


def test_the_environment_says_what_options_do_not(tmp_path: Path) -> None:
    said = {
        "ID": "vm_2",
        "DATA": str(tmp_path),
        "PORT": "5009",
        "INSECURE_LEGACY": "1",
        "ALLOW_ROOT": "/a:/b",
        "ENROL": "code",
    }
    environment = {f"AL_MACHINE_{name}": value for name, value in said.items()}
    settings = read_settings([], environment)
    assert (settings.machine_id, settings.port, settings.insecure_legacy) == ("vm_2", 5009, True)
    assert (settings.allowed_roots, settings.enrol_code) == ((Path("/a"), Path("/b")), "code")
    assert read_settings(["--port", "1", "--no-insecure-legacy"], environment).port == 1


def test_a_network_without_tls_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--machine-id", "vm", "--django-url", "http://lens.plant:8000", "--plain-http"]
    assert read_settings(words, {}).django_url == "http://lens.plant:8000"
    assert "WARNING" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--machine-id", "a b"],
        ["--machine-id", "x" * 51],
        ["--machine-id", "vm", "--port", "0"],
        ["--machine-id", "vm", "--port", "http"],
        ["--machine-id", "vm", "--django-url", "ftp://x"],
        ["--machine-id", "vm", "--django-url", "http://lens.plant:8000"],
        ["--machine-id", "vm", "--allow-root", "relative"],
        ["--machine-id", "vm", "--enrol", "x", "--token-file", "y"],
    ],
)
def test_nonsense_is_not_understood(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_settings(words, {})
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
