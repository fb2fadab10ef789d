"""The commands of /api/control, one after another as the contract lists them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.legacy.driver import BLOB, LOGGING, SOURCE, TOOLS, Machine


def state(machine: Machine) -> str:
    """Return the machine's status word."""
    return str(machine.get("/api/status")["status"])


def test_start_and_stop(machine: Machine) -> None:
    machine.do("start_inspection")
    assert state(machine) == "running"
    machine.do("stop_inspection")
    assert state(machine) == "idle"


def test_start_while_running_says_the_sentence_clients_compare(machine: Machine) -> None:
    machine.do("start_inspection")
    assert machine.do("start_inspection")["message"] == "Inspeção já está rodando"


def test_stop_while_stopped_is_fine(machine: Machine) -> None:
    machine.do("stop_inspection")


def test_start_is_refused_while_an_error_is_active(machine: Machine) -> None:
    machine.ask("POST", "/api/error", {"error_msg": "porta aberta"})
    status, answer = machine.command("start_inspection")
    assert (status, answer["success"]) == (400, False)


def test_start_is_refused_when_the_source_cannot_be_opened(machine: Machine) -> None:
    machine.ask("PUT", "/api/source_config", {"folder_path": "./nowhere"})
    machine.ask("DELETE", "/api/error")
    status, answer = machine.command("start_inspection")
    assert (status, answer["success"]) == (400, False)
    machine.put("/api/source_config", SOURCE)


def test_trigger_is_accepted_while_waiting_for_one(machine: Machine) -> None:
    machine.trigger_mode()
    assert machine.get("/api/status")["trigger_info"]["waiting_for_trigger"] is True
    assert machine.do("trigger")["message"]


@pytest.mark.parametrize("running", [True, False])
def test_trigger_is_refused_when_it_is_not_waited_for(machine: Machine, running: bool) -> None:
    if running:
        machine.do("start_inspection")
    else:
        machine.put("/api/trigger_config", {"type": "trigger"})
    status, answer = machine.command("trigger")
    assert (status, answer["success"]) == (400, False)


def test_change_mode_stops_and_clears_the_error(machine: Machine) -> None:
    machine.ask("POST", "/api/error", {"error_msg": "porta aberta"})
    assert machine.do("change_mode", {"mode": "RUN"})["new_mode"] == "RUN"
    status = machine.get("/api/status")
    assert (status["status"], status["mode"], status["error_msg"]) == ("idle", "RUN", "")
    machine.do("start_inspection")
    assert machine.do("change_mode", {"mode": "TESTE"})["new_mode"] == "TESTE"
    assert state(machine) == "idle"


@pytest.mark.parametrize("params", [{"mode": "FAST"}, {"mode": None}, {}], ids=str)
def test_another_mode_is_refused(machine: Machine, params: dict[str, Any]) -> None:
    assert machine.command("change_mode", params)[0] == 400


def test_update_inspection_config(machine: Machine) -> None:
    machine.do("update_inspection_config", {"config": {"tools": TOOLS[:2]}})
    assert machine.get("/api/inspection_config") == {"tools": TOOLS[:2]}


def test_config_tool_of_same_id_and_name_is_replaced_in_place(machine: Machine) -> None:
    changed = {**BLOB, "th_min": 30}
    answer = machine.do("config_tool", changed)
    assert answer == {"success": True, "tool_id": 2, "tool_name": "placa", "action": "updated", "total_tools": 3}
    assert machine.get("/api/inspection_config")["tools"] == [TOOLS[0], changed, TOOLS[2]]


@pytest.mark.parametrize(("asked", "given"), [(2, 4), (9, 9)], ids=["taken", "free"])
def test_config_tool_otherwise_appends(machine: Machine, asked: int, given: int) -> None:
    answer = machine.do("config_tool", {**BLOB, "id": asked, "name": "outro"})
    assert answer == {"success": True, "tool_id": given, "tool_name": "outro", "action": "added", "total_tools": 4}
    assert machine.get("/api/inspection_config")["tools"][3]["id"] == given


@pytest.mark.parametrize(
    ("params", "code"),
    [({}, 400), ({"id": 9}, 500), ({"name": "x"}, 500), ({**BLOB, "th_min": "escuro"}, 500), ({**BLOB, "x": 1}, 500)],
    ids=["none", "no name", "no id", "bad value", "unknown key"],
)
def test_config_tool_refused(machine: Machine, params: dict[str, Any], code: int) -> None:
    status, answer = machine.command("config_tool", params)
    assert (status, answer["success"]) == (code, False)
    assert machine.get("/api/inspection_config") == {"tools": TOOLS}


def test_delete_tool(machine: Machine) -> None:
    answer = machine.do("delete_tool", {"id": 3})
    assert answer == {"success": True, "tool_id": 3, "tool_name": "razao", "action": "deleted", "total_tools": 2}


@pytest.mark.parametrize(
    ("params", "code"),
    [({}, 400), ({"id": "x"}, 400), ({"id": None}, 400), ({"id": True}, 400), ({"id": 77}, 500), ({"id": 2}, 500)],
    ids=["none", "word", "null", "flag", "unknown", "measured by another tool"],
)
def test_delete_tool_refused(machine: Machine, params: dict[str, Any], code: int) -> None:
    status, answer = machine.command("delete_tool", params)
    assert (status, answer["success"]) == (code, False)
    assert machine.get("/api/inspection_config") == {"tools": TOOLS}


def test_clear_logs(machine: Machine) -> None:
    machine.put("/api/logging_config", {**LOGGING, "enabled": True, "batch_size": 1})
    machine.trigger_mode()
    machine.do("trigger")
    machine.until(lambda: machine.get("/api/status")["logs_count"] == 1)
    assert machine.do("clear_logs") == {"success": True, "removed": 1, "errors": 0, "remaining": 0}
    assert machine.logs() == []


@pytest.mark.parametrize(
    "body",
    [{"command": "dance"}, {}, {"command": None}, {"command": ["trigger"]}, {"command": "trigger", "params": [1]}],
    ids=str,
)
def test_an_unknown_command_is_400(machine: Machine, body: dict[str, Any]) -> None:
    status, answer = machine.ask("POST", "/api/control", body)
    assert (status, answer["success"]) == (400, False)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"command": NaN}', b'"x"', b"\xff", b'{"a":1,"a":2}'], ids=str)
def test_a_body_that_is_no_json_object_is_400(machine: Machine, body: bytes) -> None:
    answer = machine.client.post("/api/control", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["success"] is False


def test_an_overlong_body_is_refused(machine: Machine) -> None:
    answer = machine.client.put("/api/inspection_config", json={"tools": "x" * 1_100_000})
    assert answer.status_code in (400, 413)
