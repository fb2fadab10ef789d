"""The machine's own methods and what its row refuses."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import ProtectedError

from analyticlens.protocol.words import STATUSES
from api.models import VirtualMachine
from tests.rows import make_machine, make_tool, make_user

pytestmark = pytest.mark.django_db


def test_defaults() -> None:
    machine = make_machine()
    machine.refresh_from_db()
    assert (machine.status, machine.mode, machine.connection_status) == ("stopped", "TESTE", "disconnected")
    assert (machine.port, machine.source_type, machine.camera_id) == (5000, "camera", 0)
    assert (machine.resolution_width, machine.resolution_height, machine.fps) == (752, 480, 30)
    assert (machine.trigger_type, machine.trigger_interval_ms) == ("continuous", 1000)
    assert machine.inspection_config == {}
    assert machine.is_active
    assert (machine.description, machine.ip_address, machine.folder_path, machine.rtsp_url) == ("", None, "", "")
    assert (machine.error_message, machine.last_heartbeat) == ("", None)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("connection", ["connected", "disconnected", "connecting", "error"])
def test_what_is_possible_follows_from_status_and_connection(status: str, connection: str) -> None:
    machine = VirtualMachine(status=status, connection_status=connection)
    connected = connection == "connected"
    assert machine.is_connected() == connected
    assert machine.is_running() == (status == "running")
    assert machine.can_start() == (connected and status in {"stopped", "error"})
    assert machine.can_stop() == (status == "running")
    assert machine.can_restart() == (connected and status in {"running", "error"})


@pytest.mark.parametrize("machine_id", ["", "-a", ".a", "a b", "a/b", "ä", "a\n", "a" * 51, "../a", "<b>"])
def test_a_hostile_machine_id_is_refused(machine_id: str) -> None:
    with pytest.raises(ValidationError):
        make_machine(machine_id or " ")
    with pytest.raises(ValidationError):
        VirtualMachine.objects.create(machine_id=machine_id, name="m", owner=make_user(), django_url="http://o:8000")


def test_the_longest_machine_id_is_taken() -> None:
    assert make_machine("A" + "0_.-" * 12 + "z").pk


def test_a_machine_id_is_one_machines() -> None:
    make_machine("vm_1")
    with pytest.raises(IntegrityError):
        make_machine("vm_1")


@pytest.mark.parametrize(
    "url", ["http://orchestrator:8000", "https://a.example/x", "http://[::1]:8000", "http://localhost"]
)
def test_an_orchestrators_address_may_lack_a_dot(url: str) -> None:
    assert make_machine(django_url=url).django_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "orchestrator:8000",
        "ftp://host",
        "http://",
        "http://host:port",
        "javascript:alert(1)",
        "http://a b",
        "http://a\n",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        make_machine(django_url=url)


def test_a_stream_address_is_taken() -> None:
    machine = make_machine(source_type="rtsp", rtsp_url="rtsp://camera-3:554/stream?profile=1")
    assert machine.get_source_config()["rtsp_url"] == "rtsp://camera-3:554/stream?profile=1"


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://user:secret@camera/stream",
        "rtsp://user@camera/stream",
        "http://:p@camera",
        "rtsp://camera/live?channel=1&User=a&password=secret",
        "http://camera/video?p%77d=secret",
        "http://camera/video?a=1;passwd=secret",
    ],
)
def test_a_password_in_a_stream_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        make_machine(rtsp_url=url)
    assert "secret" not in str(refusal.value.messages)
    assert not VirtualMachine.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"fps": 0},
        {"fps": 121},
        {"trigger_interval_ms": 99},
        {"source_type": "webcam"},
        {"trigger_type": "trigger"},
        {"mode": "RUN"},
        {"status": "idle"},
        {"port": 0},
        {"port": 65536},
        {"resolution_width": 0},
        {"name": ""},
        {"inspection_config": [1]},
        {"inspection_config": {"a": float("nan")}},
    ],
)
def test_a_value_no_machine_could_have_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make_machine(**values)


def test_an_owner_of_machines_stays() -> None:
    owner = make_user()
    make_machine(owner=owner)
    with pytest.raises(ProtectedError):
        owner.delete()


def test_the_source_in_the_seeds_words() -> None:
    machine = make_machine(
        source_type="pasta", folder_path="coins", camera_id=2, resolution_width=640, resolution_height=480
    )
    assert machine.get_source_config() == {
        "type": "pasta",
        "camera_id": 2,
        "resolution": [640, 480],
        "fps": 30,
        "folder_path": "coins",
        "rtsp_url": "",
    }
    assert machine.get_resolution_display() == "640x480"


def test_the_trigger_in_the_seeds_words() -> None:
    machine = make_machine(trigger_type="scheduled", trigger_interval_ms=250)
    assert machine.get_trigger_config() == {"type": "scheduled", "interval_ms": 250}


def test_the_full_configuration_is_in_the_installed_machines_words() -> None:
    machine = make_machine(
        "vm_7",
        status="offline",
        mode="PRODUCAO",
        source_type="rtsp",
        trigger_type="external",
        error_message="no picture",
    )
    config = machine.get_full_config()
    assert config["machine_id"] == "vm_7"
    assert config["django_url"] == "http://orchestrator:8000"
    assert (config["status"], config["mode"], config["connection_status"]) == ("idle", "RUN", "disconnected")
    assert config["source_config"]["type"] == "camera_IP"
    assert config["trigger_config"] == {"type": "trigger", "interval_ms": 1000}
    assert config["inspection_config"] == {}
    assert config["error_msg"] == "no picture"
    assert config["last_saved"] == machine.updated_at.isoformat()


def test_tool_rows_win_over_stored_tools() -> None:
    machine = make_machine(inspection_config={"tools": [{"id": 9, "name": "old", "type": "grayscale"}], "note": "kept"})
    assert [tool["name"] for tool in machine.get_full_config()["inspection_config"]["tools"]] == ["old"]
    make_tool(machine, "Count")
    make_tool(machine, "Off", is_active=False)
    inspection = machine.get_full_config()["inspection_config"]
    assert [tool["name"] for tool in inspection["tools"]] == ["Count"]
    assert inspection["note"] == "kept"


def test_where_all_rows_are_off_there_is_no_tool() -> None:
    machine = make_machine(inspection_config={"tools": [{"id": 9, "name": "old", "type": "grayscale"}]})
    make_tool(machine, is_active=False)
    assert machine.get_full_config()["inspection_config"]["tools"] == []
