"""An orchestrator that takes result logs, as small as can be: it keeps what was uploaded and answers as told."""

from __future__ import annotations

import email.parser
import email.policy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Taker(ThreadingHTTPServer):
    """Keeps each upload as (path, {part name: (file name, bytes)}) and answers with `answers`, the last of them for ever."""

    daemon_threads = True

    def __init__(self, *answers: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers) or [200]
        self.uploads: list[tuple[str, dict[str, tuple[str | None, bytes]]]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_answer(self) -> int:
        """Return the status for this upload."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Taker)
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        parts = {
            str(part.get_param("name", header="content-disposition")): (
                part.get_filename(),
                part.get_payload(decode=True),
            )
            for part in message.iter_parts()
        }
        self.server.uploads.append((self.path, {name: (file, bytes(data)) for name, (file, data) in parts.items()}))
        self.send_response(self.server.next_answer())
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def taking(*answers: int) -> Iterator[Taker]:
    """Run a taker for a while."""
    with Taker(*answers) as taker:
        thread = threading.Thread(target=taker.serve_forever)
        thread.start()
        try:
            yield taker
        finally:
            taker.shutdown()
            thread.join()
