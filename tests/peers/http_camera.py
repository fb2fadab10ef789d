"""An HTTP camera on a thread: a stream of JPEGs, single ones, with and without a password, and what else may answer at such an address."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from tests.machine.helpers import discs, encode

USER, PASSWORD = "viewer", "canary p@ss"
NONCE = "4f2a"
ENDLESS = 10_000


class Handler(BaseHTTPRequestHandler):
    """Answers by the path's first step."""

    protocol_version = "HTTP/1.1"
    numbers = count(1)

    def do_GET(self) -> None:
        """Answer as the path says."""
        kind = self.path.strip("/").partition("?")[0]
        locked, _, rest = kind.partition("/")
        if locked in ("basic", "digest"):
            if not self._knows(locked):
                self._refuse(locked)
                return
            kind = rest
        try:
            getattr(self, f"answer_{kind}", self.answer_missing)()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def picture(self) -> bytes:
        """Return the next JPEG; no two are the same."""
        image = discs(3)
        image[-8:, :8] = next(self.numbers) % 200 + 20
        return encode(image, ".jpg")

    def answer_stream(self) -> None:
        """JPEGs with their lengths, as most cameras send them."""
        self._parts("--camera", lambda jpeg: b"Content-Length: %d\r\n" % len(jpeg))

    def answer_bare(self) -> None:
        """JPEGs without a length, and a head that calls the mark otherwise than it is."""
        self._parts("camera", lambda jpeg: b"")

    def answer_ends(self) -> None:
        """A stream of three pictures."""
        self._parts("--camera", lambda jpeg: b"Content-Length: %d\r\n" % len(jpeg), most=3)

    def answer_boundless(self) -> None:
        """A part that never ends."""
        self._begin("multipart/x-mixed-replace; boundary=x")
        self.wfile.write(b"--x\r\nContent-Type: image/jpeg\r\n\r\n")
        for _ in range(ENDLESS):
            self.wfile.write(bytes(1_000_000))

    def answer_lies(self) -> None:
        """A part that says it is larger than any picture."""
        self._begin("multipart/x-mixed-replace; boundary=x")
        self.wfile.write(b"--x\r\nContent-Length: 99999999999\r\n\r\n")

    def answer_silent(self) -> None:
        """A stream that sends nothing for a while."""
        self._begin("multipart/x-mixed-replace; boundary=x")
        self.server.gone.wait(30)  # type: ignore[attr-defined]

    def answer_shot(self) -> None:
        """One JPEG."""
        self._whole("image/jpeg", self.picture())

    def answer_page(self) -> None:
        """The camera's own page."""
        self._whole("text/html; charset=utf-8", b"<html>camera</html>")

    def answer_data(self) -> None:
        """Something else."""
        self._whole("application/json", b"{}")

    def answer_moved(self) -> None:
        """A way elsewhere."""
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer_missing(self) -> None:
        """Nothing."""
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _begin(self, kind: str) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()

    def _whole(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _parts(self, mark: str, length, most: int = ENDLESS) -> None:  # type: ignore[no-untyped-def]
        self._begin(f"multipart/x-mixed-replace; boundary={mark}")
        for _ in range(most):
            jpeg = self.picture()
            self.wfile.write(b"--camera\r\nContent-Type: image/jpeg\r\n" + length(jpeg) + b"\r\n" + jpeg + b"\r\n")
            if self.server.gone.wait(0.04):  # type: ignore[attr-defined]
                return

    def _refuse(self, kind: str) -> None:
        self.send_response(401)
        challenge = (
            'Basic realm="cam"'
            if kind == "basic"
            else f'Digest realm="cam", nonce="{NONCE}", qop="auth", algorithm=MD5'
        )
        self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _knows(self, kind: str) -> bool:
        said = self.headers.get("Authorization", "")
        if kind == "basic":
            return said == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return said.startswith("Digest ") and self._digest(said)

    def _digest(self, said: str) -> bool:
        """Reckon the answer anew (RFC 7616, MD5, qop auth)."""
        words = dict(pair.strip().partition("=")[::2] for pair in said.removeprefix("Digest ").split(","))
        given = {name: value.strip('"') for name, value in words.items()}

        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        secret, what = md5(USER, "cam", PASSWORD), md5("GET", given.get("uri", ""))
        wanted = md5(secret, NONCE, given.get("nc", ""), given.get("cnonce", ""), "auth", what)
        return given.get("username") == USER and given.get("response") == wanted


@contextmanager
def http_camera() -> Iterator[str]:
    """Serve while the block runs; return the address that paths are added to."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.gone = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.gone.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join()
