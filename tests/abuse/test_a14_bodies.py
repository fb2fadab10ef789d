"""A14: large, slow and lying bodies are refused in time, cost little memory, and keep nobody else waiting. All at a real server.

tests/config/test_body.py holds the gate itself, with its deadlines shortened; tests/edge/test_door.py malformed JSON at the door.
"""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import httpx2
import psutil
import pytest
import uvicorn

from config import heads
from config.body import MIB
from config.heads import HEAD_SECONDS, Hurried
from config.plain import Receive, Scope, Send, answer
from tests.abuse.conftest import Served

pytestmark = pytest.mark.xdist_group("abuse")
GIB = 1024 * MIB
JSON = b"Content-Type: application/json\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
MULTIPART = b"Content-Type: multipart/form-data; boundary=x\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'


def head(path: str, *lines: bytes, method: str = "POST") -> bytes:
    """Return a request's head."""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + b"".join(lines) + b"\r\n"


def whole(path: str, kind: bytes, body: bytes) -> bytes:
    """Return a request that says its length truly."""
    return head(path, kind, f"Content-Length: {len(body)}\r\n".encode()) + body


def chunked(path: str, kind: bytes, chunk: bytes, times: int) -> Iterator[bytes]:
    """Give a request whose length nobody is told."""
    yield head(path, kind, b"Transfer-Encoding: chunked\r\n")
    for _ in range(times):
        yield f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n"
    yield b"0\r\n\r\n"


def status(served: Served, parts: Iterator[bytes] | list[bytes], seconds: float = 60) -> int:
    """Send parts until they are through or an answer comes; return its status."""
    with socket.create_connection(("127.0.0.1", served.line.port), timeout=seconds) as line:
        try:
            for part in parts:
                line.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It was refused before all of it was sent, which is the point.
        try:
            said = line.recv(65536)
        except ConnectionResetError:
            return 0
        return int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP/1.1 ") else 0


