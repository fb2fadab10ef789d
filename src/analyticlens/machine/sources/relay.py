"""Between FFmpeg and an RTSP camera: FFmpeg speaks to this process alone, which connects to the checked address and watches what comes.

So the address that was checked is the one that is used, whatever the camera answers, and what FFmpeg does not tell is known: the
camera's refusals, and a stream that becomes one of another size, which FFmpeg would silently stretch to the size before.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress

from analyticlens.machine import clock

CHUNK = 256 * 1024
GATHER_SECONDS = 0.004
PACKET = ord("$")
MOST_TEXT = 64 * 1024
LOCAL_SECONDS = 10.0
H264_SPS, H264_STAP, H264_FU = 7, 24, 28
H265_SPS, H265_AP = 33, 48


class NotRtsp(Exception):
    """What answers does not speak RTSP."""


class Answers:
    """Reads what a camera sends, piece by piece: its answers, and the parameter sets in its video."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.statuses: list[int] = []
        self.has_video: bool | None = None
        self.size_changed = False
        self.streaming = False
        self._sets: set[bytes] = set()
        self._h265 = False
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Hear more. Raises NotRtsp."""
        self._rest += data
        view, at = self._rest, 0
        while at < len(view):
            end = self._packet(view, at) if view[at] == PACKET else self._text(view, at)
            if end is None:
                break
            at = end
        self._rest = view[at:]

    def _packet(self, view: bytes, at: int) -> int | None:
        """Read one interleaved packet; None while it is not whole."""
        if len(view) < at + 4:
            return None
        end = at + 4 + int.from_bytes(view[at + 2 : at + 4], "big")
        if len(view) < end:
            return None
        self.streaming = True
        # Even channels carry pictures, odd ones reports. The first is the video's, since it alone is asked for.
        if view[at + 1] == 0 and end - at > 18:
            self._rtp(view[at + 4 : end])
        return end

    def _rtp(self, packet: bytes) -> None:
        start = 12 + 4 * (packet[0] & 15)
        if packet[0] & 16 and len(packet) >= start + 4:
            start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
        for unit in self._units(packet[start:]):
            kind = unit[0] >> 1 & 63 if self._h265 else unit[0] & 31
            if kind == (H265_SPS if self._h265 else H264_SPS):
                # Cameras send the same set again and again; another one is another kind of picture.
                self.size_changed = self.size_changed or (bool(self._sets) and unit not in self._sets)
                self._sets.add(unit)

    def _units(self, payload: bytes) -> Iterator[bytes]:
        """Yield the units of a payload; those that are cut in pieces hold pictures and no sets."""
        if not payload:
            return
        kind = payload[0] >> 1 & 63 if self._h265 else payload[0] & 31
        if kind != (H265_AP if self._h265 else H264_STAP):
            yield payload
            return
        at = 2 if self._h265 else 1
        while at + 2 < len(payload):
            size = int.from_bytes(payload[at : at + 2], "big")
            if size:
                yield payload[at + 2 : at + 2 + size]
            at += 2 + size

    def _text(self, view: bytes, at: int) -> int | None:
        """Read one answer with its body; None while it is not whole."""
        head = view[at : at + 5]
        if (
            not b"RTSP/".startswith(head[:5])
            and b"/RTSP" not in view[at : at + 400]
            and b"RTSP/" not in view[at : at + 400]
        ):
            raise NotRtsp
        end = view.find(b"\r\n\r\n", at)
        if end < 0:
            if len(view) - at > MOST_TEXT:
                raise NotRtsp
            return None
        lines = view[at:end].decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = headers.get("content-length", "0")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 8 else 0
        if size > MOST_TEXT:
            raise NotRtsp
        body = view[end + 4 : end + 4 + size]
        if len(body) < size:
            return None
        self._answer(lines[0], headers, body)
        return end + 4 + size

    def _answer(self, first: str, headers: dict[str, str], body: bytes) -> None:
        words = first.split(" ", 2)
        if first.startswith("RTSP/") and len(words) > 1 and words[1].isascii() and words[1].isdigit():
            self.statuses.append(int(words[1]))
        if body and "sdp" in headers.get("content-type", ""):
            text = body.decode("latin-1").lower()
            self.has_video = "m=video" in text
            self._h265 = "h265/" in text


class Relay:
    """One connection handed through in both directions, by two threads that end with either side."""

    def __init__(self, camera: socket.socket, silence: float) -> None:
        """Listen for FFmpeg at a free port of this computer; `silence` is how long the camera may say nothing, in seconds."""
        self.answers = Answers()
        self.ended = ""
        self._never = threading.Event()
        self._camera = camera
        camera.settimeout(silence)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listener.settimeout(LOCAL_SECONDS)
        self.port = self._listener.getsockname()[1]
        self._local: socket.socket | None = None
        threading.Thread(target=self._run, name="relay", daemon=True).start()

    def close(self) -> None:
        """End both connections."""
        for peer in (self._listener, self._camera, self._local):
            if peer is not None:
                _end(peer)

    def _run(self) -> None:
        try:
            self._local, _ = self._listener.accept()
        except OSError:
            self.close()
            return
        self._listener.close()
        threading.Thread(target=self._outwards, args=(self._local,), name="relay-out", daemon=True).start()
        try:
            while data := self._camera.recv(CHUNK):
                self.answers.feed(data)
                self._local.sendall(data)
                if self.answers.streaming:
                    # A frame comes in many packets within a moment: handed on together they cost a fraction.
                    clock.wait(self._never, GATHER_SECONDS)
            self.ended = self.ended or "closed"
        except NotRtsp:
            self.ended = "not_rtsp"
        except TimeoutError:
            self.ended = "silent"
        except (OSError, ssl.SSLError):
            self.ended = self.ended or "closed"
        self.close()

    def _outwards(self, local: socket.socket) -> None:
        try:
            while data := local.recv(CHUNK):
                self._camera.sendall(data)
        except OSError:
            pass
        self.close()


def _end(peer: socket.socket) -> None:
    with suppress(OSError):
        peer.shutdown(socket.SHUT_RDWR)
    peer.close()
