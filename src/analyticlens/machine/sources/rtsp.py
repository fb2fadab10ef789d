"""RTSP over TCP: FFmpeg through OpenCV decodes, the relay connects."""

from __future__ import annotations

import os
import ssl
from typing import Any
from urllib.parse import SplitResult

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.machine import clock
from analyticlens.machine.addresses import connected
from analyticlens.machine.decode import Undecodable
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources.frames import Place
from analyticlens.machine.sources.relay import Relay

PORTS = {"rtsp": 554, "rtsps": 322}
OPEN_MS = 7000
WRONG_PASSWORD_PAUSE = 30.0
# Read by FFmpeg when a stream is opened. Over UDP a lost packet is a smeared picture that would be judged.
OPTIONS = (
    "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|protocol_whitelist;rtsp,rtp,tcp,udp|allowed_media_types;video"
    "|analyzeduration;500000|fpsprobesize;0"
)


class RtspFeed:
    """An opened stream."""

    def __init__(self, parts: SplitResult, place: Place, silence: float) -> None:
        """Connect and open; a read gives up after `silence` seconds. Raises SourceRefused with what the camera answered."""
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        self.facts: dict[str, Any] = {}
        self._host, self._silence = host, silence
        began = clock.mono()
        self._relay = Relay(_reached(parts.scheme, host, port, place), silence)
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = OPTIONS
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        address = f"rtsp://{place.login.in_address}127.0.0.1:{self._relay.port}{path or '/'}"
        wanted = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(silence * 1000)]
        # More threads decode frames that many behind.
        self._video = cv2.VideoCapture(address, cv2.CAP_FFMPEG, [*wanted, cv2.CAP_PROP_N_THREADS, 1])
        if not self._video.isOpened():
            late = clock.mono() - began >= OPEN_MS / 1000 - 0.5
            refused = self._silent() if late else self._why()
            self.close()
            raise refused

    def advance(self) -> None:
        """Wait for the next frame and decode it. Raises SourceRefused."""
        began = clock.mono()
        if not self._video.grab():
            raise self._why()
        if clock.mono() - began >= self._silence - 0.5:
            # A read that was given up returns the frame the decoder still held: that one is as old as the silence.
            raise self._silent()
        if self._relay.answers.size_changed:
            raise SourceRefused("the camera changed its picture; it is opened anew", code="source_changed")

    def picture(self) -> NDArray[Any]:
        """Return the frame as (H, W, 3) BGR."""
        done, image = self._video.retrieve()
        if not done or image is None:
            raise Undecodable("the stream's picture could not be decoded")
        return np.asarray(image)

    def close(self) -> None:
        """Leave the camera."""
        self._relay.close()
        self._video.release()

    def _silent(self) -> SourceRefused:
        return SourceRefused(f"{self._host} answers, but sends no pictures", code="camera_stalled", pause=1.0)

    def _why(self) -> SourceRefused:
        """Return what the camera's answers say of why there are no pictures."""
        answers, host = self._relay.answers, self._host
        status = next((status for status in reversed(answers.statuses) if status >= 300), 0)
        if answers.statuses and answers.statuses[-1] < 300:
            status = 0
        if self._relay.ended == "not_rtsp":
            return SourceRefused(f"{host} answers, but speaks no RTSP there: is it its web page's port?")
        if refused := refusal(status, host):
            return refused
        if answers.has_video is False:
            return SourceRefused(f"{host} has no video at this path")
        if self._relay.ended == "silent":
            return self._silent()
        if not answers.statuses:
            return SourceRefused(f"{host} hangs up without an answer: is it an RTSP port?")
        if len(answers.statuses) < 4:
            return SourceRefused(f"{host} does not offer this stream over TCP, or in a form that can be read")
        return SourceRefused("the stream ended")


def refusal(status: int, host: str) -> SourceRefused | None:
    """Return what a camera's answer of this status means; None for one that refuses nothing."""
    if status < 300:
        return None
    if status in (401, 403):
        sentence = f"{host} refuses the user or the password"
        return SourceRefused(sentence, pause=WRONG_PASSWORD_PAUSE)
    if status in (404, 451, 454):
        return SourceRefused(f"{host} has no stream at this path")
    if status < 400:
        return SourceRefused(f"{host} points to another address, which is not followed: give that address instead")
    if status in (453, 503):
        return SourceRefused(f"{host} has no room for another viewer, or is just starting")
    return SourceRefused(f"{host} answers with error {status}")


def _reached(scheme: str, host: str, port: int, place: Place) -> Any:
    """Return the connection to the camera, under TLS for rtsps. Raises SourceRefused."""
    peer = connected(host, port, place.cameras)
    if scheme == "rtsp":
        return peer
    # Cameras sign their own certificates: the stream is hidden from listeners, but who answers is not proved.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(peer, server_hostname=host)
    except (OSError, ssl.SSLError):
        peer.close()
        raise SourceRefused(f"{host}:{port} speaks no TLS: try rtsp:// instead of rtsps://") from None
