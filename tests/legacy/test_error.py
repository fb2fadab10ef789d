"""/api/error: told, set, cleared."""

from __future__ import annotations

from typing import Any

import pytest

from tests.legacy.driver import Machine


def test_an_error_is_set_told_and_cleared(machine: Machine) -> None:
    status, answer = machine.ask("POST", "/api/error", {"error_msg": "luz queimada"})
    assert (status, answer["success"]) == (200, True)
    assert answer["message"]
    assert machine.get("/api/error") == {"status": "error", "error_msg": "luz queimada"}
    status, answer = machine.ask("DELETE", "/api/error")
    assert (status, answer["success"]) == (200, True)
    assert machine.get("/api/error") == {"status": "idle", "error_msg": ""}


def test_setting_an_error_stops_the_inspection(machine: Machine) -> None:
    machine.do("start_inspection")
    machine.ask("POST", "/api/error", {"error_msg": "luz queimada"})
    assert machine.get("/api/status")["status"] == "error"
    machine.ask("DELETE", "/api/error")
    assert machine.get("/api/status")["status"] == "idle"


@pytest.mark.parametrize("body", [{"error_msg": ""}, {"error_msg": "  "}, {}, {"error_msg": 5}], ids=str)
def test_an_empty_message_is_400(machine: Machine, body: dict[str, Any]) -> None:
    status, answer = machine.ask("POST", "/api/error", body)
    assert (status, answer["success"]) == (400, False)


def test_clearing_where_there_is_none_is_404(machine: Machine) -> None:
    status, answer = machine.ask("DELETE", "/api/error")
    assert (status, answer["success"]) == (404, False)
