"""Who may use the old wire: the local token, or with --insecure-legacy anyone who is not somebody else's web page."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import socketio

from analyticlens.machine.oldwire.guard import Guard, local_token
from analyticlens.machine.station import StationSettings
from tests.legacy.driver import Machine, lets_in, listening

ROUTES = [
    ("GET", "/api/status"),
    ("POST", "/api/control"),
    ("GET", "/api/source_config"),
    ("PUT", "/api/source_config"),
    ("GET", "/api/trigger_config"),
    ("PUT", "/api/trigger_config"),
    ("GET", "/api/inspection_config"),
    ("PUT", "/api/inspection_config"),
    ("GET", "/api/logging_config"),
    ("PUT", "/api/logging_config"),
    ("GET", "/api/error"),
    ("POST", "/api/error"),
    ("DELETE", "/api/error"),
    ("POST", "/api/logs/sync"),
]


def guard(tmp_path: Path, *, host: str = "127.0.0.1", listed: tuple[str, ...] = ()) -> Guard:
    """Return the guard of an insecure machine."""
    settings = StationSettings(
        machine_id="vm_001",
        data=tmp_path,
        config_file=tmp_path / "vm_config.json",
        insecure_legacy=True,
        host=host,
        allowed_hosts=listed,
    )
    return Guard(settings)


def test_the_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    token = local_token(tmp_path)
    assert len(token) >= 32
    assert local_token(tmp_path) == token
    assert os.stat(tmp_path / "local_token").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("token", [None, "", "x", b"bytes", "é", 5, ["x"]])
def test_no_other_token_fits(tmp_path: Path, token: object) -> None:
    assert not guard(tmp_path).token_fits(token)
    assert guard(tmp_path).token_fits(local_token(tmp_path))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:5000",
        "localhost",
        "LOCALHOST:1",
        "[::1]:5000",
        "127.9.9.9",
        "lens.factory:5000",
        socket.gethostname(),
    ],
)
def test_hosts_the_machine_goes_by(tmp_path: Path, host: str) -> None:
    assert guard(tmp_path, listed=("lens.factory",)).host_known(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "8.8.8.8",
        "",
        "0.0.0.0",
        "127.0.0.1.evil.example",
        "[::1",
        "a@localhost@b",
    ],
)
def test_hosts_of_somebody_else(tmp_path: Path, host: str) -> None:
    assert not guard(tmp_path, host="0.0.0.0", listed=("lens.factory",)).host_known(host)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://127.0.0.1:5000", True),
        ("http://lens.factory:8000", True),
        ("https://127.0.0.1:5000", False),
        ("http://127.0.0.1:5001", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins(tmp_path: Path, origin: str | None, allowed: bool) -> None:
    environ = {"wsgi.url_scheme": "http", "HTTP_HOST": "127.0.0.1:5000"}
    assert guard(tmp_path, listed=("lens.factory",)).origin_allowed(origin, environ) is allowed


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}], ids=str)
def test_every_route_wants_the_token(guarded_machine: Machine, method: str, path: str, header: dict[str, str]) -> None:
    answer = guarded_machine.client.request(method, path, headers=header, json={} if method != "GET" else None)
    assert answer.status_code == 401
    assert answer.json()["success"] is False


def test_the_token_opens_the_routes(guarded_machine: Machine) -> None:
    header = {"Authorization": f"Bearer {guarded_machine.token}"}
    assert guarded_machine.client.get("/api/status", headers=header).json()["machine_id"] == "vm_001"
    body = {"command": "stop_inspection", "params": {}}
    assert guarded_machine.client.post("/api/control", headers=header, json=body).json() == {"success": True}


NOT_THE_TOKEN = [None, {}, {"token": "wrong"}, {"token": 5}, "token", ["token"]]


@pytest.mark.parametrize("auth", NOT_THE_TOKEN, ids=str)
def test_socketio_wants_the_token(guarded_machine: Machine, auth: Any) -> None:
    assert not lets_in(guarded_machine, auth=auth)


@pytest.mark.parametrize("auth", NOT_THE_TOKEN[:3], ids=str)
def test_a_websocket_wants_the_token(guarded_machine: Machine, auth: Any) -> None:
    assert not connects(guarded_machine, auth=auth)


def test_the_token_opens_socketio(guarded_machine: Machine) -> None:
    assert lets_in(guarded_machine, auth={"token": guarded_machine.token})
    assert lets_in(guarded_machine, headers={"Authorization": f"Bearer {guarded_machine.token}"})


@pytest.mark.parametrize("transports", [["websocket"], ["polling", "websocket"]], ids=str)
def test_the_token_opens_a_websocket(guarded_machine: Machine, transports: list[str]) -> None:
    with listening(guarded_machine, transports=transports, auth={"token": guarded_machine.token}) as listener:
        assert listener.wait("connected")[0]["machine_id"] == "vm_001"


def connects(machine: Machine, *, auth: Any = None, headers: dict[str, str] | None = None) -> bool:
    """Return whether the machine lets a client in over WebSocket alone. Such a client says the machine's own Origin by itself."""
    named = {name.lower(): value for name, value in (headers or {}).items()}
    client = socketio.Client(reconnection=False, websocket_extra_options=named)
    try:
        client.connect(machine.url, transports=["websocket"], auth=auth, wait_timeout=5)
    except socketio.exceptions.ConnectionError:
        return False
    client.eio.disconnect(abort=True)
    return True


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_foreign_host_name_is_refused_even_without_a_token(
    anonymous_machine: Machine, method: str, path: str
) -> None:
    body: dict[str, Any] | None = {} if method != "GET" else None
    answer = anonymous_machine.client.request(method, path, headers={"Host": "evil.example"}, json=body)
    assert answer.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_must_say_it_is_json(anonymous_machine: Machine, kind: str) -> None:
    body = b'{"command": "start_inspection", "params": {}}'
    answer = anonymous_machine.client.post("/api/control", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert anonymous_machine.get("/api/status")["status"] != "running"


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] != "GET"])
def test_a_page_of_another_origin_may_not_write(anonymous_machine: Machine, method: str, path: str) -> None:
    answer = anonymous_machine.client.request(method, path, json={}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_a_write_without_body_from_another_origin_is_refused(anonymous_machine: Machine) -> None:
    answer = anonymous_machine.client.post("/api/logs/sync", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_the_machines_own_page_may_write(anonymous_machine: Machine) -> None:
    body = {"command": "stop_inspection", "params": {}}
    answer = anonymous_machine.client.post("/api/control", json=body, headers={"Origin": anonymous_machine.url})
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}], ids=str)
def test_socketio_of_somebody_elses_page_is_refused(anonymous_machine: Machine, headers: dict[str, str]) -> None:
    assert not lets_in(anonymous_machine, headers=headers)
    assert not connects(anonymous_machine, headers=headers)


def test_socketio_of_the_machines_own_page_is_served(anonymous_machine: Machine) -> None:
    own = {"Origin": anonymous_machine.url}
    assert lets_in(anonymous_machine, headers=own)
    assert connects(anonymous_machine, headers=own)


def test_an_open_machine_says_so_in_its_log(anonymous_machine: Machine) -> None:
    assert "insecure-legacy" in anonymous_machine.log.read_text()


def test_an_open_machine_says_so_on_its_page(anonymous_machine: Machine) -> None:
    page = anonymous_machine.client.get("/").text
    assert "insecure-legacy" in page
