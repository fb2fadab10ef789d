"""What the three demonstration stations have in common: a picture with its truth, and the station that judges such pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.protocol.configuration import Configuration, ContinuousTrigger, FolderSource
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.words import Verdict

Picture = NDArray[np.uint8]
Parameters = dict[str, Any]


@dataclass(frozen=True)
class Truth:
    """What a picture shows: the parameters that made it, the verdict that follows from them, and features worth checking.

    `features` maps tool name -> feature name -> exact value.
    """

    kind: str
    verdict: Verdict
    parameters: Parameters
    reason: str | None = None
    features: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """One file of a station's folder: its truth and the bytes that come of it."""

    truth: Truth
    encoded: Callable[[], bytes]


@dataclass(frozen=True)
class DemoStation:
    """One machine of the demonstration line."""

    machine_id: str
    name: str
    description: str
    folder: str
    recipe: Recipe
    draw: Callable[[np.random.Generator, int], Iterable[Drawn]]
    interval_ms: int = 1000
    resolution: tuple[int, int] = (752, 480)

    @property
    def configuration(self) -> Configuration:
        """The configuration its machine runs with; the folder is relative to the machine's data folder."""
        return Configuration(
            source=FolderSource(folder_path=self.folder, resolution=self.resolution),
            trigger=ContinuousTrigger(interval_ms=self.interval_ms),
        )


def deal(rng: np.random.Generator, shares: dict[str, int], n: int) -> list[str]:
    """Return n kinds of picture in random order, dealt in the given shares; each kind of a full deck occurs in every such deck."""
    deck = [kind for kind, share in shares.items() for _ in range(share)]
    kinds: list[str] = []
    while len(kinds) < n:
        kinds.extend(deck[i] for i in rng.permutation(len(deck)))
    return kinds[:n]


def through_a_camera(scene: Picture, rng: np.random.Generator, noise: float = 3.0) -> Picture:
    """Return the scene as a camera gives it: slightly blurred, unevenly lit (+-4 %) and noisy.

    `scene` is (H, W) uint8 grey; `noise` is the standard deviation in grey levels.
    """
    height, width = scene.shape
    blurred = cv2.GaussianBlur(scene, (0, 0), float(rng.uniform(0.8, 1.3))).astype(np.float32)
    slope_x, slope_y = rng.uniform(-0.04, 0.04, 2)
    light = 1 + slope_x * np.linspace(-1, 1, width)[None, :] + slope_y * np.linspace(-1, 1, height)[:, None]
    seen = blurred * light.astype(np.float32) + rng.normal(0, noise, scene.shape).astype(np.float32)
    return as_picture(seen)


def as_picture(values: NDArray[np.float32]) -> Picture:
    """Return values rounded and clipped to the grey levels 0 to 255."""
    picture: Picture = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return picture


def jpeg(picture: Picture, quality: int = 92) -> bytes:
    """Return the picture as a JPEG file."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("OpenCV could not encode the picture")
    return data.tobytes()


# OpenCV draws at whole numbers; these are sixteenths of a pixel.
SHIFT = 4


def fixed(value: float) -> int:
    """Return a coordinate or radius in OpenCV's sixteenths of a pixel."""
    return round(value * (1 << SHIFT))


def paint_disc(scene: Picture, x: float, y: float, radius: float, grey: int) -> None:
    """Paint a disc about (x, y), with smooth rim."""
    cv2.circle(scene, (fixed(x), fixed(y)), fixed(radius), grey, -1, cv2.LINE_AA, SHIFT)


def paint_polygon(scene: Picture, corners: Iterable[Sequence[float]], grey: int) -> None:
    """Paint a filled polygon through the corners (x, y), with smooth rim."""
    points = np.array([[fixed(x), fixed(y)] for x, y in corners], np.int32)
    cv2.fillPoly(scene, [points], grey, cv2.LINE_AA, SHIFT)


def paint_box(scene: Picture, left: float, top: float, width: float, height: float, grey: int) -> None:
    """Paint a rectangle that covers the pixels from left to left + width - 1, as a region does, each pixel by its covered share."""
    across = _covered(left - 0.5, left + width - 0.5, scene.shape[1])
    down = _covered(top - 0.5, top + height - 0.5, scene.shape[0])
    share = np.outer(down, across)
    scene[:] = as_picture(scene * (1 - share) + grey * share)


def _covered(start: float, end: float, pixels: int) -> NDArray[np.float32]:
    """Return of each pixel in a row the share that lies between start and end; pixel i reaches from i - 0.5 to i + 0.5."""
    centres = np.arange(pixels, dtype=np.float32)
    share: NDArray[np.float32] = np.clip(np.minimum(centres + 0.5, end) - np.maximum(centres - 0.5, start), 0, 1)
    return share


def rounded(value: float) -> float:
    """Return value with the two decimals a truth file keeps."""
    return round(float(value), 2)
