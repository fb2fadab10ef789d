"""The specification's three examples, as written there, in a real shell on a fresh data folder with one user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MANAGE = Path(__file__).parents[2] / "src/analyticlens/orchestrator/manage.py"

CREATE_MACHINE = """
from api.models import VirtualMachine
from user.models import User

# Criar VM
vm = VirtualMachine.objects.create(
    machine_id="vm_002",
    name="VM de Teste 2",
    description="Segunda VM para testes",
    owner=User.objects.first(),
    django_url="http://localhost:8000",
    source_type="camera",
    camera_id=1,
    resolution_width=640,
    resolution_height=480,
    fps=30,
    trigger_type="continuous",
    trigger_interval_ms=500
)
"""
ADD_TOOL = """
from api.models import VMInspectionTool

tool = VMInspectionTool.objects.create(
    name="Filtro Grayscale",
    tool_type="grayscale",
    method="luminance",
    virtual_machine=vm,
    roi_config={
        "x": 0, "y": 0, "w": 640, "h": 480
    },
    tool_config={
        "threshold": 128,
        "normalize": False
    }
)
"""
RECORD_HEARTBEAT = """
from api.models import VMHeartbeat

heartbeat = VMHeartbeat.objects.create(
    virtual_machine=vm,
    status="running",
    connection_status="connected",
    performance_metrics={
        "cpu_usage": 45.2,
        "memory_usage": 67.8,
        "fps_current": 28
    }
)
"""
ASK = """
import json
told = {
    "is_connected": vm.is_connected(),
    "is_running": vm.is_running(),
    "can_start": vm.can_start(),
    "can_stop": vm.can_stop(),
    "can_restart": vm.can_restart(),
    "resolution": vm.get_resolution_display(),
    "source": vm.get_source_config(),
    "trigger": vm.get_trigger_config(),
    "full": vm.get_full_config(),
    "roi": tool.get_roi_display(),
}
again = VirtualMachine.objects.get(machine_id="vm_002")
told["stored"] = [again.status, again.connection_status, again.last_heartbeat == heartbeat.timestamp]
told["metrics"] = VMHeartbeat.objects.get().performance_metrics
print("TOLD " + json.dumps(told))
"""


def shell(data: Path, code: str) -> str:
    """Type code into `manage shell` on a data folder; return what it printed. Fails where anything went wrong in there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AL_", "DJANGO_"))}
    command = [sys.executable, str(MANAGE), "--data", str(data)]
    run = subprocess.run(
        [*command, "shell"], input=code, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr, run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder, migrated, with one user."""
    folder = tmp_path_factory.mktemp("data")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AL_", "DJANGO_"))}
    for words in (["migrate", "-v", "0"], ["ensure_admin", "--password-file", str(folder / "admin_password")]):
        command = [sys.executable, str(MANAGE), "--data", str(folder), *words]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=100)
    return folder


def test_the_examples_run_as_written_and_the_methods_give_what_they_state(data: Path) -> None:
    printed = shell(data, CREATE_MACHINE + ADD_TOOL + RECORD_HEARTBEAT + ASK)
    (line,) = [line for line in printed.splitlines() if line.startswith("TOLD ")]
    told = json.loads(line.removeprefix("TOLD "))
    assert (told["is_connected"], told["is_running"]) == (True, True)
    assert (told["can_start"], told["can_stop"], told["can_restart"]) == (False, True, True)
    assert told["resolution"] == "640x480"
    assert told["source"] == {
        "type": "camera",
        "camera_id": 1,
        "resolution": [640, 480],
        "fps": 30,
        "folder_path": "",
        "rtsp_url": "",
    }
    assert told["trigger"] == {"type": "continuous", "interval_ms": 500}
    assert told["roi"] == "(0, 0) - 640x480"
    assert told["stored"] == ["running", "connected", True]
    assert told["metrics"] == {"cpu_usage": 45.2, "memory_usage": 67.8, "fps_current": 28}
    full = told["full"]
    assert (full["machine_id"], full["status"], full["mode"]) == ("vm_002", "running", "TESTE")
    (tool,) = full["inspection_config"]["tools"]
    assert (tool["name"], tool["type"], tool["method"], tool["threshold"]) == (
        "Filtro Grayscale",
        "grayscale",
        "luminance",
        128,
    )
    assert tool["ROI"] == {"x": 0, "y": 0, "w": 640, "h": 480}
