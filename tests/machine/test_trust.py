"""Whom a machine believes, and to whom it never says its code."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine

from analyticlens.machine import clock
from analyticlens.machine.link.door import Door, DoorDown
from analyticlens.machine.link.trust import NotTrusted, believed, is_plain, learn
from analyticlens.protocol.fingerprint import fingerprint_of
from analyticlens.up.authority import Certificates, certificates

Serve = Callable[..., str]


class Server(ThreadingHTTPServer):
    """Answers with its authority's certificate and notes what is asked."""

    daemon_threads = True
    shown = b""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a broken handshake is what half of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.shown)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served() -> Iterator[Callable[[Certificates, Path], Server]]:
    """Start servers that speak TLS with a certificate, and show an authority."""
    running = []

    def serve(files: Certificates, shows: Path) -> Server:
        server = Server()
        server.shown = shows.read_bytes()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return server

    yield serve
    for server in running:
        server.shutdown()
        server.server_close()


def url_of(server: Server, host: str = "127.0.0.1") -> str:
    return f"https://{host}:{server.server_address[1]}"


def call(url: str, path: Path) -> str:
    """Make a call that checks whom it speaks with; return "answered" or why not."""
    door = Door(url, verify=believed(url, path))
    try:
        door.call("GET", "anything")
    except DoorDown as down:
        return str(down)
    finally:
        door.close()
    return "answered"


def test_a_machine_learns_the_authority_its_code_names_and_believes_it_alone(tmp_path: Path, served: Any) -> None:
    ours, theirs = (certificates(tmp_path / name, []) for name in ("ours", "theirs"))
    server, other = served(ours, ours.authority), served(theirs, theirs.authority)
    kept = tmp_path / "authority.pem"
    learn(url_of(server), fingerprint_of(ours.authority.read_text()), kept)
    assert kept.read_bytes() == ours.authority.read_bytes()
    assert "answered 200" in call(url_of(server), kept)
    assert "CERTIFICATE_VERIFY_FAILED" in call(url_of(other), kept)
    assert other.asked == []


def test_who_stands_in_between_is_not_believed(tmp_path: Path, served: Any) -> None:
    ours, theirs = (certificates(tmp_path / name, []) for name in ("ours", "theirs"))
    fingerprint, kept = fingerprint_of(ours.authority.read_text()), tmp_path / "authority.pem"
    with pytest.raises(NotTrusted, match="another authority"):
        learn(url_of(served(theirs, theirs.authority)), fingerprint, kept)
    assert not kept.exists()
    # It may show our certificate, which is no secret, but cannot speak with our key.
    copier = served(theirs, ours.authority)
    learn(url_of(copier), fingerprint, kept)
    copier.asked.clear()
    assert "CERTIFICATE_VERIFY_FAILED" in call(url_of(copier), kept)
    assert copier.asked == []


def test_what_is_no_certificate_is_not_kept(tmp_path: Path, served: Any) -> None:
    ours = certificates(tmp_path / "ours", [])
    nothing = tmp_path / "nothing"
    nothing.write_text("hello")
    with pytest.raises(NotTrusted, match="does not show"):
        learn(url_of(served(ours, nothing)), "A" * 52, tmp_path / "authority.pem")
    with pytest.raises(DoorDown):
        learn("https://127.0.0.1:9", "A" * 52, tmp_path / "authority.pem")


def test_a_server_of_another_name_is_not_believed(tmp_path: Path, served: Any) -> None:
    ours = certificates(tmp_path / "ours", [])
    server = served(ours, ours.authority)
    assert "answered 200" in call(url_of(server, "localhost"), ours.authority)
    assert call(url_of(server, "127.0.0.2"), ours.authority) != "answered"
    assert server.asked.count("/edge/v1/anything") == 1


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://lens.plant:8000", True),
        ("http://10.0.0.4", True),
        ("https://lens.plant", False),
        ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False),
        ("http://[::1]:8000", False),
    ],
)
def test_plain_is_what_others_can_read(url: str, plain: bool) -> None:
    assert is_plain(url) is plain


def test_certificates_are_made_once_and_keys_are_for_their_owner(tmp_path: Path) -> None:
    first = certificates(tmp_path / "tls", ["lens.plant"])
    before = [path.read_bytes() for path in (first.certificate, first.key, first.authority)]
    again = certificates(tmp_path / "tls", ["lens.plant"])
    assert [path.read_bytes() for path in (again.certificate, again.key, again.authority)] == before
    for key in ("server.key", "authority.key"):
        assert (tmp_path / "tls" / key).stat().st_mode & 0o777 == 0o600


def test_a_new_name_or_age_makes_a_new_certificate_of_the_same_authority(tmp_path: Path) -> None:
    first = certificates(tmp_path / "tls", [])
    authority, certificate = first.authority.read_bytes(), first.certificate.read_bytes()
    named = certificates(tmp_path / "tls", ["lens.plant", "10.1.2.3"])
    assert named.authority.read_bytes() == authority
    assert named.certificate.read_bytes() != certificate
    certificate = named.certificate.read_bytes()
    with time_machine.travel(clock.wall() + timedelta(days=300), tick=False):
        certificates(tmp_path / "tls", ["lens.plant", "10.1.2.3"])
        assert named.certificate.read_bytes() == certificate
    with time_machine.travel(clock.wall() + timedelta(days=340), tick=False):
        certificates(tmp_path / "tls", ["lens.plant", "10.1.2.3"])
    assert named.certificate.read_bytes() != certificate
    assert named.authority.read_bytes() == authority
