"""One real orchestrator for the tests here that need one; they are of one xdist group, so that there is one of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.journeys.line import Line


@dataclass
class Served:
    """A serving orchestrator, and two connections opened when it began: one that says nothing, one with half a head."""

    line: Line
    silent: socket.socket
    half: socket.socket


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return an orchestrator's process that serves."""
    with Line(tmp_path_factory.mktemp("abuse")) as line:
        line.start_orchestrator()
        silent, half = (socket.create_connection(("127.0.0.1", line.port), timeout=60) for _ in range(2))
        half.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: ")
        with silent, half:
            yield Served(line, silent, half)
