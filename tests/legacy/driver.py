"""A vision machine as its own process, driven as an old client would: HTTP, Socket.IO, files."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx2
import numpy as np
import socketio

WIDTH, HEIGHT = 752, 480
PLATE = 244 * 210
NOBODY = "http://127.0.0.1:9"

GREY: dict[str, Any] = {
    "id": 1,
    "name": "cinza",
    "type": "grayscale",
    "ROI": {"x": 0, "y": 0, "w": WIDTH, "h": HEIGHT},
    "method": "luminance",
    "normalize": False,
    "inspec_pass_fail": False,
}
BLOB: dict[str, Any] = {
    "id": 2,
    "name": "placa",
    "type": "blob",
    "ROI": {"shape": "rect", "rect": {"x": 0, "y": 0, "w": WIDTH, "h": HEIGHT}},
    "th_min": 60,
    "th_max": 255,
    "area_min": 100,
    "area_max": 100000,
    "total_area_test": True,
    "blob_count_test": True,
    "test_total_area_min": 50000,
    "test_total_area_max": 51000,
    "test_blob_count_min": 1,
    "test_blob_count_max": 1,
    "inspec_pass_fail": True,
}
RATIO: dict[str, Any] = {
    "id": 3,
    "name": "razao",
    "type": "math",
    "ROI": {"x": 0, "y": 0, "w": WIDTH, "h": HEIGHT},
    "operation": "area_ratio",
    "reference_tool_id": 2,
    "inspec_pass_fail": False,
}
TOOLS = [GREY, BLOB, RATIO]
# The same station with a wider limit: it approves the plate.
GOOD_TOOLS = [GREY, {**BLOB, "test_total_area_max": 52000}, RATIO]

SOURCE: dict[str, Any] = {
    "type": "pasta",
    "camera_id": 0,
    "resolution": [640, 480],
    "fps": 30,
    "folder_path": "./test_images",
    "rtsp_url": "",
}
TRIGGER: dict[str, Any] = {"type": "continuous", "interval_ms": 500}
LOGGING: dict[str, Any] = {
    "enabled": False,
    "mode": "keep_last",
    "max_logs": 1000,
    "policy": "ALL",
    "batch_size": 20,
    "batch_ms": 500,
}


def draw_plates(folder: Path, count: int = 3) -> None:
    """Draw pictures of one bright plate of PLATE pixels on a dark ground, each at another place."""
    folder.mkdir(parents=True)
    for number in range(count):
        picture = np.full((HEIGHT, WIDTH, 3), 12, np.uint8)
        top = 37 + 60 * number
        picture[top : top + 210, 261 : 261 + 244] = 200
        cv2.imwrite(str(folder / f"plate-{number}.png"), picture)


def old_configuration(machine_id: str = "vm_001") -> dict[str, Any]:
    """Return a `vm_config.json` as an installed machine leaves it behind before anyone set tools."""
    return {
        "machine_id": machine_id,
        "django_url": NOBODY,
        "status": "idle",
        "mode": "TESTE",
        "connection_status": "disconnected",
        "inspection_config": {},
        "source_config": SOURCE,
        "trigger_config": TRIGGER,
        "logging": LOGGING,
        "error_msg": "",
        "websocket_update_RUN_mode": 1.0,
        "last_saved": "2026-11-22T11:12:52.014394",
    }


def free_port() -> int:
    """Return a TCP port that is free on loopback now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Machine:
    """One machine process and the old client's hands on it."""

    def __init__(self, data: Path, *arguments: str, until: Callable[..., object]) -> None:
        self.data = data
        self.until = until
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / f"{data.name}.log"
        self._command = [sys.executable, "-m", "analyticlens", "machine", "--machine-id", "vm_001", "--data", str(data)]
        self._command += ["--config-file", str(data / "vm_config.json"), "--django-url", NOBODY]
        self._command += ["--port", str(self.port), *arguments]
        # Each request on a connection of its own, as old scripts do: one kept open may be closed just when it is used.
        alone = httpx2.Limits(max_keepalive_connections=0)
        self.client = httpx2.Client(base_url=self.url, timeout=30, trust_env=False, limits=alone)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it answers; what it printed is shown when it does not."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        self.until(self._answers, 60)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.client.get("/api/status").status_code in (200, 401)
        except httpx2.TransportError:
            return False

    def stop(self) -> None:
        """End the process as a service manager would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.process = None

    def close(self) -> None:
        """End process and client."""
        self.client.close()
        self.stop()

    @property
    def token(self) -> str:
        """The machine's local token, as whoever may read its data folder finds it."""
        return (self.data / "local_token").read_text().strip()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send one request with a JSON body; return status and JSON answer."""
        answer = self.client.request(method, path, json=body) if body is not None else self.client.request(method, path)
        return answer.status_code, answer.json()

    def get(self, path: str) -> Any:
        """Return the JSON of a read that must succeed."""
        status, body = self.ask("GET", path)
        assert status == 200, body
        return body

    def put(self, path: str, body: Any) -> None:
        """Write a configuration that must be taken."""
        status, answer = self.ask("PUT", path, body)
        assert (status, answer) == (200, {"success": True})

    def command(self, command: str, params: Any = None) -> tuple[int, Any]:
        """Send one command; return status and JSON answer."""
        return self.ask("POST", "/api/control", {"command": command, "params": {} if params is None else params})

    def do(self, command: str, params: Any = None) -> dict[str, Any]:
        """Send one command that must succeed; return its answer."""
        status, answer = self.command(command, params)
        assert status == 200, answer
        assert answer["success"] is True
        return dict(answer)

    def reset(self) -> None:
        """Bring the machine back to where every test begins: stopped, TESTE, three tools, pictures, no logs, no error."""
        status = self.get("/api/status")
        if status["status"] != "idle":
            self.do("stop_inspection")
        if status["source_config"] != SOURCE or status["status"] == "error" or not status["source_available"]:
            self.put("/api/source_config", SOURCE)
        if status["trigger_config"] != TRIGGER:
            self.put("/api/trigger_config", TRIGGER)
        if status["logging_config"] != LOGGING:
            self.put("/api/logging_config", LOGGING)
        if self.get("/api/inspection_config") != {"tools": TOOLS}:
            self.put("/api/inspection_config", {"tools": TOOLS})
        if status["mode"] != "TESTE":
            self.do("change_mode", {"mode": "TESTE"})
        self.do("clear_logs")

    def trigger_mode(self) -> None:
        """Let the machine wait for triggers, running."""
        self.put("/api/trigger_config", {"type": "trigger", "interval_ms": 500})
        self.do("start_inspection")

    def logs(self) -> list[Path]:
        """Return the result logs there are, oldest first."""
        return sorted((self.data / "logs").glob("*.alog"))


class Listener:
    """A Socket.IO client that keeps what it hears."""

    def __init__(self, until: Callable[..., object]) -> None:
        self.client = socketio.Client(reconnection=False)
        self.heard: list[tuple[str, Any]] = []
        self._arrived: list[float] = []
        self._until = until
        self.client.on("*", self._keep)

    def _keep(self, name: str, *data: Any) -> None:
        self._arrived.append(time.monotonic())
        self.heard.append((name, data[0] if data else None))

    def named(self, name: str) -> list[Any]:
        """Return what came under this name so far."""
        return [data for event, data in list(self.heard) if event == name]

    def times(self, name: str) -> list[float]:
        """Return when they came, in seconds of the monotonic clock."""
        return [moment for moment, (event, _) in zip(self._arrived, list(self.heard), strict=False) if event == name]

    def wait(self, name: str, count: int = 1, seconds: float = 20) -> list[Any]:
        """Wait for so many events of this name and return them."""
        self._until(lambda: len(self.named(name)) >= count, seconds)
        return self.named(name)


@contextmanager
def listening(machine: Machine, **how: Any) -> Iterator[Listener]:
    """Connect a listener to a machine; `transports`, `headers` and `auth` say how."""
    listener = Listener(machine.until)
    listener.client.connect(machine.url, wait_timeout=10, **how)
    try:
        yield listener
    finally:
        # Without waiting for the end of a poll that is under way.
        listener.client.eio.disconnect(abort=True)


def lets_in(machine: Machine, *, auth: Any = None, headers: dict[str, str] | None = None) -> bool:
    """Ask for a Socket.IO connection by polling; return whether it was granted rather than refused."""
    address = "/socket.io/?EIO=4&transport=polling"
    opened = machine.client.get(address, headers=headers)
    if opened.status_code != 200:
        return False
    address += "&sid=" + json.loads(opened.text[1:])["sid"]
    machine.client.post(address, headers=headers, content="40" + ("" if auth is None else json.dumps(auth)))
    packets = machine.client.get(address, headers=headers).text.split("\x1e")
    assert any(packet.startswith(("40", "44")) for packet in packets), packets
    return any(packet.startswith("40") for packet in packets)


def new_machine(
    folder: Path, *arguments: str, until: Callable[..., object], configuration: dict[str, Any] | None = None
) -> Machine:
    """Return a machine, not yet started, with a data folder, pictures and an old machine's configuration file."""
    data = folder / "data"
    draw_plates(data / "test_images")
    (data / "vm_config.json").write_text(json.dumps(configuration or old_configuration()))
    return Machine(data, *arguments, until=until)
