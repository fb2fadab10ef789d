"""The watch over a live source: how long it is left alone after a loss, and when it counts as failed."""

from __future__ import annotations

import pytest

from analyticlens.machine import watch
from analyticlens.machine.watch import CameraWatch, is_live
from analyticlens.protocol.configuration import CameraSource, FolderSource, RtspSource


class Clock:
    """A monotonic clock that a test moves."""

    now = 1000.0

    def mono(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(watch, "clock", moved)
    return moved


def lose(camera: CameraWatch, clock: Clock, after: float) -> tuple[str, str, float]:
    clock.now += after
    return camera.lost("camera_stalled", "silence", 1.0)


def test_pauses_grow_and_begin_anew_when_it_was_well(clock: Clock) -> None:
    camera = CameraWatch()
    assert [lose(camera, clock, 6)[2] for _ in range(6)] == [1.0, 2.0, 5.0, 10.0, 30.0, 30.0]
    assert lose(camera, clock, 100)[2] == 1.0


def test_five_losses_in_ten_minutes_are_a_failed_camera_and_are_forgotten_later(clock: Clock) -> None:
    camera = CameraWatch()
    codes = [lose(camera, clock, 70)[0] for _ in range(6)]
    assert codes == ["camera_stalled"] * 4 + ["camera_failed"] * 2
    assert lose(camera, clock, 601)[0] == "camera_stalled"


def test_a_failed_camera_says_what_was_wrong_at_last(clock: Clock) -> None:
    camera = CameraWatch()
    said = [lose(camera, clock, 1)[1] for _ in range(5)][-1]
    assert said == "the camera was lost 5 times in 10 minutes; at last: silence"


def test_the_age_of_a_frame_grows_until_a_newer_one_is_heard_of(clock: Clock) -> None:
    camera = CameraWatch()
    camera.opened(RtspSource())
    assert camera.frame_age is None
    camera.heard({"fps": 25.0, "resolution": [640, 480]}, 0.5)
    clock.now += 2
    assert camera.frame_age == 2.5
    facts = camera.facts()
    assert facts is not None
    assert (facts.fps, facts.resolution, facts.exposure, facts.restarts) == (25.0, (640, 480), None, 0)


def test_a_folder_is_not_watched(clock: Clock) -> None:
    camera = CameraWatch()
    camera.opened(FolderSource())
    assert (camera.frame_age, camera.facts()) == (None, None)
    assert [is_live(source) for source in (FolderSource(), CameraSource(), RtspSource())] == [False, True, True]
