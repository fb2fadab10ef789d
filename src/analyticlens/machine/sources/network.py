"""Cameras on the network: by the address's scheme an RTSP stream, or HTTP with a stream of JPEGs or single ones."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources.frames import Place
from analyticlens.machine.sources.live import LEAST_SILENCE_SECONDS, Feed, LiveSource
from analyticlens.machine.sources.rtsp import RtspFeed
from analyticlens.protocol.configuration import IpCameraSource, RtspSource


def open_network(config: IpCameraSource | RtspSource, place: Place) -> LiveSource:
    """Open a stream. Raises SourceRefused."""
    parts = parted(config.rtsp_url)
    # A read gives up a little after the silence at which this process is ended anyway.
    silence = max(3 * config.expected_seconds, LEAST_SILENCE_SECONDS) + 1.0

    def feed() -> Feed:
        if parts.scheme in ("rtsp", "rtsps"):
            return RtspFeed(parts, place, silence)
        # Its library takes a while to load, which the cameras that need it not shall not wait for.
        from analyticlens.machine.sources.http import HttpFeed

        return HttpFeed(parts, place, silence, config.expected_seconds)

    return LiveSource(config, place, feed)


def parted(address: str) -> SplitResult:
    """Return the parts of a stream's address. Raises SourceRefused (lasting) for one that is none."""
    if not address.strip():
        raise SourceRefused("no stream address is configured", lasting=True)
    if any(character.isspace() or not character.isprintable() for character in address):
        raise SourceRefused("the stream address holds spaces or control characters", lasting=True)
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise SourceRefused("the stream address is none", lasting=True) from None
    if parts.scheme not in ("rtsp", "rtsps", "http", "https") or not parts.hostname or port == 0:
        raise SourceRefused(
            "a stream address begins with rtsp://, rtsps://, http:// or https:// and names a host", lasting=True
        )
    if parts.username is not None or parts.password is not None:
        raise SourceRefused("leave user name and password out of the stream address", lasting=True)
    return parts
