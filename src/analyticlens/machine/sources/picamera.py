"""The camera of a Raspberry Pi, by the library its operating system brings. Not run on hardware."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources.frames import Place
from analyticlens.machine.sources.live import LiveSource
from analyticlens.protocol.configuration import PiCameraSource


class PiFeed:
    """An opened Pi camera. The library copies what it gives, so a picture is never overwritten."""

    def __init__(self, config: PiCameraSource) -> None:
        """Open and set what is configured. Raises SourceRefused."""
        try:
            library: Any = importlib.import_module("picamera2")
        except ImportError:
            raise SourceRefused(
                "the library picamera2 is not installed here: it comes with Raspberry Pi OS (apt install python3-picamera2)"
            ) from None
        try:
            self._camera = library.Picamera2(config.camera_id)
        except (IndexError, RuntimeError):
            raise SourceRefused(f"there is no Pi camera {config.camera_id} at this machine, or it is in use") from None
        controls: dict[str, Any] = {"FrameRate": float(config.fps)}
        if config.exposure is not None:
            controls["ExposureTime"] = int(config.exposure)
        if config.gain is not None:
            controls["AnalogueGain"] = float(config.gain)
        # What libcamera calls RGB888 lies in memory as OpenCV's BGR.
        main = {"size": tuple(config.resolution), "format": "RGB888"}
        self._camera.configure(self._camera.create_video_configuration(main=main, controls=controls))
        self._camera.start()
        self._request: Any = None
        self.facts: dict[str, Any] = {}

    def advance(self) -> None:
        """Wait for the next frame."""
        if self._request is not None:
            self._request.release()
        self._request = self._camera.capture_request()

    def picture(self) -> NDArray[Any]:
        """Return the frame as (H, W, 3) BGR, and note what was in force for it."""
        told = self._request.get_metadata()
        self.facts = {"exposure": told.get("ExposureTime"), "gain": told.get("AnalogueGain")}
        return np.asarray(self._request.make_array("main"))

    def close(self) -> None:
        """Let the camera go."""
        if self._request is not None:
            self._request.release()
        self._camera.stop()
        self._camera.close()


def open_picamera(config: PiCameraSource, place: Place) -> LiveSource:
    """Open a Pi camera. Raises SourceRefused."""
    return LiveSource(config, place, lambda: PiFeed(config))
