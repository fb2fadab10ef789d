"""A machine keeps all of its configuration in one file, survives a restart with it, and inspects again by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.legacy.driver import LOGGING, SOURCE, TOOLS, Machine, listening, new_machine


@pytest.fixture
def own_machine(tmp_path: Path, until: Callable[..., object]) -> Iterator[Machine]:
    """A machine of this test's own."""
    running = new_machine(tmp_path, "--insecure-legacy", until=until)
    try:
        running.start()
        yield running
    finally:
        running.close()


def test_everything_survives_a_restart_and_it_runs_again(own_machine: Machine) -> None:
    own_machine.put("/api/inspection_config", {"tools": TOOLS})
    own_machine.put("/api/logging_config", {"max_logs": 7})
    own_machine.put("/api/trigger_config", {"type": "continuous", "interval_ms": 150})
    own_machine.do("change_mode", {"mode": "RUN"})
    own_machine.do("start_inspection")
    own_machine.stop()
    own_machine.start()
    with listening(own_machine) as listener:
        assert listener.wait("test_result")[0]["mode"] == "RUN"
    status = own_machine.get("/api/status")
    assert (status["status"], status["mode"]) == ("running", "RUN")
    assert status["source_config"] == SOURCE
    assert status["trigger_config"] == {"type": "continuous", "interval_ms": 150}
    assert status["logging_config"] == {**LOGGING, "max_logs": 7}
    assert own_machine.get("/api/inspection_config") == {"tools": TOOLS}


def test_the_file_has_the_old_layout(own_machine: Machine) -> None:
    own_machine.put("/api/inspection_config", {"tools": TOOLS})
    kept = json.loads((own_machine.data / "vm_config.json").read_text())
    names = {"machine_id", "django_url", "status", "mode", "connection_status", "inspection_config", "source_config"}
    names |= {"trigger_config", "logging", "error_msg", "websocket_update_RUN_mode", "last_saved"}
    assert names <= set(kept)
    assert kept["inspection_config"] == {"tools": TOOLS}
    assert kept["source_config"] == SOURCE


def test_results_that_wait_for_their_batch_are_written_at_the_end(own_machine: Machine) -> None:
    own_machine.put("/api/inspection_config", {"tools": TOOLS})
    own_machine.put("/api/logging_config", {"enabled": True, "batch_size": 100, "batch_ms": 60_000})
    own_machine.trigger_mode()
    own_machine.do("trigger")
    own_machine.until(lambda: own_machine.get("/api/status")["logging_buffer_size"] == 1)
    own_machine.stop()
    assert len(own_machine.logs()) == 1


def test_the_local_token_stays_the_same(tmp_path: Path, until: Callable[..., object]) -> None:
    machine = new_machine(tmp_path, until=until)
    try:
        machine.start()
        token = machine.token
        machine.stop()
        machine.start()
        assert machine.client.get("/api/status", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    finally:
        machine.close()
