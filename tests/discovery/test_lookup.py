"""What a camera offers, asked of a camera of our own that checks digests itself, and of worse ones."""

from __future__ import annotations

import random
import socket
import threading
import xml.etree.ElementTree as ET
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from analyticlens.machine import clock
from analyticlens.machine.discovery import onvif, soap
from analyticlens.machine.discovery.refusal import LookupFailed
from analyticlens.machine.discovery.soap import MOST_BYTES
from analyticlens.machine.login import NOBODY, Login
from analyticlens.protocol.discovery import MOST_PROFILES, CameraLookup
from tests.discovery.conftest import MakeCamera
from tests.discovery.test_hostile import LAUGHS
from tests.peers.onvif_camera import OnvifCamera, Twist, enveloped, says

PASSWORD = "canary <p&ss>"
ANA = Login("ana", PASSWORD)
YEAR = 365 * 86_400.0


HERE = ("127.0.0.1",)


def looked_up(camera: OnvifCamera, asker: Login = NOBODY, seconds: float = 20.0) -> CameraLookup:
    """Return what the camera offers."""
    return onvif.look_up(camera.address, asker, HERE, seconds)


def refused(camera: OnvifCamera, asker: Login = NOBODY, seconds: float = 20.0) -> str:
    """Return why the camera could not be asked."""
    with pytest.raises(LookupFailed) as failed:
        looked_up(camera, asker, seconds)
    assert PASSWORD not in failed.value.sentence
    return failed.value.sentence.removeprefix("127.0.0.1 ")


@pytest.mark.parametrize(
    ("kind", "asker"),
    [
        ({}, NOBODY),
        ({}, ANA),
        ({"user": "ana", "password": PASSWORD}, ANA),
        ({"user": "ana", "password": PASSWORD, "ahead": 3 * YEAR}, ANA),
        ({"user": "ana", "password": PASSWORD, "ahead": -20 * YEAR}, ANA),
        ({"user": "ana", "password": PASSWORD, "http_digest": True}, ANA),
    ],
)
def test_a_camera_names_its_streams(make_camera: MakeCamera, kind: dict[str, Any], asker: Login) -> None:
    camera = make_camera(**kind)
    said = looked_up(camera, asker)
    assert (said.host, said.maker, said.model) == ("127.0.0.1", "AnalyticLens", "AL-1")
    assert [(one.name, one.encoding, one.resolution, one.fps) for one in said.profiles] == [
        ("main", "H264", (1920, 1080), 25),
        ("sub & small", "H264", (640, 360), 10),
    ]
    assert [one.stream for one in said.profiles] == [
        "rtsp://127.0.0.1:554/stream?profile=4",
        "rtsp://127.0.0.1:554/stream?profile=11",
    ]
    assert said.profiles[0].snapshot == "http://127.0.0.1/snapshot.jpg"
    assert said.clock_offset == pytest.approx(kind.get("ahead", 0.0), abs=60)
    assert not any(PASSWORD.encode() in body or b"canary" in body for body in camera.bodies)
    assert "canary" not in said.model_dump_json() + repr(asker)


def test_a_camera_with_the_newer_media_service_alone(make_camera: MakeCamera) -> None:
    camera = make_camera()
    camera.versions = ["http://www.onvif.org/ver20/media/wsdl"]
    said = looked_up(camera)
    assert [(one.encoding, one.resolution, bool(one.stream)) for one in said.profiles] == [
        ("H265", (1920, 1080), True),
        ("H265", (640, 360), True),
    ]


def test_a_camera_older_than_the_question_for_services(make_camera: MakeCamera) -> None:
    camera = make_camera()
    camera.twists["GetServices"] = says(enveloped("<s:Fault/>"), 500)
    assert len(looked_up(camera).profiles) == 2
    assert "GetCapabilities" in camera.calls


@pytest.mark.parametrize("http_digest", [False, True])
def test_a_wrong_password_is_said(make_camera: MakeCamera, http_digest: bool) -> None:
    camera = make_camera(user="ana", password="another", http_digest=http_digest)
    assert refused(camera, ANA) == "refuses this user and password"
    assert refused(camera) == "wants a user and a password, and none is set"


