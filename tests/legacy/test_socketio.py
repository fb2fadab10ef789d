"""The Socket.IO events: told to whoever connects, by polling, by upgrade and over WebSocket alone."""

from __future__ import annotations

import base64
import json
import socket
from contextlib import ExitStack
from datetime import datetime

import cv2
import numpy as np
import pytest

from analyticlens.machine.web import MOST_SOCKETS
from tests.legacy.driver import GOOD_TOOLS, PLATE, TOOLS, Machine, listening

TRANSPORTS = {"polling": ["polling"], "upgrade": ["polling", "websocket"], "websocket": ["websocket"]}


@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS)
def test_every_transport_carries_every_event(machine: Machine, transports: list[str]) -> None:
    machine.trigger_mode()
    with listening(machine, transports=transports) as listener:
        assert listener.client.transport() == transports[-1]
        assert listener.wait("connected") == [{"machine_id": "vm_001", "status": "running", "mode": "TESTE"}]
        listener.client.emit("request_status")
        (update,) = listener.wait("status_update")
        assert {key: update[key] for key in ("machine_id", "status", "mode")} == listener.named("connected")[0]
        datetime.fromisoformat(update["timestamp"])
        machine.do("trigger")
        assert listener.wait("test_result")[0]["reprovados"] >= 1


def test_a_test_result_has_every_field(machine: Machine) -> None:
    machine.trigger_mode()
    with listening(machine) as listener:
        machine.do("trigger")
        (result,) = listener.wait("test_result")
    assert result["frame"] == result["aprovados"] + result["reprovados"]
    assert result["time"].endswith("ms")
    assert float(result["time"].removesuffix("ms")) > 0
    assert result["tools"] == TOOLS
    assert [tool["tool_id"] for tool in result["result"]] == [1, 2, 3]
    datetime.strptime(result["timestamp"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  the old wire's time has no zone
    assert (result["source_type"], result["mode"], result["mime"]) == ("pasta", "TESTE", "image/jpeg")
    assert result["resolution"] == [752, 480]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(result["image_base64"]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape[:2] == (480, 752)


def test_the_blob_says_what_it_measured(machine: Machine) -> None:
    machine.trigger_mode()
    with listening(machine) as listener:
        machine.do("trigger")
        blob = listener.wait("test_result")[0]["result"][1]
    assert (blob["blob_count"], blob["total_area"], blob["roi_area"]) == (1, PLATE, 752 * 480)
    assert blob["blobs"][0]["bounding_box"][2:] == [244, 210]
    assert blob["test_results"]["total_area_test"] == {"passed": False, "min": 50000, "max": 51000, "actual": PLATE}
    assert blob["test_results"]["blob_count_test"]["passed"] is True
    assert (blob["test_results"]["overall_pass"], blob["pass_fail"]) == (False, False)


def test_approved_and_rejected_are_counted(machine: Machine) -> None:
    machine.trigger_mode()
    with listening(machine) as listener:
        machine.do("trigger")
        (bad,) = listener.wait("test_result", 1)
        machine.put("/api/inspection_config", {"tools": GOOD_TOOLS})
        machine.do("trigger")
        good = listener.wait("test_result", 2)[1]
    assert (good["aprovados"], good["reprovados"]) == (bad["aprovados"] + 1, bad["reprovados"])
    assert good["frame"] == bad["frame"] + 1


def test_teste_tells_each_inspection(machine: Machine) -> None:
    machine.put("/api/trigger_config", {"type": "continuous", "interval_ms": 100})
    with listening(machine) as listener:
        machine.do("start_inspection")
        # The client hands each message to a thread of its own, so two may change places here: what counts is that none is left out.
        first = min(result["frame"] for result in listener.wait("test_result", 8))
        machine.until(
            lambda: set(range(first, first + 8)) <= {result["frame"] for result in listener.named("test_result")}, 20
        )


def test_run_tells_at_most_one_a_second(machine: Machine) -> None:
    machine.put("/api/trigger_config", {"type": "continuous", "interval_ms": 100})
    machine.do("change_mode", {"mode": "RUN"})
    with listening(machine) as listener:
        machine.do("start_inspection")
        results = listener.wait("test_result", 4)
    # Three seconds lie between the first and the fourth by the machine's clock, however late a busy computer delivers them.
    made = [datetime.strptime(result["timestamp"], "%Y-%m-%d %H:%M:%S") for result in results]  # noqa: DTZ007  it has no zone
    assert (made[3] - made[0]).total_seconds() >= 2
    assert {result["mode"] for result in results} == {"RUN"}
    assert all(result["image_base64"] for result in results)


def test_a_tool_that_could_not_judge_did_not_pass(machine: Machine) -> None:
    outside = {**GOOD_TOOLS[1], "ROI": {"x": 700, "y": 400, "w": 100, "h": 100}}
    machine.put("/api/inspection_config", {"tools": [TOOLS[0], outside]})
    machine.trigger_mode()
    with listening(machine) as listener:
        machine.do("trigger")
        (result,) = listener.wait("test_result")
    blob = result["result"][1]
    assert (blob["status"], blob["pass_fail"]) == ("error", False)
    assert blob["error"]


def test_a_picture_that_cannot_be_read_counts_as_rejected(machine: Machine) -> None:
    (machine.data / "broken").mkdir(exist_ok=True)
    (machine.data / "broken" / "a.png").write_bytes(b"")
    machine.put("/api/inspection_config", {"tools": GOOD_TOOLS})
    machine.put("/api/source_config", {"folder_path": "./broken"})
    machine.trigger_mode()
    with listening(machine) as listener:
        machine.do("trigger")
        machine.do("trigger")
        first, second = listener.wait("test_result", 2)
    assert (second["aprovados"], second["reprovados"]) == (first["aprovados"], first["reprovados"] + 1)
    assert [tool["pass_fail"] for tool in first["result"]] == [None, False, None]


def test_a_client_that_stops_reading_is_told_no_more_and_holds_nobody_up(machine: Machine) -> None:
    address = "/socket.io/?EIO=4&transport=polling"
    address += "&sid=" + json.loads(machine.client.get(address).text[1:])["sid"]
    machine.client.post(address, content="40")
    machine.put("/api/trigger_config", {"type": "continuous", "interval_ms": 100})
    with listening(machine) as listener:
        machine.do("start_inspection")
        frames = [result["frame"] for result in listener.wait("test_result", 75, seconds=90)]
        machine.do("stop_inspection")
    assert frames[:75] == list(range(frames[0], frames[0] + 75))
    answer = machine.client.get(address)
    # A loaded computer may take so long that the silent client was dropped altogether.
    assert answer.status_code == 400 or 1 <= answer.text.count('42["test_result"') <= 64


def test_a_crowd_of_listeners_that_never_say_who_they_are_keeps_nobody_from_stopping(guarded_machine: Machine) -> None:
    """Each open WebSocket holds a thread of the server; some threads are never theirs."""
    host, port = "127.0.0.1", guarded_machine.port
    asking = (
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with ExitStack() as crowd:
        answers = []
        for _ in range(80):
            one = crowd.enter_context(socket.create_connection((host, port), timeout=20))
            one.sendall(asking.encode())
            answers.append(int(one.recv(100).split(b" ")[1]))
        assert answers.count(101) == MOST_SOCKETS
        assert answers.count(503) == 80 - MOST_SOCKETS
        bearer = {"Authorization": f"Bearer {guarded_machine.token}"}
        stopped = guarded_machine.client.post("/api/control", json={"command": "stop_inspection"}, headers=bearer)
        assert (stopped.status_code, stopped.json()["success"]) == (200, True)
