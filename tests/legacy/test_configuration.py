"""The configuration routes: source, trigger, inspection, logging, and the status object that shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.legacy.driver import BLOB, LOGGING, SOURCE, TOOLS, Machine


def test_status_has_every_field_of_the_contract(machine: Machine) -> None:
    status = machine.get("/api/status")
    told = {"machine_id", "status", "mode", "connection_status", "error_msg", "timestamp", "source_available"}
    configured = {"source_config", "trigger_config", "trigger_info", "logging_config"}
    assert set(status) == told | configured | {"logging_buffer_size", "logs_count"}
    assert (status["machine_id"], status["status"], status["mode"]) == ("vm_001", "idle", "TESTE")
    datetime.fromisoformat(status["timestamp"])


def test_a_source_is_merged_and_read_back(machine: Machine) -> None:
    machine.put("/api/source_config", {"fps": 12})
    assert machine.get("/api/source_config") == {**SOURCE, "fps": 12}


def test_a_source_that_cannot_be_opened_is_500_and_the_machines_error(machine: Machine) -> None:
    status, answer = machine.ask("PUT", "/api/source_config", {"type": "pasta", "folder_path": "./nowhere"})
    assert (status, answer["success"]) == (500, False)
    error = machine.get("/api/error")
    assert error["status"] == "error"
    assert error["error_msg"]
    assert "nowhere" in error["error_msg"]


def test_a_good_source_clears_the_error(machine: Machine) -> None:
    machine.ask("PUT", "/api/source_config", {"type": "camera", "camera_id": 999})
    machine.put("/api/source_config", SOURCE)
    assert machine.get("/api/error") == {"status": "idle", "error_msg": ""}


@pytest.mark.parametrize("word", ["camera_IP", "picamera2", "camerapi2"])
def test_sources_that_are_not_here_say_so(machine: Machine, word: str) -> None:
    status, answer = machine.ask("PUT", "/api/source_config", {"type": word})
    assert status == 500
    assert answer["error"]


def test_a_typing_error_in_a_source_does_not_stop_the_machine(machine: Machine) -> None:
    status, answer = machine.ask("PUT", "/api/source_config", {"folder": "./test_images"})
    assert status == 500
    assert "folder" in answer["error"]
    assert machine.get("/api/status")["status"] == "idle"


def test_an_old_client_that_sets_trigger_reads_trigger_back(machine: Machine) -> None:
    machine.put("/api/trigger_config", {"type": "trigger"})
    assert machine.get("/api/trigger_config") == {"type": "trigger", "interval_ms": 500}


@pytest.mark.parametrize("patch", [{"type": "sometimes"}, {"type": "continuous", "interval_ms": 99}], ids=str)
def test_a_bad_trigger_is_500_and_changes_nothing(machine: Machine, patch: dict[str, Any]) -> None:
    status, answer = machine.ask("PUT", "/api/trigger_config", patch)
    assert (status, answer["success"]) == (500, False)
    assert machine.get("/api/trigger_config") == {"type": "continuous", "interval_ms": 500}


def test_a_trigger_may_have_a_short_interval_it_does_not_use(machine: Machine) -> None:
    machine.put("/api/trigger_config", {"type": "trigger", "interval_ms": 20})
    assert machine.get("/api/trigger_config")["interval_ms"] == 20


def test_tools_are_read_back_as_they_were_sent(machine: Machine) -> None:
    sent = [
        *TOOLS,
        {**BLOB, "id": 9, "name": "outra", "ROI": {"shape": "circle", "circle": {"cx": 90, "cy": 90, "r": 9}}},
    ]
    machine.put("/api/inspection_config", {"tools": sent})
    assert machine.get("/api/inspection_config") == {"tools": sent}


def test_an_inspection_patch_without_tools_keeps_them(machine: Machine) -> None:
    machine.put("/api/inspection_config", {})
    assert machine.get("/api/inspection_config") == {"tools": TOOLS}


@pytest.mark.parametrize(
    "tools",
    [
        [{**BLOB, "th_mim": 1}],
        [{**BLOB, "type": "telescope"}],
        [{**BLOB, "ROI": {"shape": "star"}}],
        [{"id": 1, "name": "m", "type": "math", "operation": "custom_formula", "custom_formula": "__import__('os')"}],
        "all of them",
    ],
    ids=["key", "type", "roi", "formula", "list"],
)
def test_bad_tools_are_500_and_change_nothing(machine: Machine, tools: Any) -> None:
    status, answer = machine.ask("PUT", "/api/inspection_config", {"tools": tools})
    assert (status, answer["success"]) == (500, False)
    assert machine.get("/api/inspection_config") == {"tools": TOOLS}


def test_logging_is_merged_and_read_back_with_its_buffer(machine: Machine) -> None:
    machine.put("/api/logging_config", {"max_logs": 7})
    assert machine.get("/api/logging_config") == {**LOGGING, "max_logs": 7, "buffer_size": 0}


@pytest.mark.parametrize(
    "patch",
    [{"mode": "x"}, {"policy": "SOME"}, {"max_logs": -1}, {"batch_size": 0}, {"batch_ms": -1}],
    ids=str,
)
def test_bad_logging_is_500_and_changes_nothing(machine: Machine, patch: dict[str, Any]) -> None:
    status, answer = machine.ask("PUT", "/api/logging_config", patch)
    assert (status, answer["success"]) == (500, False)
    assert machine.get("/api/status")["logging_config"] == LOGGING
