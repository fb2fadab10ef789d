"""HTTP cameras: an endless stream of JPEGs, or one JPEG each time it is asked for."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any
from urllib.parse import SplitResult

import httpx2
from numpy.typing import NDArray

from analyticlens.machine import clock
from analyticlens.machine.addresses import CONNECT_SECONDS, connected
from analyticlens.machine.decode import MAX_BYTES, decode
from analyticlens.machine.login import Login
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources.frames import Place
from analyticlens.machine.sources.multipart import NotParts, Parts
from analyticlens.machine.sources.rtsp import refusal

PORTS = {"http": 80, "https": 443}
CHUNK = 64 * 1024


class HttpFeed:
    """A camera behind an HTTP address; what it sends decides whether it is a stream or single pictures."""

    def __init__(self, parts: SplitResult, place: Place, silence: float, interval: float) -> None:
        """Ask once. `silence`: seconds until a read is given up; `interval`: from one single picture to the next. Raises SourceRefused."""
        self.facts: dict[str, Any] = {}
        self._host, self._interval = parts.hostname or "", interval
        self._due = clock.mono()
        self._raw = b""
        self._first: bytes | None = None
        port = parts.port or PORTS[parts.scheme]
        with connected(self._host, port, place.cameras) as peer:
            address = str(peer.getpeername()[0])
        self._url = _by_address(parts, address, port)
        # Cameras sign their own certificates: the pictures are hidden from listeners, but who answers is not proved.
        self._client = httpx2.Client(
            headers={"Host": parts.netloc, "Accept": "multipart/x-mixed-replace, image/jpeg, image/*"},
            timeout=httpx2.Timeout(silence, connect=CONNECT_SECONDS),
            verify=False,
            trust_env=False,
            follow_redirects=False,
        )
        self._stream: httpx2.Response | None = None
        self._parts: Parts | None = None
        try:
            self._begin(place.login)
        except BaseException:
            self.close()
            raise

    def advance(self) -> None:
        """Wait for the next JPEG. Raises SourceRefused."""
        try:
            self._raw = self._next()
        except EOFError:
            raise SourceRefused("the stream ended") from None
        except NotParts:
            raise SourceRefused(f"{self._host} sends what is no stream of pictures") from None
        except httpx2.TimeoutException:
            raise SourceRefused(
                f"{self._host} answers, but sends no pictures", code="camera_stalled", pause=1.0
            ) from None
        except httpx2.HTTPError:
            raise SourceRefused("the connection to the camera broke") from None

    def picture(self) -> NDArray[Any]:
        """Return the JPEG decoded. Raises Undecodable."""
        return decode(self._raw)

    def close(self) -> None:
        """Leave the camera."""
        if self._stream is not None:
            self._stream.close()
        self._client.close()

    def _begin(self, login: Login) -> None:
        """Find out what the address gives, and as whom it must be asked. Raises SourceRefused."""
        try:
            response = self._asked()
            if response.status_code == 401 and login.user:
                challenge = response.headers.get("WWW-Authenticate", "").lower()
                response.close()
                digest = "digest" in challenge
                kind = httpx2.DigestAuth if digest else httpx2.BasicAuth
                self._client.auth = kind(login.user, login.password)
                response = self._asked()
            self._understand(response)
        except httpx2.TimeoutException:
            raise SourceRefused(f"{self._host} does not answer in time") from None
        except httpx2.HTTPError:
            raise SourceRefused(f"{self._host} answers, but speaks no HTTP there") from None

    def _asked(self) -> httpx2.Response:
        self._stream = self._client.send(self._client.build_request("GET", self._url), stream=True)
        return self._stream

    def _understand(self, response: httpx2.Response) -> None:
        if refused := refusal(response.status_code, self._host):
            raise refused
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind == "multipart/x-mixed-replace":
            self._parts = Parts(response.iter_raw(CHUNK))
        elif kind.startswith("image/"):
            self._first = _bounded(response)
        elif kind in ("text/html", "application/xhtml+xml"):
            raise SourceRefused(f"{self._host} shows a web page at this address, not pictures")
        else:
            raise SourceRefused(
                f"{self._host} sends no pictures at this address but {kind[:60] or 'something unnamed'}"
            )

    def _next(self) -> bytes:
        if self._parts is not None:
            return self._parts.next()
        first, self._first = self._first, None
        clock.wait(threading.Event(), self._due - clock.mono())
        self._due = max(self._due + self._interval, clock.mono())
        if first is not None:
            return first
        response = self._asked()
        if refused := refusal(response.status_code, self._host):
            raise refused
        if not response.headers.get("Content-Type", "").lower().startswith("image/"):
            raise SourceRefused(f"{self._host} sends no pictures any more")
        return _bounded(response)


def _bounded(response: httpx2.Response) -> bytes:
    """Return an answer's body of at most so many bytes as a picture may have. Raises NotParts."""
    content = bytearray()
    with closing(response):
        for chunk in response.iter_raw(CHUNK):
            content += chunk
            if len(content) > MAX_BYTES:
                raise NotParts
    return bytes(content)


def _by_address(parts: SplitResult, address: str, port: int) -> str:
    """Return the address with the host's number in place of its name, so that no second look-up can lead elsewhere."""
    host = f"[{address}]" if ":" in address else address
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"{parts.scheme}://{host}:{port}{path}"