ENROL, LOGIN, BATCH = "/edge/v1/enrol", "/login/", "/edge/v1/batches"
NEST = b"[" * 10_000 + b"]" * 10_000
REFUSED: dict[str, tuple[list[bytes], set[int]]] = {
    "1 GiB said": ([head(LOGIN, FORM, f"Content-Length: {GIB}\r\n".encode())], {413}),
    "1 GiB said at the door": ([head(BATCH, JSON, f"Content-Length: {GIB}\r\n".encode())], {413}),
    "more than any number": ([head(ENROL, JSON, b"Content-Length: " + b"9" * 30 + b"\r\n")], {400, 413}),
    "a length below nothing": ([head(ENROL, JSON, b"Content-Length: -5\r\n")], {400, 413}),
    "two lengths": ([head(ENROL, JSON, b"Content-Length: 2\r\nContent-Length: 9\r\n") + b"{}"], {400}),
    "a chunk that is none": ([head(ENROL, JSON, b"Transfer-Encoding: chunked\r\n") + b"zz\r\n{}\r\n"], {400}),
    "another coding": ([head(ENROL, JSON, b"Transfer-Encoding: gzip\r\n") + b"{}"], {400, 501}),
    "a million fields": ([whole(LOGIN, FORM, b"a=1&" * 1_000_000)], {400, 403}),
    "ten thousand parts": ([whole(LOGIN, MULTIPART, PART * 10_000 + b"--x--\r\n")], {400, 403}),
    "ten thousand lists in one another": ([whole(ENROL, JSON, NEST)], {400}),
    "a name twice": ([whole(ENROL, JSON, b'{"code": "a", "code": "b"}')], {400}),
    "no number": ([whole(ENROL, JSON, b'{"code": NaN}')], {400}),
    "more than a number": ([whole(ENROL, JSON, b'{"code": 1e999}')], {400}),
    "a squeezed body": ([whole(ENROL, JSON + b"Content-Encoding: gzip\r\n", gzip.compress(b" " * 10 * MIB))], {415}),
    "a head without end": ([b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * MIB], {400}),
    "a whole URL": ([b"GET http://localhost/login/ HTTP/1.1\r\nHost: localhost\r\n\r\n"], {400}),
    "a way through": ([b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n"], {400}),
    "a star": ([b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"], {400}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused(served: Served, kind: str) -> None:
    parts, statuses = REFUSED[kind]
    assert status(served, parts) in statuses


def test_what_comes_without_end_is_cut_off_and_costs_little(served: Served) -> None:
    web = psutil.Process(served.line.processes["web"].pid)
    before = web.memory_info().rss
    for path, kind in ((LOGIN, FORM), (ENROL, JSON), ("/edge/v1/images/" + "0" * 64, JSON)):
        # A refusal before the end closes the connection: an answer, or none that could be read any more.
        assert status(served, chunked(path, kind, b"a" * MIB, 120)) in {413, 0}
    grown = web.memory_info().rss - before
    print(f"A14: {grown / MIB:.0f} MiB more for 360 MiB sent")
    assert grown <= 64 * MIB


def test_slow_bodies_keep_nobody_else_waiting(served: Served) -> None:
    """Far more of them than there are threads; each would hold one for seconds if it held one at all."""
    with ExitStack() as kept, httpx2.Client(base_url=served.line.url, timeout=12) as quick:
        for number in range(60):
            line = kept.enter_context(socket.create_connection(("127.0.0.1", served.line.port), timeout=60))
            path, kind = ((LOGIN, FORM), (ENROL, JSON), (BATCH, JSON))[number % 3]
            line.sendall(head(path, kind, b"Content-Length: 60000\r\n") + b"{")
        took = []
        for _ in range(10):
            began = time.perf_counter()
            assert quick.get("/login/").status_code == 200
            took.append(time.perf_counter() - began)
    print(f"A14: beside 60 slow bodies the sign-in page took {max(took):.2f} s at most")


def test_the_server_said_nothing_of_a_fault(served: Served) -> None:
    """Read after everything above: what is refused is no error of ours."""
    log = served.line.processes["web"].log.read_text(errors="replace")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [line for line in lines if line.get("level") == "error" or "exception" in line] == []


def test_connections_on_which_nothing_is_asked_were_closed(served: Served) -> None:
    """Opened when the server began: one that says nothing, and one with half a head."""
    for line in (served.silent, served.half):
        line.settimeout(HEAD_SECONDS + 45)
        assert line.recv(1) == b""


class Running:
    """A server like ours around a tiny app, in a thread."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(_tiny, http=Hurried, ws="none", lifespan="off", log_config=None, timeout_keep_alive=30)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],), daemon=True)

    def __enter__(self) -> tuple[str, int]:
        self.thread.start()
        host, port = self.listener.getsockname()[:2]
        return host, port

    def __exit__(self, *_problem: object) -> None:
        self.server.should_exit = True
        self.thread.join(30)
        self.listener.close()


async def _tiny(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/long":
        await asyncio.sleep(3 * heads.HEAD_SECONDS)
    await answer(send, 413 if scope["path"] == "/early" else 200, {})


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """Where such a server listens, that waits half a second for a head."""
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.5)
    with Running() as address:
        yield address


def test_the_second_part_of_an_answer_does_not_wait_for_the_first_to_be_acknowledged(
    hurried: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[int] = []
    made = Hurried.connection_made

    def watched(self: Hurried, transport: asyncio.Transport) -> None:
        made(self, transport)
        met.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(Hurried, "connection_made", watched)
    with socket.create_connection(hurried, timeout=30) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert line.recv(100)
    assert met
    assert all(met)


def test_a_head_that_drips_is_given_up(hurried: tuple[str, int]) -> None:
    with socket.create_connection(hurried, timeout=30) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r"."):  # noqa: PT012  the line is cut at some moment of it
            for _ in range(1000):
                line.sendall(b"X-a: b\r\n")
                time.sleep(0.05)  # noqa: TID251  the drip itself


def test_a_body_nobody_wants_any_more_is_given_up(hurried: tuple[str, int]) -> None:
    with socket.create_connection(hurried, timeout=30) as line:
        line.sendall(head("/early", JSON, b"Content-Length: 100000\r\n"))
        assert b" 413 " in line.recv(65536)
        with pytest.raises(OSError, match=r"."):  # noqa: PT012  the line is cut at some moment of it
            for _ in range(1000):
                line.sendall(b"x")
                time.sleep(0.05)  # noqa: TID251  the drip itself


def test_an_answer_that_takes_long_is_waited_for_and_the_connection_goes_on(hurried: tuple[str, int]) -> None:
    with closing(http.client.HTTPConnection(*hurried, timeout=30)) as connection:
        connection.connect()
        first = connection.sock
        for path in ("/long", "/", "/long"):
            connection.request("GET", path)
            assert connection.getresponse().read() == b"{}"
            assert connection.sock is first
