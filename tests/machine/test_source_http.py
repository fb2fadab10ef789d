"""HTTP cameras: streams of JPEGs, single ones, passwords, and what else answers at such an address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analyticlens.machine import clock
from analyticlens.machine.login import NOBODY, Login
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources import Place, Source, Wanted, open_source
from analyticlens.machine.sources.multipart import NotParts, Parts
from analyticlens.protocol.configuration import IpCameraSource
from tests.peers.http_camera import PASSWORD, USER, http_camera

KNOWN = Login(USER, PASSWORD)


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    with http_camera() as address:
        yield address


def opened(url: str, login: Login = NOBODY) -> Source:
    return open_source(
        IpCameraSource(rtsp_url=url, fps=25), Place(Path("/nowhere"), login=login, cameras=("127.0.0.0/8",))
    )


@pytest.mark.parametrize(
    "path", ["stream", "bare", "shot", "shot?size=full", "basic/stream", "digest/stream", "digest/shot"]
)
def test_each_frame_is_a_new_one(camera: str, path: str) -> None:
    source = opened(camera + path, KNOWN)
    numbers = []
    for _ in range(5):
        asked = clock.mono()
        frame = source.grab(Wanted(asked, asked=True))
        assert frame.image is not None
        assert frame.image.shape[:2] == (200, 320)
        assert frame.reason == ""
        assert frame.mono is not None
        assert frame.mono >= asked
        numbers.append(frame.number)
    source.close()
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("page", "127.0.0.1 shows a web page at this address, not pictures"),
        ("data", "127.0.0.1 sends no pictures at this address but application/json"),
        ("nix", "127.0.0.1 has no stream at this path"),
        ("moved", "127.0.0.1 points to another address, which is not followed: give that address instead"),
        ("basic/shot", "127.0.0.1 refuses the user or the password"),
        ("digest/stream", "127.0.0.1 refuses the user or the password"),
        ("boundless", "127.0.0.1 sends what is no stream of pictures"),
        ("lies", "127.0.0.1 sends what is no stream of pictures"),
    ],
)
def test_what_is_no_stream_is_said(camera: str, path: str, sentence: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        opened(camera + path, Login(USER, "wrong canary"))
    assert refused.value.sentence == sentence


def test_a_stream_that_ends(camera: str) -> None:
    source = opened(camera + "ends")
    with pytest.raises(SourceRefused, match="the stream ended"):
        [source.grab(Wanted(clock.mono(), asked=True)) for _ in range(9)]


@pytest.mark.parametrize(
    "address",
    ["", "file:///etc/passwd", "rtsp://", "http://bob:canary@host/", "http://h:99999/", "gopher://x/", "rtsp://a b/"],
)
def test_an_address_that_is_none_is_refused_for_good(address: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        opened(address)
    assert refused.value.lasting
    assert "canary" not in refused.value.sentence


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_parts_come_whole_whatever_the_pieces(step: int) -> None:
    bodies = [b"first\r\n--", b"", b"x" * 999]
    whole = b"\r\n" + b"".join(b"--m\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(body), body) for body in bodies)
    parts = Parts(whole[at : at + step] for at in range(0, len(whole), step))
    assert [parts.next() for _ in bodies] == bodies
    with pytest.raises(EOFError):
        parts.next()


@pytest.mark.parametrize("junk", [b"<html>\r\n", b"x" * 5000, b"--m\r\n" + b"h" * 20_000])
def test_junk_is_no_stream(junk: bytes) -> None:
    with pytest.raises(NotParts):
        Parts(iter([junk])).next()
