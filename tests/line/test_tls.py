"""`analyticlens up --tls`: pages and machines over TLS, from a code to the first verdict."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from email.message import Message
from pathlib import Path

import pytest

from analyticlens.protocol.fingerprint import parted
from tests.line.line import START_SECONDS, Up, free_port

pytestmark = [pytest.mark.xdist_group("tls"), pytest.mark.timeout(900)]
Until = Callable[..., object]


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Up]:
    """An orchestrator over TLS, with the demonstration line."""
    started = Up(tmp_path_factory.mktemp("tls") / "data", free_port(), "--tls")
    try:
        until(lambda: started.ready, START_SECONDS)
        yield started
    finally:
        started.end()


def asked(up: Up, address: str) -> tuple[int, Message]:
    """Ask the way a browser does that knows the authority; return status and headers."""
    context = ssl.create_default_context(cafile=str(up.data / "tls" / "authority.pem"))
    with closing(http.client.HTTPSConnection("127.0.0.1", up.port, timeout=20, context=context)) as connection:
        connection.request("GET", address)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers


def test_pages_are_served_to_who_knows_the_authority_and_cookies_are_strict(secure: Up) -> None:
    status, headers = asked(secure, "/login/")
    cookies = headers.get_all("Set-Cookie") or []
    assert status == 200
    assert any(cookie.startswith("__Host-al_csrf=") and "Secure" in cookie for cookie in cookies)
    assert headers["Strict-Transport-Security"] is None
    said = "\n".join(secure.said)
    assert f"AnalyticLens is at https://127.0.0.1:{secure.port}/" in said
    assert str(secure.data / "tls" / "authority.pem") in said


def test_who_speaks_no_tls_is_not_answered(secure: Up) -> None:
    with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not plain.recv(4096).startswith(b"HTTP/1.1 2")


def test_the_demonstration_line_judges_over_tls(secure: Up, until: Until) -> None:
    until(lambda: len(secure.running()) == 3 and len(secure.rows("SELECT id FROM results_inspectionresult")) > 5, 180)


def test_a_new_computer_becomes_a_machine_by_the_one_string(secure: Up, tmp_path: Path, until: Until) -> None:
    manage = [sys.executable, "-m", "analyticlens", "manage", "add_machine", "vm_new", "--qr"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AL_", "DJANGO_"))}
    told = subprocess.run(
        manage,
        env=environment | {"AL_DATA": str(secure.data), "AL_PORT": str(secure.port)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    string = next(line.partition(": ")[2] for line in told.splitlines() if line.startswith("enrolment code"))
    assert f"https://127.0.0.1:{secure.port}" in told
    assert "█" in told
    code, fingerprint = parted(string)
    words = ["machine", "--machine-id", "vm_new", "--django-url", f"https://127.0.0.1:{secure.port}"]
    words += ["--data", str(tmp_path / "vm"), "--port", str(free_port())]
    # A code that was made for another server is told to nobody.
    wrong = f"{code}.{'A' * len(fingerprint)}"
    for carried, connected in ((wrong, False), (string, True)):
        machine = subprocess.Popen(
            [sys.executable, "-m", "analyticlens", *words],
            env=environment | {"AL_MACHINE_ENROL": carried},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert machine.stderr is not None
        try:
            if connected:
                until(lambda: "vm_new" in connected_machines(secure), 90)
                assert (tmp_path / "vm" / "authority.pem").read_bytes() == (
                    secure.data / "tls" / "authority.pem"
                ).read_bytes()
            else:
                assert any('"not_trusted"' in line for line in machine.stderr)
                assert secure.rows("SELECT tries FROM edge_enrolmentcode ORDER BY id DESC LIMIT 1") == [(0,)]
        finally:
            machine.terminate()
            machine.communicate(timeout=60)


def connected_machines(up: Up) -> set[str]:
    rows = up.rows("SELECT machine_id FROM api_virtualmachine WHERE connection_status = 'connected'")
    return {machine_id for (machine_id,) in rows}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--host", "0.0.0.0"], "without TLS passwords travel readable"),
        (["--tls-cert", "no-such.pem", "--tls-key", "no-such.key"], "there is no file"),
    ],
)
def test_others_are_not_let_in_without_tls_by_accident(tmp_path: Path, options: list[str], sentence: str) -> None:
    refused = Up(tmp_path / "data", free_port(), *options)
    assert refused.process.wait(90) == 1
    assert sentence in "\n".join(refused.said)
    refused.end()
