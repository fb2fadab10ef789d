"""Cameras on this computer that tests command: each is a process or a thread of its own, and ends with its `with`."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("rtsp_camera.py")
STARTS_WITHIN = 20.0


def need_rtsp() -> None:
    """Skip where GStreamer's RTSP server is not installed; fail there with REQUIRE_PEERS=1."""
    asked = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    if (
        Path(SYSTEM_PYTHON).exists()
        and subprocess.run([SYSTEM_PYTHON, "-c", asked], capture_output=True).returncode == 0
    ):
        return
    sentence = "GStreamer's RTSP server is not installed (apt install gir1.2-gst-rtsp-server-1.0)"
    if os.environ.get("REQUIRE_PEERS") == "1":
        pytest.fail(sentence)
    pytest.skip(sentence)


class RtspCamera:
    """One RTSP camera; `port` stays the same over `kill` and `start`."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self.port = 0
        self._login = [user, password] if user else []
        self._process: subprocess.Popen[str] | None = None
        self._said: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """The stream's address."""
        return f"rtsp://127.0.0.1:{self.port}/cam"

    def start(self) -> None:
        """Start the process, at the port it had before."""
        command = [SYSTEM_PYTHON, str(SCRIPT), str(self.port), *self._login]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._process = process
        assert process.stdout is not None
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        self.port = int(self._said.get(timeout=STARTS_WITHIN))

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._said.put(line.strip())

    def kill(self) -> None:
        """End it as a cut cable would: without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None

    def do(self, command: str) -> None:
        """Command it, and wait until it has heard."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        assert self._said.get(timeout=STARTS_WITHIN) == "done"
