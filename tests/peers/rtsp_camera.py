"""An RTSP camera, H.264, run under the system's own Python, which has GStreamer's bindings; it is no part of the tests' process.

`rtsp_camera.py PORT [USER PASSWORD]` prints its port once it serves. It draws three bright discs on a dark ground, and the frame's number
as bright squares along the lower edge.

Lines on its input change it: `run`, `freeze` (the same picture over and over), `silent`
(no pictures, the connection stays), `slow SECONDS` between pictures, `grey`, `black`, `discs N`, `size WIDTH HEIGHT`,
`end` (of the stream).
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

FPS = 25
PIPELINE = (
    "( appsrc name=pictures is-live=true do-timestamp=true format=time block=false max-buffers=2 leaky-type=downstream "
    "! videoconvert ! video/x-raw,format=I420 "
    "! x264enc tune=zerolatency speed-preset=ultrafast sliced-threads=false "
    "key-int-max=25 quantizer=10 pass=quant "
    "! h264parse config-interval=-1 "
    "! video/x-h264,stream-format=byte-stream,alignment=au "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)


class Scene:
    """What stands before the camera, and how well the camera is."""

    def __init__(self) -> None:
        self.size = (320, 200)
        self.kind = "run"
        self.seconds = 1 / FPS
        self.discs = 3
        self.number = 0

    def picture(self) -> bytes:
        """Return the next picture as grey bytes, row by row."""
        width, height = self.size
        if self.kind in ("grey", "black"):
            return bytes([128 if self.kind == "grey" else 0]) * (width * height)
        if self.kind != "freeze":
            self.number += 1
        rows = [bytearray(width) for _ in range(height)]
        for index in range(self.discs):
            self._disc(rows, 30 + 50 * index, height // 2)
        for bit in range(16):
            if self.number >> bit & 1:
                for row in rows[height - 8 :]:
                    row[bit * 12 : bit * 12 + 4] = b"\x60" * 4
        return b"".join(bytes(row[:width]) for row in rows)

    @staticmethod
    def _disc(rows: list[bytearray], x: int, y: int) -> None:
        for dy in range(-15, 16):
            half = int((225 - dy * dy) ** 0.5)
            rows[y + dy][x - half : x + half + 1] = b"\xc8" * (2 * half + 1)


SCENE = Scene()
SOURCES: list[Any] = []
PAUSE = threading.Event()


def feed(source: Any) -> None:
    """Push pictures into one stream until it is taken away."""
    size = None
    due = time.monotonic()
    while source in SOURCES:
        if SCENE.kind == "silent":
            PAUSE.wait(0.02)
            due = time.monotonic()
            continue
        if SCENE.kind == "end":
            source.emit("end-of-stream")
            return
        if SCENE.size != size:
            size = SCENE.size
            text = f"video/x-raw,format=GRAY8,width={size[0]},height={size[1]},framerate={FPS}/1"
            source.set_property("caps", Gst.Caps.from_string(text))
        if source.emit("push-buffer", Gst.Buffer.new_wrapped(SCENE.picture())) != Gst.FlowReturn.OK:
            return
        due += SCENE.seconds
        while time.monotonic() < due and SCENE.kind != "silent":
            PAUSE.wait(max(0.0, min(due - time.monotonic(), 0.02)))


def configure(factory: Any, media: Any) -> None:
    """Begin to feed a stream somebody asked for."""
    source = media.get_element().get_child_by_name("pictures")
    SOURCES.append(source)
    media.connect("unprepared", lambda _media: SOURCES.remove(source) if source in SOURCES else None)
    threading.Thread(target=feed, args=(source,), daemon=True).start()


def obey() -> None:
    """Carry out the lines of the input; its end is the camera's."""
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "size":
            SCENE.size = (int(rest[0]), int(rest[1]))
        elif word == "discs":
            SCENE.discs = int(rest[0])
        else:
            SCENE.seconds = float(rest[0]) if word == "slow" else 1 / FPS
            SCENE.kind = "run" if word == "slow" else word
        print("done", flush=True)
    GLib.idle_add(LOOP.quit)


def lock(server: Any, factory: Any, user: str, password: str) -> None:
    """Let only who knows the password look, by Digest."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


Gst.init(None)
LOOP = GLib.MainLoop()
camera = GstRtspServer.RTSPServer()
camera.set_address("127.0.0.1")
camera.set_service(sys.argv[1])
media_factory = GstRtspServer.RTSPMediaFactory()
media_factory.set_launch(PIPELINE)
media_factory.set_shared(True)
media_factory.connect("media-configure", configure)
camera.get_mount_points().add_factory("/cam", media_factory)
if len(sys.argv) > 2:
    lock(camera, media_factory, sys.argv[2], sys.argv[3])
camera.attach(None)
print(camera.get_bound_port(), flush=True)
threading.Thread(target=obey, daemon=True).start()
LOOP.run()
