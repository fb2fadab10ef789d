"""The cameras at this machine: V4L2 devices by the name that stays, else by their number. None is opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from analyticlens.machine.discovery.hostile import words
from analyticlens.protocol.discovery import FoundCamera

BY_ID = Path("/dev/v4l/by-id")
CLASS = Path("/sys/class/video4linux")
MOST_DEVICES = 64


def local_cameras(seconds: float = 0.0, by_id: Path = BY_ID, known: Path = CLASS) -> Iterator[FoundCamera]:
    """Yield the machine's video devices that give pictures. Where the computer has none, none; `seconds` is not needed."""
    stable = _stable(by_id)
    for number in sorted(_numbers(known))[:MOST_DEVICES]:
        place = known / f"video{number}"
        # A camera has a second device for what is said about its pictures.
        if _said(place / "index") in ("", "0"):
            name = words(_said(place / "name"))
            yield FoundCamera(kind="camera", name=name, camera_id=number, device=stable.get(number, ""))


def _numbers(known: Path) -> Iterator[int]:
    for path in _entries(known):
        number = path.name.removeprefix("video")
        if path.name.startswith("video") and number.isascii() and number.isdigit() and len(number) < 5:
            yield int(number)


def _stable(by_id: Path) -> dict[int, str]:
    """Return the stable name of each device that has one."""
    found: dict[int, str] = {}
    for path in _entries(by_id):
        number = Path(path.resolve()).name.removeprefix("video")
        if number.isascii() and number.isdigit() and path.name.isprintable() and len(path.name) <= 200:
            found.setdefault(int(number), path.name)
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _said(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
