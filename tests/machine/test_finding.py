"""Cameras found and asked by a machine that is told to: its own network, its own secrets, and nothing of them in what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analyticlens.machine import addresses, login
from analyticlens.machine.station import Station
from analyticlens.protocol.discovery import CameraLookup, Discovery
from tests.machine.conftest import MakeStation
from tests.machine.door import TOKEN, FakeDoor, answers
from tests.machine.test_looking import told
from tests.peers import far

Until = Callable[..., Any]
SECRETS = {"source_user": "ana", "source_password": "canary <p&ss>"}


@pytest.fixture
def linked(make_station: MakeStation, door: FakeDoor, tmp_path: Path) -> Station:
    """Return a station that has its token."""
    (tmp_path / "door_token").write_text(TOKEN)
    station: Station = make_station(django_url=door.url)
    return station


@pytest.fixture
def there(peer: Callable[[str], Path]) -> Iterator[str]:
    """Return the address of a camera in another network, which wants a password and whose clock is a day ahead."""
    ip = peer("iproute2")
    if not far.possible():
        pytest.skip("networks of one's own are root's to make")
    options = ("--user", SECRETS["source_user"], "--password", SECRETS["source_password"], "--ahead", "86400")
    with far.far_camera(ip, *options) as (_here, there):
        yield there


def test_a_camera_in_another_network_is_found_and_asked(
    there: str, linked: Station, door: FakeDoor, until: Until, capfd: pytest.CaptureFixture[str]
) -> None:
    door.secrets = SECRETS
    report = told(door, until, "discover", {"seconds": 2})
    assert report.state == "done", report.message
    found = Discovery.model_validate(report.result)
    (camera,) = [one for one in found.cameras if one.host == there]
    assert (camera.name, camera.address) == ("Press camera", f"http://{there}:80/onvif/device_service")

    report = told(door, until, "camera_lookup", {"address": camera.address}, number=8)
    assert report.state == "done", report.message
    said = CameraLookup.model_validate(report.result)
    assert said.profiles[0].stream == f"rtsp://{there}:554/stream?profile=4"
    assert said.clock_offset == pytest.approx(86_400, abs=60)

    door.secrets = {"source_user": "ana", "source_password": "another canary"}
    report = told(door, until, "camera_lookup", {"address": there}, number=9)
    assert (report.state, report.message) == ("failed", f"{there} refuses this user and password")
    door.secrets = {}
    report = told(door, until, "camera_lookup", {"address": there}, number=10)
    assert report.message == f"{there} wants a user and a password, and none is set"
    assert not [call for call in door.calls if b"canary" in call.body]
    assert "canary" not in "".join(capfd.readouterr())
    files = [path for path in linked.settings.data.rglob("*") if path.is_file() and path.name != login.FILE]
    assert not [path for path in files if b"canary" in path.read_bytes()]

    (linked.settings.data / addresses.FILE).write_text("10.99.0.0/16\n")
    report = told(door, until, "camera_lookup", {"address": there}, number=11)
    assert report.message == f"{there}:80 is not among the cameras this machine may reach"


@pytest.mark.parametrize(
    ("kind", "args", "state", "sentence"),
    [
        ("discover", {"seconds": 3600}, "refused", "seconds"),
        ("discover", {"interface": "eth0"}, "refused", "interface"),
        ("camera_lookup", {}, "refused", "address"),
        ("camera_lookup", {"address": "10.0.0.1", "password": "canary"}, "refused", "password"),
        (
            "camera_lookup",
            {"address": "127.0.0.1"},
            "failed",
            "127.0.0.1:80 is not among the cameras this machine may reach",
        ),
        ("camera_lookup", {"address": "ana:canary@10.0.0.1"}, "failed", "leave user name and password out"),
    ],
)
def test_what_is_refused(
    linked: Station, door: FakeDoor, until: Until, kind: str, args: dict[str, Any], state: str, sentence: str
) -> None:
    report = told(door, until, kind, args)
    assert report.state == state
    assert sentence in report.message
    assert "canary" not in report.message


def test_where_the_secrets_cannot_be_had_nobody_is_asked(linked: Station, door: FakeDoor, until: Until) -> None:
    door.faults.add("secrets", *[answers(503)] * 50)
    report = told(door, until, "camera_lookup", {"address": "10.0.0.1"})
    assert report.state == "failed"
    assert report.message.startswith("the camera's user could not be asked for")
