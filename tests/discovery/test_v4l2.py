"""The machine's own cameras, listed from folders as Linux has them. Not run on hardware."""

from __future__ import annotations

from pathlib import Path

from analyticlens.machine.discovery.v4l2 import local_cameras


def device(known: Path, number: int, name: str, index: int | None) -> None:
    """Make what the kernel shows of one video device."""
    place = known / f"video{number}"
    place.mkdir(parents=True)
    (place / "name").write_text(name + "\n")
    if index is not None:
        (place / "index").write_text(f"{index}\n")


def test_cameras_by_the_name_that_stays_and_by_number(tmp_path: Path) -> None:
    known, by_id = tmp_path / "class", tmp_path / "by-id"
    device(known, 10, "Bench\x1b camera", None)
    device(known, 2, "USB camera: USB camera", 0)
    device(known, 3, "USB camera: USB camera", 1)
    (known / "v4l-subdev0").mkdir()
    (known / "video²").mkdir()
    by_id.mkdir()
    (by_id / "usb-Maker_USB_camera_0123-video-index0").symlink_to("../../video2")
    (by_id / "usb-Maker_USB_camera_0123-video-index1").symlink_to("../../video3")
    (by_id / "nothing").symlink_to("../../none")
    found = [(one.kind, one.name, one.camera_id, one.device) for one in local_cameras(by_id=by_id, known=known)]
    assert found == [
        ("camera", "USB camera: USB camera", 2, "usb-Maker_USB_camera_0123-video-index0"),
        ("camera", "Bench camera", 10, ""),
    ]


def test_a_computer_without_cameras_has_none(tmp_path: Path) -> None:
    assert list(local_cameras(by_id=tmp_path / "a", known=tmp_path / "b")) == []