def test_a_password_is_never_sent_in_clear_though_the_camera_asks_for_it(make_camera: MakeCamera) -> None:
    seen: list[str] = []

    def basic(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Authorization", ""))
        says(b"", 401, WWW_Authenticate='Basic realm="camera"')(handler)

    camera = make_camera()
    camera.twists["GetServices"] = basic
    assert refused(camera, ANA) == "refuses this user and password"
    assert seen == [""]


@pytest.mark.parametrize(
    "challenge", ['realm="x"', 'realm="x", nonce="1", algorithm=ROT13', 'realm="x", nonce="1", qop="auth-int"']
)
def test_a_digest_nobody_knows_is_said(make_camera: MakeCamera, challenge: str) -> None:
    camera = make_camera()
    camera.twists["GetServices"] = says(b"", 401, WWW_Authenticate=f"Digest {challenge}")
    assert refused(camera, ANA) == "asks for the password in a way that is not known here"


def test_where_nobody_answers_or_nobody_may_be_asked() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(LookupFailed, match="is there but nothing answers at port"):
            onvif.look_up(f"127.0.0.1:{port}", allowed=HERE)
    for address in ("127.0.0.1", "169.254.169.254", "8.8.8.8", "[::1]", "[::ffff:127.0.0.1]", "224.0.0.1"):
        with pytest.raises(LookupFailed, match="not among the cameras"):
            onvif.look_up(address)
    with pytest.raises(LookupFailed, match="is not known in this network"):
        onvif.look_up("no such name.invalid".replace(" ", "-"), allowed=HERE)


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        "ftp://10.0.0.1/",
        "http://",
        "http://10.0.0.1:0/",
        "10.0.0.1:x",
        "http://[10.0.0.1/",
        "a\x00b",
        "a b",
        "x" * 600,
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(LookupFailed, match="this is no address of a camera"):
        onvif.device_service(address)


def test_a_name_that_http_cannot_say_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soap, "_address", lambda host, port, allowed: "127.0.0.1")
    with pytest.raises(LookupFailed, match="this is no address of a camera"):
        onvif.look_up("câmera.plant", allowed=HERE)


def test_a_user_in_the_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(LookupFailed) as failed:
        onvif.device_service("http://ana:canary@10.0.0.1/")
    assert "canary" not in failed.value.sentence


def test_how_an_address_may_be_said() -> None:
    said = {
        "10.0.0.1": "http://10.0.0.1/onvif/device_service",
        "camera-3.plant:8080": "http://camera-3.plant:8080/onvif/device_service",
        "https://10.0.0.1/": "https://10.0.0.1/onvif/device_service",
        "http://10.0.0.1/other": "http://10.0.0.1/other",
        "fd00::7": "http://[fd00::7]/onvif/device_service",
    }
    assert {one: onvif.device_service(one).geturl() for one in said} == said


