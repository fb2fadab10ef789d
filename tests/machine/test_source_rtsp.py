"""RTSP cameras: their pictures, their moments, and what is said when there are none. The camera is GStreamer's RTSP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from analyticlens.machine import clock
from analyticlens.machine.login import NOBODY, Login
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources import Place, Source, Wanted, open_source
from analyticlens.protocol.configuration import RtspSource
from tests.peers.cameras import RtspCamera, need_rtsp

HERE = ("127.0.0.1",)


@pytest.fixture(scope="module")
def camera() -> Iterator[RtspCamera]:
    need_rtsp()
    with RtspCamera() as started:
        yield started


def opened(url: str, login: Login = NOBODY, **more: object) -> Source:
    config = RtspSource.model_validate({"rtsp_url": url, "fps": 25, **more})
    return open_source(config, Place(Path("/nowhere"), login=login, cameras=HERE))


def until_it_ends(source: Source) -> list[tuple[int, ...]]:
    """Grab until the source refuses, which it raises; return the sizes seen, should it not."""
    return [
        image.shape for _ in range(200) if (image := source.grab(Wanted(clock.mono(), asked=True)).image) is not None
    ]


def refused(url: str, login: Login = NOBODY) -> str:
    with pytest.raises(SourceRefused) as problem:
        opened(url, login)
    return problem.value.sentence


def test_each_frame_is_a_new_one_captured_after_it_was_asked_for(camera: RtspCamera) -> None:
    source = opened(camera.url)
    numbers = []
    for _ in range(20):
        asked = clock.mono()
        frame = source.grab(Wanted(asked, asked=True))
        numbers.append(frame.number)
        assert frame.image is not None
        assert frame.image.shape == (200, 320, 3)
        assert frame.mono is not None
        assert asked <= frame.mono <= clock.mono()
        assert frame.reason == ""
    source.close()
    assert numbers == sorted(set(numbers))


def test_a_delay_that_is_known_is_waited_out(camera: RtspCamera) -> None:
    source = opened(camera.url, delay_ms=300)
    asked = clock.mono()
    frame = source.grab(Wanted(asked, asked=True))
    source.close()
    assert clock.mono() - asked >= 0.3
    assert frame.mono is not None
    assert frame.mono >= asked


def test_a_frozen_picture_is_never_judged_again(camera: RtspCamera) -> None:
    source = opened(camera.url)
    camera.do("freeze")
    reasons = [source.grab(Wanted(clock.mono(), asked=True)).reason for _ in range(30)]
    camera.do("run")
    source.close()
    assert reasons[-1] == "frozen"
    # Until the frozen picture itself came, frames were new; from then on none is.
    first = reasons.index("frozen")
    assert set(reasons[first:]) == {"frozen"}


def test_a_picture_of_another_size_opens_the_stream_anew_instead_of_being_stretched(camera: RtspCamera) -> None:
    source = opened(camera.url)
    camera.do("size 400 240")
    with pytest.raises(SourceRefused) as problem:
        until_it_ends(source)
    source.close()
    assert problem.value.code == "source_changed"
    again = opened(camera.url)
    image = again.grab(Wanted(clock.mono(), asked=True)).image
    again.close()
    camera.do("size 320 200")
    assert image is not None
    assert image.shape == (240, 400, 3)


def test_silence_is_told_by_the_pulse(camera: RtspCamera) -> None:
    source = opened(camera.url)
    source.grab(Wanted(clock.mono()))
    assert source.pulse().problem == ""
    camera.do("silent")
    deadline = clock.mono() + 8
    while not (pulse := source.pulse()).problem and clock.mono() < deadline:
        threading.Event().wait(0.1)
    camera.do("run")
    source.close()
    assert pulse.code == "camera_stalled"


def test_a_wrong_path(camera: RtspCamera) -> None:
    assert refused(camera.url + "nix") == "127.0.0.1 has no stream at this path"


def test_an_address_nobody_listed_is_not_even_tried(camera: RtspCamera) -> None:
    config = RtspSource(rtsp_url=camera.url)
    for cameras in (None, (), ("127.0.0.1:1",), ("10.0.0.0/8",)):
        with pytest.raises(SourceRefused, match="not among the cameras"):
            open_source(config, Place(Path("/nowhere"), cameras=cameras))


def test_a_password() -> None:
    need_rtsp()
    with RtspCamera("bob", "a p@ss:w/rd") as locked:
        source = opened(locked.url, Login("bob", "a p@ss:w/rd"))
        assert isinstance(source.grab(Wanted(clock.mono())).image, np.ndarray)
        source.close()
        for login in (NOBODY, Login("bob", "canary-7"), Login("eve", "a p@ss:w/rd")):
            assert refused(locked.url, login) == "127.0.0.1 refuses the user or the password"


def test_a_camera_that_ends() -> None:
    need_rtsp()
    with RtspCamera() as camera:
        source = opened(camera.url)
        camera.kill()
        with pytest.raises(SourceRefused, match="the stream ended"):
            until_it_ends(source)
        source.close()
        assert refused(camera.url) == f"127.0.0.1 is there but nothing answers at port {camera.port}"
