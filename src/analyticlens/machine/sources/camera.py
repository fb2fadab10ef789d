"""A camera at the machine: USB and everything else that Linux shows as a video device."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.machine.decode import Undecodable
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources.frames import Place
from analyticlens.machine.sources.live import LiveSource
from analyticlens.protocol.configuration import CameraSource

# The kernel's names that stay the same when a camera is plugged in elsewhere, or another one before it.
STABLE = Path("/dev/v4l/by-id")
# What V4L2's drivers call "you set it" among the ways to expose.
MANUAL, AUTOMATIC = 1.0, 3.0


class CameraFeed:
    """An opened video device."""

    def __init__(self, config: CameraSource, device: str | int, backend: int = cv2.CAP_V4L2) -> None:
        """Open, set what is configured, read back what is in force. Raises SourceRefused."""
        self._video = cv2.VideoCapture(device, backend)
        if not self._video.isOpened():
            raise SourceRefused(f"the camera {_said(config)} does not open: not plugged in, or used by another program")
        self._set(config)
        self.facts: dict[str, Any] = self._in_force(config)

    def advance(self) -> None:
        """Wait for the next frame. Raises SourceRefused."""
        if not self._video.grab():
            raise SourceRefused("the camera gives no more pictures: was it unplugged?")

    def picture(self) -> NDArray[Any]:
        """Return the frame as (H, W, 3) BGR, or (H, W) where the camera is grey."""
        done, image = self._video.retrieve()
        if not done or image is None:
            raise Undecodable("the camera's picture could not be decoded")
        return np.asarray(image)

    def close(self) -> None:
        """Let the device go."""
        self._video.release()

    def _set(self, config: CameraSource) -> None:
        """Ask for what is configured; what a driver does not have it refuses, and reading back tells."""
        width, height = config.resolution
        # Only compressed do most USB cameras reach their full size at their full rate.
        self._video.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._video.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._video.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        self._video.set(cv2.CAP_PROP_FPS, config.fps)
        self._video.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._video.set(cv2.CAP_PROP_AUTO_EXPOSURE, AUTOMATIC if config.exposure is None else MANUAL)
        if config.exposure is not None:
            self._video.set(cv2.CAP_PROP_EXPOSURE, config.exposure)
        if config.gain is not None:
            self._video.set(cv2.CAP_PROP_GAIN, config.gain)

    def _in_force(self, config: CameraSource) -> dict[str, Any]:
        """Return what the driver says of what was asked; what it does not know is left out."""
        facts: dict[str, Any] = {}
        if config.exposure is not None:
            facts["exposure"] = self._video.get(cv2.CAP_PROP_EXPOSURE)
        if config.gain is not None:
            facts["gain"] = self._video.get(cv2.CAP_PROP_GAIN)
        return facts


def open_camera(config: CameraSource, place: Place) -> LiveSource:
    """Open a camera at the machine. Raises SourceRefused."""
    device = device_of(config)
    return LiveSource(config, place, lambda: CameraFeed(config, device))


def device_of(config: CameraSource, stable: Path = STABLE) -> str:
    """Return the device's path: by its stable name where one is configured, else by its number. Raises SourceRefused."""
    if not config.device:
        path = f"/dev/video{config.camera_id}"
        if not os.path.exists(path):
            raise SourceRefused(f"there is no camera {config.camera_id} at this machine")
        return path
    name = config.device.removeprefix(f"{STABLE}/")
    if "/" in name or name in (".", ".."):
        raise SourceRefused(f"a stable name is one of those in {STABLE}", lasting=True)
    path = str(stable / name)
    try:
        found = os.stat(path)
    except OSError:
        raise SourceRefused(f"there is no camera {name} at this machine") from None
    if not stat.S_ISCHR(found.st_mode):
        raise SourceRefused(f"{name} is no camera", lasting=True)
    return path


def _said(config: CameraSource) -> str:
    return config.device or str(config.camera_id)