STRANGERS = {
    "a web page": says(b"<html><body>Welcome<br></body></html>"),
    "not found": says(b"no", 404),
    "laughs": says(LAUGHS),
    "a megabyte": says(enveloped("<m/>" + " " * 1_000_000)),
    "just too long": says(enveloped(" " * MOST_BYTES)),
    "a bomb": says(b"\x1f\x8b\x08", Content_Encoding="gzip"),
    "NUL": says(enveloped("\x00")),
    "nothing": says(b""),
    "other XML": says(b"<Envelope/>"),
    "elsewhere": says(b"", 302, Location="http://10.9.8.7/onvif/device_service"),
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_is_no_onvif_camera_is_said(make_camera: MakeCamera, stranger: str) -> None:
    camera = make_camera()
    camera.twists["GetSystemDateAndTime"] = STRANGERS[stranger]
    assert refused(camera, ANA) == "answers, but not as an ONVIF camera does"
    assert camera.calls == ["GetSystemDateAndTime"]


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_camera_that_sends_a_byte_now_and_then_is_left(make_camera: MakeCamera, head: bytes) -> None:
    ended = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(head)
            while not clock.wait(ended, 0.05):
                handler.wfile.write(b"H")
        except OSError:
            ended.set()

    camera = make_camera()
    camera.twists["GetSystemDateAndTime"] = drip
    began = clock.mono()
    try:
        assert refused(camera, seconds=0.7) == "does not answer in time"
    finally:
        ended.set()
    assert clock.mono() - began < 5


def test_a_media_service_elsewhere_is_not_asked(make_camera: MakeCamera) -> None:
    camera, other = make_camera(), make_camera()
    at = other.address.replace("127.0.0.1", "localhost")
    service = f"<Service><Namespace>{onvif.MEDIA[0]}</Namespace><XAddr>{at}</XAddr></Service>"
    camera.twists["GetServices"] = says(enveloped(service))
    assert refused(camera) == "names its media service at another address, which is not asked"
    assert other.calls == []


def test_a_port_of_the_camera_that_may_not_be_reached_is_not_asked(make_camera: MakeCamera) -> None:
    camera, other = make_camera(), make_camera()
    service = f"<Service><Namespace>{onvif.MEDIA[0]}</Namespace><XAddr>{other.address}</XAddr></Service>"
    camera.twists["GetServices"] = says(enveloped(service))
    own = int(camera.address.split(":")[2].split("/")[0])
    with pytest.raises(LookupFailed, match="not among the cameras"):
        onvif.look_up(camera.address, allowed=(f"127.0.0.1:{own}",))
    assert other.calls == []


def test_answers_damaged_anywhere_are_understood_or_refused(make_camera: MakeCamera) -> None:
    seed = 20_261
    print("seed", seed)
    rng, camera = random.Random(seed), make_camera()

    def damaged(name: str) -> Twist:
        def twist(handler: BaseHTTPRequestHandler) -> None:
            raw = bytearray(enveloped(camera.honest(name, ET.Element(f"{{{onvif.MEDIA[0]}}}{name}"), "main")))
            for _ in range(rng.randint(1, 3)):
                raw[rng.randrange(len(raw))] = rng.choice(b"\x00\xff<>&\"'/:@?0a ")
            says(bytes(raw))(handler)

        return twist

    told = 0
    for name in ("GetSystemDateAndTime", "GetServices", "GetProfiles", "GetStreamUri", "GetSnapshotUri") * 12:
        camera.twists = {name: damaged(name)}
        with suppress(LookupFailed):
            told += len(looked_up(camera).profiles)
    assert told


def test_a_stream_of_another_computer_is_not_given_on(make_camera: MakeCamera) -> None:
    camera = make_camera()
    camera.stream_host = "10.9.8.7"
    first = looked_up(camera).profiles[0]
    assert (first.stream, first.problem) == ("", "an address it names is another computer's")
    assert first.snapshot


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtsp://ana:canary@127.0.0.1/s?a=1#x", "rtsp://127.0.0.1/s?a=1"),
        ("rtsp://127.0.0.1/s?user=ana&password=zz", "a password"),
        ("rtsp://127.0.0.1/user=ana_password=zz_channel=1", "a password"),
        ("rtsp://127.0.0.1/s?u=ana&x=can%61ry", "a password"),
        ("rtsp://127.0.0.1/s?auth=YW5h", "a password"),
        ("file:///etc/passwd", "is none"),
        ("rtsp://127.0.0.1:x/", "is none"),
        ("rtsp://127.0.0.1/a\x7fb", "is none"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_what_is_secret(uri: str, shown: str) -> None:
    try:
        said = onvif.shown(uri, ("127.0.0.1",), "canary")
    except LookupFailed as failed:
        said = failed.sentence
    assert said == shown or (shown and said.removesuffix(", and is not shown").endswith(shown))
    assert "canary" not in said


def test_a_very_short_password_hides_an_address_as_a_whole_word_alone() -> None:
    assert onvif.shown("rtsp://127.0.0.1/stream1", ("127.0.0.1",), "1")
    with pytest.raises(LookupFailed, match="a password"):
        onvif.shown("rtsp://127.0.0.1/stream?p=1", ("127.0.0.1",), "1")


def test_numbers_and_times_that_are_none_are_left_out(make_camera: MakeCamera) -> None:
    camera = make_camera()
    camera.twists["GetSystemDateAndTime"] = says(enveloped("<UTCDateTime><Date><Year>-1</Year></Date></UTCDateTime>"))
    coded = "<VideoEncoderConfiguration><Resolution><Width>1e9</Width><Height>-5</Height></Resolution></VideoEncoderConfiguration>"
    many = "".join(f'<Profiles token="{n}"><Name>n\u202e</Name>{coded}</Profiles>' for n in range(500))
    camera.twists["GetProfiles"] = says(enveloped(many + f'<Profiles token="{"x" * 300}"/>'))
    said = looked_up(camera)
    assert (said.clock_offset, len(said.profiles)) == (None, MOST_PROFILES)
    assert (said.profiles[0].name, said.profiles[0].resolution, said.profiles[0].fps) == ("n", None, None)


def silent(ended: threading.Event) -> None:
    """Answer nothing before the test ended."""
    clock.wait(ended, 20)


def test_a_camera_that_grows_slow_is_told_with_what_was_learnt(make_camera: MakeCamera) -> None:
    camera, ended = make_camera(), threading.Event()
    camera.twists["GetSnapshotUri"] = lambda handler: silent(ended)
    try:
        said = looked_up(camera, seconds=3.0)
    finally:
        ended.set()
    assert said.profiles[0].stream
    assert said.profiles[0].problem == "127.0.0.1 does not answer in time"
