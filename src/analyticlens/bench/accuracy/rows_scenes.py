"""Two real photographs that everybody in the field knows: a printed circuit board, and a box found in a cluttered scene.

They are OpenCV's samples and not ours to hand on: where the folder that holds them is not there (`AL_PHOTOGRAPHS`, or where Debian's
opencv-doc puts them), there are no rows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.accuracy.table import Row, Tally
from analyticlens.engine import Prepared, inspect, prepare
from analyticlens.engine.pattern.teach import teach_match
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Rect

FOLDER = Path("/usr/share/doc/opencv-doc/examples/data")
# Parts of the board that are taught, and how far the whole of it is moved and turned.
CHIPS = (Rect(x=180, y=160, w=120, h=90), Rect(x=330, y=240, w=110, h=90), Rect(x=200, y=300, w=100, h=80))
SHIFT, TURN = 25.0, 30.0
NOISE = 2.0
# Where the middle of the box lies in its scene: by the homography of 73 SIFT features, which see the perspective that one turn and one
# size cannot follow; so the place is right to a pixel or two.
BOX = (187.0, 223.9)
GROSS = 3.0


def folder() -> Path | None:
    """Return where the photographs lie, None where they are not installed."""
    place = Path(os.environ.get("AL_PHOTOGRAPHS") or FOLDER)
    return place if (place / "board.jpg").is_file() else None


def rows(seed: int, n: int) -> Iterator[Row]:
    """Yield how parts of the board are found when it is moved, turned and lit otherwise, and the box in its scene."""
    place = folder()
    if place is None:
        return
    yield _board(_read(place / "board.jpg"), np.random.default_rng([seed, 50]), n)
    yield _box(_read(place / "box.png"), _read(place / "box_in_scene.png"), np.random.default_rng([seed, 51]), n)


def _read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None, path
    return np.asarray(picture, np.uint8)


def _taught(picture: NDArray[np.uint8], place: Rect, **params: Any) -> Prepared:
    tool, blobs = teach_match(picture, place, **params)
    return prepare(Recipe(tools=(tool.model_copy(update={"region": None}),)), blobs)


def _lit(exact: NDArray[Any], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture in other light, with a camera's noise."""
    seen = exact * rng.uniform(0.75, 1.1) + rng.uniform(-10, 10) + rng.normal(0, NOISE, exact.shape)
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def _board(board: NDArray[np.uint8], rng: np.random.Generator, n: int) -> Row:
    taught = [_taught(board, chip, angle_min=-TURN, angle_max=TURN) for chip in CHIPS]
    height, width = board.shape
    tally = Tally()
    for number in range(n):
        chip = CHIPS[number % len(CHIPS)]
        turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-TURN, TURN), 1.0), np.float64)
        turn[:, 2] += rng.uniform(-SHIFT, SHIFT, 2)
        moved = cv2.warpAffine(board, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        x, y = turn @ (chip.x + (chip.w - 1) / 2, chip.y + (chip.h - 1) / 2, 1.0)
        _one(_lit(moved, rng), taught[number % len(CHIPS)], (float(x), float(y)), tally)
    return tally.row("match", "circuit board, moved, turned, other light", "place", "px", p95=0.1, fails=0)


def _box(box: NDArray[np.uint8], scene: NDArray[np.uint8], rng: np.random.Generator, n: int) -> Row:
    """The box fills its picture and is about half as large in the scene."""
    half = np.asarray(cv2.resize(box, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    whole = Rect(x=0, y=0, w=half.shape[1], h=half.shape[0])
    searched = {"angle_min": -45, "angle_max": 45, "scale_min": 0.8, "scale_max": 1.25, "min_score": 0.5}
    prepared = _taught(half, whole, **searched)
    tally = Tally()
    for number in range(n):
        _one(scene if number == 0 else _lit(scene, rng), prepared, BOX, tally)
    return tally.row("match", "box in its scene, other light", "place", "px", worst=2.0, fails=0)


def _one(frame: NDArray[np.uint8], prepared: Prepared, truth: tuple[float, float], tally: Tally) -> None:
    outcome = tally.timed(inspect, frame, prepared).tools[0]
    found = outcome.features
    if outcome.status != "ok" or math.hypot(found["x"] - truth[0], found["y"] - truth[1]) > GROSS:
        tally.fail()
        return
    tally.add(place=found["x"] - truth[0])
    tally.add(place=found["y"] - truth[1])
