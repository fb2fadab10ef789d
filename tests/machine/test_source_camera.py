"""A camera at the machine, through its seam: a video file in place of the device. No such hardware was at hand."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest

from analyticlens.machine import clock
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources import Place, Wanted, open_source
from analyticlens.machine.sources.camera import CameraFeed, device_of
from analyticlens.machine.sources.live import LiveSource
from analyticlens.protocol.configuration import CameraSource, Configuration, PiCameraSource
from tests.house.tree import ROOT
from tests.machine.helpers import discs


@pytest.fixture
def video(tmp_path: Path) -> str:
    path = str(tmp_path / "device.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 200))
    for count in range(1, 6):
        writer.write(cv2.cvtColor(discs(count), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_its_frames_come_until_it_is_unplugged(video: str) -> None:
    feed = CameraFeed(CameraSource(), video, cv2.CAP_ANY)
    shapes = []
    for _ in range(5):
        feed.advance()
        shapes.append(feed.picture().shape)
    assert shapes == [(200, 320, 3)] * 5
    with pytest.raises(SourceRefused, match="no more pictures"):
        feed.advance()
    feed.close()


def test_what_was_asked_for_is_read_back(video: str) -> None:
    feed = CameraFeed(CameraSource(exposure=80, gain=3), video, cv2.CAP_ANY)
    assert set(feed.facts) == {"exposure", "gain"}
    feed.close()
    assert CameraFeed(CameraSource(), video, cv2.CAP_ANY).facts == {}


def test_the_newest_frame_is_taken_and_the_end_is_told(video: str) -> None:
    config = CameraSource(fps=1)
    source = LiveSource(config, Place(Path("/nowhere")), lambda: CameraFeed(config, video, cv2.CAP_ANY))
    frame = source.grab(Wanted(clock.mono()))
    assert frame.image is not None
    with pytest.raises(SourceRefused, match="no more pictures"):
        [source.grab(Wanted(clock.mono(), asked=True)) for _ in range(6)]


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(SourceRefused, match="there is no camera 4711 at this machine"):
        open_source(CameraSource(camera_id=4711), Place(Path("/nowhere")))


def test_a_stable_name_leads_to_a_device_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "usb-cam").symlink_to("/dev/null")
    (tmp_path / "usb-file").write_text("")
    assert device_of(CameraSource(device="usb-cam"), tmp_path) == str(tmp_path / "usb-cam")
    assert device_of(CameraSource(device="/dev/v4l/by-id/usb-cam"), tmp_path) == str(tmp_path / "usb-cam")
    for name, lasting in (
        ("usb-gone", False),
        ("usb-file", True),
        ("../usb-cam", True),
        ("..", True),
        ("/etc/passwd", True),
    ):
        with pytest.raises(SourceRefused) as refused:
            device_of(CameraSource(device=name), tmp_path)
        assert refused.value.lasting == lasting, name


@pytest.mark.skipif(os.path.exists("/usr/lib/python3/dist-packages/picamera2"), reason="picamera2 is installed here")
def test_a_missing_library_is_said() -> None:
    with pytest.raises(SourceRefused, match="comes with Raspberry Pi OS"):
        open_source(PiCameraSource(), Place(Path("/nowhere")))


def test_the_guides_examples_are_configurations() -> None:
    guide = (ROOT / "docs" / "sources.md").read_text()
    examples = [block for block in guide.split("```json\n")[1:] if block.startswith('{"source":')]
    kinds = [Configuration.model_validate_json(block.partition("```")[0]).source.type for block in examples]
    assert kinds == ["rtsp", "camera"]
