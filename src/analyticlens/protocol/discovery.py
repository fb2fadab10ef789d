"""Cameras a machine finds and asks: what it is told to look for, and what the report's `result` holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from analyticlens.protocol.strict import ShortText, Strict

LEAST_SECONDS = 1.0
MOST_SECONDS = 10.0
USUAL_SECONDS = 3.0
MOST_FOUND = 100
MOST_PROFILES = 16
MOST_ADDRESS = 500

CameraAddress = Annotated[str, Field(max_length=MOST_ADDRESS)]


class DiscoverArgs(Strict):
    """`args` of the command `discover`."""

    seconds: Annotated[float, Field(ge=LEAST_SECONDS, le=MOST_SECONDS, json_schema_extra={"unit": "s"})] = USUAL_SECONDS
    """How long answers are waited for."""


class LookupArgs(Strict):
    """`args` of the command `camera_lookup`. User and password are never among them."""

    address: Annotated[str, Field(min_length=1, max_length=MOST_ADDRESS)]
    """The camera's host name, address, or the address of its device service as it was found."""


class FoundCamera(Strict):
    """One camera that could be used. What it says of itself nobody has proved."""

    kind: Literal["onvif", "camera", "genicam"]
    """How it is reached."""
    name: ShortText = ""
    """What it calls itself."""
    hardware: ShortText = ""
    """Its model."""
    host: ShortText = ""
    """The network address that answered."""
    address: CameraAddress = ""
    """Where its device service is, for a look-up."""
    device: ShortText = ""
    """The name that stays when it is plugged in elsewhere."""
    camera_id: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Its number among the machine's video devices."""
    problem: ShortText = ""
    """Why it cannot be looked up."""


class Discovery(Strict):
    """`result` of `discover`."""

    cameras: Annotated[list[FoundCamera], Field(max_length=MOST_FOUND)] = []
    """What answered, in no promised order."""
    more: bool = False
    """More answered than are listed."""
    problems: Annotated[list[ShortText], Field(max_length=20)] = []
    """Where it could not be looked."""


class CameraProfile(Strict):
    """One stream of a camera."""

    token: ShortText
    """The camera's own name of it."""
    name: ShortText = ""
    """The name for people."""
    encoding: ShortText = ""
    """H264, H265, JPEG…"""
    resolution: tuple[Annotated[int, Field(ge=1, le=65_535)], Annotated[int, Field(ge=1, le=65_535)]] | None = None
    """Width and height in pixels."""
    fps: Annotated[float, Field(ge=0, le=1000, json_schema_extra={"unit": "1/s"})] | None = None
    """The most frames a second."""
    stream: CameraAddress = ""
    """Its RTSP address, without user and password."""
    snapshot: CameraAddress = ""
    """The HTTP address of a single picture, without user and password."""
    problem: ShortText = ""
    """Why an address is missing."""


class CameraLookup(Strict):
    """`result` of `camera_lookup`."""

    host: ShortText
    """The network address that was asked."""
    maker: ShortText = ""
    """Who made it."""
    model: ShortText = ""
    """What it is."""
    clock_offset: Annotated[float, Field(json_schema_extra={"unit": "s"})] | None = None
    """How far its clock is ahead of the machine's; None where it does not say."""
    profiles: Annotated[list[CameraProfile], Field(max_length=MOST_PROFILES)] = []
    """Its streams."""
