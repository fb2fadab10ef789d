"""What the machine's tests share: drawn folders, a recipe with a known truth, records to put into an outbox."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.machine import clock
from analyticlens.machine.station import StationSettings
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import EventBody, VerdictBody
from analyticlens.protocol.words import Verdict

THREE = Recipe.model_validate(
    {"tools": [{"id": 1, "name": "discs", "type": "blob", "limits": [{"feature": "blob_count", "min": 3, "max": 3}]}]}
)
FOUR = Recipe.model_validate(
    {"tools": [{"id": 1, "name": "discs", "type": "blob", "limits": [{"feature": "blob_count", "min": 4, "max": 4}]}]}
)


def discs(count: int, size: tuple[int, int] = (320, 200)) -> NDArray[np.uint8]:
    """Return a dark picture with count bright discs, (H, W) uint8."""
    picture = np.zeros((size[1], size[0]), np.uint8)
    for index in range(count):
        cv2.circle(picture, (30 + 50 * index, size[1] // 2), 15, 200, -1)
    return picture


def encode(picture: NDArray[Any], extension: str = ".png") -> bytes:
    """Return a picture as a file's bytes."""
    done, raw = cv2.imencode(extension, picture)
    assert done
    return raw.tobytes()


def fill(folder: Path, counts: list[int]) -> Path:
    """Put one picture of so many discs each into folder, named 00.png, 01.png…"""
    folder.mkdir(parents=True, exist_ok=True)
    for index, count in enumerate(counts):
        (folder / f"{index:02}.png").write_bytes(encode(discs(count)))
    return folder


def broken(path: Path, raw: bytes) -> None:
    """Put a file that is no whole picture there, written so long ago that nobody waits for the rest."""
    path.write_bytes(raw)
    os.utime(path, (0, 0))


def configuration(folder: str = "pictures", trigger: dict[str, Any] | None = None, **more: Any) -> Configuration:
    """Return a configuration that reads a folder; by default as fast as frames come."""
    source = more.pop("source", {"type": "pasta", "folder_path": folder})
    trigger = trigger or {"type": "continuous", "pace": "frames"}
    return Configuration.model_validate({"source": source, "trigger": trigger, **more})


def camera(number: int, **more: Any) -> Configuration:
    """Return a configuration of one of strange_child's cameras."""
    return configuration(source={"type": "camera", "camera_id": number}, **more)


def settings(data: Path, **more: Any) -> StationSettings:
    """Return a machine's settings with its files below data."""
    return StationSettings("vm_test", data, data / "vm_config.json", **more)


def verdict(cycle: int = 1, word: Verdict = "ok", **more: Any) -> VerdictBody:
    """Return a verdict record."""
    told = {"cycle": cycle, "generation": 1, "trigger_count": cycle, "mode": "TESTE", "simulated": True}
    return VerdictBody.model_validate({"verdict": word, **told, "wall": clock.wall_text(), **more})


def event(message: str = "") -> EventBody:
    """Return an event record."""
    return EventBody(code="told", message=message, wall=clock.wall_text())
