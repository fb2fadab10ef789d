"""Where pictures come from. A new kind is one maker of a Source, and one line in SOURCES."""

from __future__ import annotations

from collections.abc import Callable

from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources.camera import open_camera
from analyticlens.machine.sources.folder import FolderSource
from analyticlens.machine.sources.frames import Grabbed, Place, Pulse, Source, Wanted
from analyticlens.machine.sources.network import open_network
from analyticlens.machine.sources.picamera import open_picamera
from analyticlens.protocol.configuration import Source as SourceConfig

__all__ = ["SOURCES", "Grabbed", "Place", "Pulse", "Source", "Wanted", "open_source"]

SOURCES: dict[str, Callable[..., Source]] = {
    "pasta": FolderSource,
    "camera": open_camera,
    "camera_IP": open_network,
    "rtsp": open_network,
    "picamera2": open_picamera,
}


def open_source(config: SourceConfig, place: Place) -> Source:
    """Open the configured source. Raises SourceRefused with one sentence."""
    make = SOURCES.get(config.type)
    if make is None:
        raise SourceRefused(f"sources of type {config.type} are not available on this machine yet", lasting=True)
    return make(config, place)
