"""The client and `analyticlens machines`, against a server."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analyticlens.cli import main
from analyticlens.client import Client, Refused, Unreachable
from tests.rows import make_machine, make_user

pytestmark = pytest.mark.django_db(transaction=True)
Run = Callable[..., int]


@pytest.fixture
def token() -> str:
    from user.models import ApiToken

    _row, token = ApiToken.issue(make_user("engineer"), "cli", "engineer")
    return token.text


@pytest.fixture
def lens(live_server: Any, token: str) -> Iterator[Client]:
    with Client(live_server.url, token) as client:
        yield client


@pytest.fixture
def run(live_server: Any, token: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("AL_SERVER", live_server.url)
    monkeypatch.setenv("AL_TOKEN", token)
    return lambda *words: main(["machines", *words])


def connected(machine_id: str, status: str = "stopped") -> None:
    from api.models import VirtualMachine

    machine = make_machine(machine_id)
    VirtualMachine.objects.filter(pk=machine.pk).update(status=status, connection_status="connected")


def test_the_client_lists_pages_of_any_number(lens: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.rest.Keyset.max_page_size", 2)
    for number in range(5):
        make_machine(f"vm_{number}")
    assert [machine.machine_id for machine in lens.machines()] == [f"vm_{number}" for number in range(5)]
    assert [machine.machine_id for machine in lens.machines(search="vm_3")] == ["vm_3"]


def test_an_act_is_asked_and_not_yet_done(lens: Client) -> None:
    connected("vm_a")
    asked = lens.start("vm_a", reason="shift begins", if_version=0)
    machine = lens.machine("vm_a")
    assert (asked.version, asked.reason) == (1, "shift begins")
    assert (machine.desired_version, machine.reported_version, machine.settled) == (1, 0, False)


def test_parts_of_what_a_machine_shall_be_are_asked(lens: Client) -> None:
    connected("vm_a")
    asked = lens.ask("vm_a", reason="calmer", mode="DESENVOLVIMENTO", configuration={"trigger": {"interval_ms": 2000}})
    assert (asked.body["mode"], asked.body["configuration"]["trigger"]["interval_ms"]) == ("DESENVOLVIMENTO", 2000)
    with pytest.raises(Refused, match="fps"):
        lens.ask("vm_a", reason="too fast", configuration={"source": {"fps": 0}})


def test_a_refusal_says_what_a_program_needs(lens: Client) -> None:
    connected("vm_a")
    lens.start("vm_a")
    with pytest.raises(Refused) as refused:
        lens.stop("vm_a", if_version=0)
    assert (refused.value.status, refused.value.code, refused.value.details) == (412, "stale_version", {"version": 1})
    with pytest.raises(Refused) as refused:
        lens.machine("../tokens")
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("path", "problem", "sentence"),
    [("", Refused, "token"), ("/login", Unreachable, "no orchestrator")],
)
def test_what_is_no_token_or_no_orchestrator_is_said(
    live_server: Any, path: str, problem: type[Exception], sentence: str
) -> None:
    with Client(live_server.url + path, "alp_x") as client, pytest.raises(problem, match=sentence):
        client.machine("vm_a")


def test_where_nobody_answers_that_is_said() -> None:
    with Client("http://127.0.0.1:1", "alp_x", seconds=2) as client, pytest.raises(Unreachable, match="not answer"):
        client.machine("vm_a")


def test_list_is_a_table(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    connected("vm_a", "running")
    make_machine("vm_b", name="Tampas\x1b[2J")
    assert run("list") == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["machine_id", "status", "connection_status"]
    assert [row.split()[:3] for row in rows] == [["vm_a", "running", "connected"], ["vm_b", "stopped", "disconnected"]]
    assert "\x1b" not in rows[1]


def test_json_is_one_object_a_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    make_machine("vm_a")
    assert run("list", "--json") == run("show", "vm_a", "--json") == 0
    assert [json.loads(line)["machine_id"] for line in capsys.readouterr().out.splitlines()] == ["vm_a", "vm_a"]


def test_show_tells_every_field(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    make_machine("vm_a")
    assert run("show", "vm_a") == 0
    assert "connection_status disconnected" in capsys.readouterr().out


def test_one_that_refuses_does_not_keep_the_others(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    make_machine("vm_a")
    connected("vm_b")
    assert run("start", "vm_a", "vm_b", "nobody", "--reason", "shift") == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("vm_a: refused: ")
    assert told[1] == "vm_b: version 1 asked"
    assert told[2].startswith("nobody: refused: ")


def test_stop_restart_and_trigger(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    connected("vm_a", "running")
    assert run("restart", "vm_a") == run("trigger", "vm_a") == run("stop", "vm_a", "--json") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["vm_a: version 1 asked", "vm_a: trigger queued"]
    assert json.loads(told[2])["version"] == 2


def test_without_a_token_or_a_machine_it_says_what_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("start") == 2
    monkeypatch.delenv("AL_TOKEN")
    assert run("list") == 1
    assert "AL_TOKEN or --token-file" in capsys.readouterr().err


def test_a_token_may_stand_in_a_file(
    run: Run, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AL_TOKEN")
    file = tmp_path / "token"
    file.write_text(token + "\n")
    os.chmod(file, stat.S_IRUSR)
    make_machine("vm_a")
    assert run("list", "--token-file", str(file)) == 0
    assert run("list", "--token-file", str(tmp_path / "none")) == 1
