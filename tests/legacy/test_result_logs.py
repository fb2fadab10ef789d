"""Result logs written by a running machine, and sent from it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from analyticlens.machine.oldwire.alog import ResultLog, unpack
from tests.legacy.driver import GOOD_TOOLS, LOGGING, PLATE, TOOLS, Machine, listening, new_machine
from tests.legacy.taker import taking

NOW = {**LOGGING, "enabled": True, "batch_size": 1}


def count(machine: Machine) -> int:
    """Return how many logs the machine says it has."""
    return int(machine.get("/api/status")["logs_count"])


def inspect(machine: Machine, times: int = 1) -> None:
    """Trigger so many inspections, each after the one before it was done."""
    for _ in range(times):
        before = machine.get("/api/status")
        machine.do("trigger")
        machine.until(lambda before=before: changed(machine, before))


def changed(machine: Machine, before: dict[str, Any]) -> bool:
    """Return whether a result was logged since."""
    now = machine.get("/api/status")
    return any(now[key] != before[key] for key in ("logs_count", "logging_buffer_size"))


def only_log(machine: Machine) -> ResultLog:
    """Return the one log there is."""
    (path,) = machine.logs()
    return unpack(path.read_bytes())


@pytest.fixture
def logging_machine(machine: Machine) -> Machine:
    """A machine that waits for triggers and logs each result at once."""
    machine.put("/api/logging_config", NOW)
    machine.trigger_mode()
    return machine


def test_a_log_is_read_back_field_by_field(logging_machine: Machine) -> None:
    inspect(logging_machine)
    log = only_log(logging_machine)
    document, result = log.document, log.document["result"]
    assert set(document) == {"id", "timestamp", "approved", "width", "height", "result"}
    uuid.UUID(document["id"])
    datetime.strptime(document["timestamp"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  the old layout's time has no zone
    assert (document["approved"], document["width"], document["height"]) == (False, 752, 480)
    assert {"inspection_summary", "tools", "result", "aprovados", "reprovados", "frame", "time"} <= set(result)
    assert result["tools"] == TOOLS
    assert result["result"][1]["total_area"] == PLATE
    assert result["frame"] == result["aprovados"] + result["reprovados"]
    summary = result["inspection_summary"]
    counted = ("total_tools", "successful_tools", "failed_tools", "pass_fail_tools", "passed_tests", "overall_pass")
    assert [summary[name] for name in counted] == [3, 3, 0, 1, 0, False]
    times = ("total_processing_time_ms", "tools_processing_time_ms", "overhead_time_ms")
    assert all(summary[name] >= 0 for name in times)
    picture = cv2.imdecode(np.frombuffer(log.jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape[:2] == (480, 752)


def test_an_approved_result_says_so(logging_machine: Machine) -> None:
    logging_machine.put("/api/inspection_config", {"tools": GOOD_TOOLS})
    inspect(logging_machine)
    assert only_log(logging_machine).document["approved"] is True


@pytest.mark.parametrize(("policy", "approved"), [("APPROVED", True), ("REJECTED", False)])
def test_the_policy_says_which_are_logged(logging_machine: Machine, policy: str, approved: bool) -> None:
    logging_machine.put("/api/logging_config", {"policy": policy})
    with listening(logging_machine) as listener:
        for done, tools in enumerate((TOOLS, GOOD_TOOLS, TOOLS) if approved else (GOOD_TOOLS, TOOLS, GOOD_TOOLS)):
            logging_machine.put("/api/inspection_config", {"tools": tools})
            logging_machine.do("trigger")
            listener.wait("test_result", done + 1)
    logging_machine.until(lambda: count(logging_machine) == 1)
    assert only_log(logging_machine).document["approved"] is approved


def test_undecided_is_rejected_and_kept_by_that_policy(logging_machine: Machine) -> None:
    logging_machine.put("/api/logging_config", {"policy": "REJECTED"})
    nothing_judges = [{**tool, "inspec_pass_fail": False} for tool in TOOLS]
    logging_machine.put("/api/inspection_config", {"tools": nothing_judges})
    inspect(logging_machine)
    assert only_log(logging_machine).document["approved"] is False


def test_keep_last_and_keep_first(logging_machine: Machine) -> None:
    logging_machine.put("/api/logging_config", {"max_logs": 2})
    inspect(logging_machine, 2)
    first = [path.name for path in logging_machine.logs()]
    logging_machine.do("trigger")
    logging_machine.until(lambda: [path.name for path in logging_machine.logs()] != first)
    kept = [path.name for path in logging_machine.logs()]
    assert len(kept) == 2
    assert kept[0] == first[1]
    logging_machine.put("/api/logging_config", {"mode": "keep_first"})
    with listening(logging_machine) as listener:
        logging_machine.do("trigger")
        listener.wait("test_result")
    assert [path.name for path in logging_machine.logs()] == kept


def test_results_wait_for_their_batch(logging_machine: Machine) -> None:
    logging_machine.put("/api/logging_config", {"batch_size": 3, "batch_ms": 60_000})
    inspect(logging_machine, 2)
    status = logging_machine.get("/api/status")
    assert (status["logging_buffer_size"], status["logs_count"]) == (2, 0)
    assert logging_machine.get("/api/logging_config")["buffer_size"] == 2
    inspect(logging_machine)
    status = logging_machine.get("/api/status")
    assert (status["logging_buffer_size"], status["logs_count"]) == (0, 3)


def test_sync_sends_and_deletes(logging_machine: Machine) -> None:
    inspect(logging_machine, 2)
    contents = [path.read_bytes() for path in logging_machine.logs()]
    with taking(201) as taker:
        status, answer = logging_machine.ask("POST", "/api/logs/sync", {"django_url": taker.url})
    assert (status, answer) == (200, {"success": True, "uploaded": 2, "failed": 0, "remaining": 0, "before": 2})
    assert [parts["file"][1] for _, parts in taker.uploads] == contents
    assert {parts["machine_id"][1] for _, parts in taker.uploads} == {b"vm_001"}
    assert logging_machine.logs() == []


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "no address"])
def test_sync_without_an_address_uses_the_machines_own(logging_machine: Machine, body: Any) -> None:
    inspect(logging_machine)
    status, answer = logging_machine.ask("POST", "/api/logs/sync", body)
    assert (status, answer) == (200, {"success": True, "uploaded": 0, "failed": 1, "remaining": 1, "before": 1})


def test_sync_to_something_else_than_http_is_refused(logging_machine: Machine) -> None:
    status, answer = logging_machine.ask("POST", "/api/logs/sync", {"django_url": "file:///etc/passwd"})
    assert (status, answer["success"]) == (500, False)


def test_sync_without_any_address_is_400(tmp_path: Path, until: Callable[..., object]) -> None:
    alone = new_machine(tmp_path, "--insecure-legacy", until=until)
    place = alone._command.index("--django-url")
    alone._command[place + 1] = ""
    alone.data.joinpath("vm_config.json").unlink()
    try:
        alone.start()
        status, answer = alone.ask("POST", "/api/logs/sync", {})
    finally:
        alone.close()
    assert (status, answer["success"]) == (400, False)
