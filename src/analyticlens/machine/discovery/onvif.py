"""What an ONVIF camera offers: asked at the address a person named, and nowhere else."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from analyticlens.machine import clock
from analyticlens.machine.discovery.hostile import every, text, under, words
from analyticlens.machine.discovery.probe import at_host
from analyticlens.machine.discovery.refusal import LookupFailed
from analyticlens.machine.discovery.soap import Camera, Fault
from analyticlens.machine.login import NOBODY, Login
from analyticlens.protocol.discovery import MOST_ADDRESS, MOST_PROFILES, CameraLookup, CameraProfile

LOOKUP_SECONDS = 20.0
DEVICE_PATH = "/onvif/device_service"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
# The older media service is everywhere; cameras of H.265 alone have the newer one.
MEDIA = ("http://www.onvif.org/ver10/media/wsdl", "http://www.onvif.org/ver20/media/wsdl")
SCHEMA = "http://www.onvif.org/ver10/schema"
SECRET_WORDS = ("pass", "pwd", "secret", "auth")


def look_up(
    address: str, login: Login = NOBODY, allowed: tuple[str, ...] | None = None, seconds: float = LOOKUP_SECONDS
) -> CameraLookup:
    """Return what the camera at an address offers. Raises LookupFailed with why it could not be asked.

    allowed: the lines of the machine's list of cameras, None where it has none. seconds: what all calls together may take.
    """
    with closing(Camera(device_service(address), login, allowed, seconds)) as camera:
        camera.clock_offset = _clock_offset(camera)
        service, version = _media(camera)
        maker, model = _maker(camera)
        try:
            body = camera.call(f'<GetProfiles xmlns="{version}">{_everything(version)}</GetProfiles>', service)
        except Fault:
            raise LookupFailed(f"{camera.host} refuses to name its streams") from None
        found = [one for one in every(body, "Profiles") if 0 < len(one.get("token", "")) <= 200][:MOST_PROFILES]
        return CameraLookup(
            host=camera.address,
            maker=maker,
            model=model,
            clock_offset=camera.clock_offset,
            profiles=[_profile(camera, service, version, one, login) for one in found],
        )


def device_service(address: str) -> SplitResult:
    """Return where the device service is at a host, a `host:port`, or an HTTP address. Raises LookupFailed for what is none of them."""
    said = address.strip()
    if "://" not in said:
        said = f"http://[{said}]" if said.count(":") > 1 and not said.startswith("[") else f"http://{said}"
    try:
        parts = urlsplit(said)
        port = parts.port
    except ValueError:
        raise LookupFailed("this is no address of a camera") from None
    if len(said) > MOST_ADDRESS or any(c.isspace() or not c.isprintable() for c in said):
        raise LookupFailed("this is no address of a camera")
    if "@" in parts.netloc:
        raise LookupFailed("leave user name and password out of the camera's address")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise LookupFailed("this is no address of a camera")
    return parts if parts.path.strip("/") else parts._replace(path=DEVICE_PATH)


def _clock_offset(camera: Camera) -> float | None:
    """Return how far the camera's clock is ahead in seconds; None where it does not say. It is asked without a password."""
    try:
        body = camera.call(f'<GetSystemDateAndTime xmlns="{DEVICE}"/>', signed=False)
    except Fault:
        return None
    except LookupFailed as failed:
        if failed.unauthorized:
            return None
        raise
    said = under(body, "UTCDateTime")
    numbers = [
        text(under(said, place), part)
        for place, parts in (("Date", ("Year", "Month", "Day")), ("Time", ("Hour", "Minute", "Second")))
        for part in parts
    ]
    try:
        year, month, day, hour, minute, second = (int(one) if len(one) < 5 else -1 for one in numbers)
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    return (moment - clock.wall()).total_seconds() if 1970 <= year < 2200 else None


def _media(camera: Camera) -> tuple[SplitResult, str]:
    """Return where the camera's media service is, and its version. Raises LookupFailed."""
    named = _services(camera) or _capabilities(camera)
    for version in MEDIA:
        if version in named:
            if not at_host(named[version], camera.host, camera.address):
                raise LookupFailed(f"{camera.host} names its media service at another address, which is not asked")
            return urlsplit(named[version]), version
    raise LookupFailed(f"{camera.host} is an ONVIF device, but has no pictures")


def _services(camera: Camera) -> dict[str, str]:
    """Return the address of each service by its namespace; nothing from a camera that is older than the question."""
    question = f'<GetServices xmlns="{DEVICE}"><IncludeCapability>false</IncludeCapability></GetServices>'
    try:
        body = camera.call(question)
    except Fault:
        return {}
    except LookupFailed as failed:
        if failed.unauthorized:
            raise
        return {}
    return {text(under(one, "Namespace")): text(under(one, "XAddr")) for one in every(body, "Service")}


def _capabilities(camera: Camera) -> dict[str, str]:
    try:
        body = camera.call(f'<GetCapabilities xmlns="{DEVICE}"><Category>Media</Category></GetCapabilities>')
    except Fault:
        return {}
    found = text(under(body, "Media"), "XAddr")
    return {MEDIA[0]: found} if found else {}


def _maker(camera: Camera) -> tuple[str, str]:
    """Return who made it and what it is; "" where it does not say, which keeps nobody from its streams."""
    try:
        body = camera.call(f'<GetDeviceInformation xmlns="{DEVICE}"/>')
    except Fault:
        return "", ""
    return words(text(under(body, "Manufacturer"))), words(text(under(body, "Model")))


def _everything(version: str) -> str:
    return "<Type>VideoEncoder</Type>" if version == MEDIA[1] else ""


def _profile(camera: Camera, service: SplitResult, version: str, said: ET.Element, login: Login) -> CameraProfile:
    """Return one profile with its addresses; what is missing is told with it. Raises LookupFailed where another user is wanted."""
    coded = under(said, "VideoEncoderConfiguration")
    coded = under(said, "VideoEncoder") if coded is None else coded
    size = [_number(text(under(coded, "Resolution"), part), 65_535) for part in ("Width", "Height")]
    fps = _number(text(under(coded, "RateControl"), "FrameRateLimit"), 1000)
    token = said.get("token", "")
    problems: list[str] = []
    stream, snapshot = (
        _uri(camera, service, question.format(token=escape(token), version=version), login, problems)
        for question in _questions(version)
    )
    return CameraProfile(
        token=token,
        name=words(text(under(said, "Name"))),
        encoding=words(text(under(coded, "Encoding"))) if coded is not None else "",
        resolution=(int(size[0]), int(size[1])) if size[0] and size[1] else None,
        fps=fps,
        stream=stream,
        snapshot=snapshot,
        problem=problems[0][:200] if problems else "",
    )


def _questions(version: str) -> tuple[str, str]:
    """Return the questions for stream and snapshot of a profile."""
    head = '<{name} xmlns="{{version}}" xmlns:t="' + SCHEMA + '">{body}<ProfileToken>{{token}}</ProfileToken></{name}>'
    setup = "<StreamSetup><t:Stream>RTP-Unicast</t:Stream><t:Transport><t:Protocol>RTSP</t:Protocol></t:Transport></StreamSetup>"
    how = "<Protocol>RTSP</Protocol>" if version == MEDIA[1] else setup
    return (
        head.format(name="GetStreamUri", body=how),
        head.format(name="GetSnapshotUri", body=""),
    )


def _uri(camera: Camera, service: SplitResult, question: str, login: Login, problems: list[str]) -> str:
    """Return the address the camera answers with, "" and a problem where it may not be shown or used."""
    try:
        said = text(under(camera.call(question, service), "Uri"))
        return shown(said, (camera.host, camera.address), login.password)
    except Fault:
        return ""
    except LookupFailed as failed:
        if failed.unauthorized:
            raise
        problems.append(failed.sentence)
        return ""


def shown(uri: str, hosts: tuple[str, ...], password: str) -> str:
    """Return a picture's address without user and password. Raises LookupFailed with why it is not given on."""
    if not uri:
        return ""
    try:
        parts = urlsplit(uri)
        _port = parts.port
    except ValueError:
        raise LookupFailed("an address it names is none") from None
    if (
        len(uri) > MOST_ADDRESS
        or any(c.isspace() or not c.isprintable() for c in uri)
        or parts.scheme not in ("rtsp", "rtsps", "http", "https")
    ):
        raise LookupFailed("an address it names is none")
    if parts.hostname not in hosts:
        raise LookupFailed("an address it names is another computer's")
    clean = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
    rest = unquote(f"{clean.path}?{clean.query}")
    named = any(key.lower().startswith(SECRET_WORDS) for key, _ in parse_qsl(clean.query.replace(";", "&")))
    if named or "password=" in rest.lower() or "pwd=" in rest.lower() or _holds(rest, password):
        raise LookupFailed("an address it names holds a password, and is not shown")
    return clean.geturl()


def _holds(rest: str, password: str) -> bool:
    """Whether a password stands in the rest of an address; a very short one only as a whole value, since it is everywhere by chance."""
    if len(password) >= 4:
        return password in rest
    return bool(password) and password in re.split("[/?&=_:;]", rest)


def _number(said: str, most: int) -> float | None:
    """Return a whole positive number up to `most` in a stranger's words, None for anything else."""
    number = int(said) if said.isascii() and said.isdigit() and len(said) < 7 else 0
    return float(number) if 0 < number <= most else None
