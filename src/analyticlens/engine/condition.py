"""The condition of a picture before it is judged: brightness, black, saturated, sharpness and place against a commissioning picture.

Sharpness is the mean square of the gradient over the square of the mean grey value, after a Gaussian of one pixel (J. M. Tenenbaum,
"Accommodation in computer vision", 1970). Displacement is the peak of the phase correlation of the patch with a Hann window (C. D.
Kuglin and D. C. Hines, "The phase correlation image alignment method", 1975), refined below a pixel; half of the patch's side is the
farthest that can be seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.levels import depth_of
from analyticlens.protocol.picture_health import LARGEST_PATCH, SMALLEST_SIDE, PictureHealth

BLACK_SHARE = 0.02
WHITE_SHARE = 0.01
# The height of the correlation's peak for the same patch with noise is above .2, for two unlike patches below .05.
LEAST_ALIKE = 0.1
# A patch whose grey values spread less than this share of full scale shows nothing that could be found again.
LEAST_SPREAD = 0.01
REFINING_STEPS = 4
REFINED_SIDE = 384
FARTHEST_REFINED = 2.0
# Left out at the rim of the refined part, where moving brings in what was not seen.
RIM = 4
# A patch with one direction only does not say where it lies along it.
FLATTEST = 1e4
CENTRE_SIDE = math.isqrt(LARGEST_PATCH)
Grey = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """What a picture is like: `features` by name; `reason` and `message` where a limit is broken, "" where none is."""

    features: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Taught:
    """The commissioning picture's patch (h, w), of float32, its sharpness, the picture's size (width, height).

    `tells` says whether anything is on the patch that could be found again.
    """

    patch: NDArray[np.float32]
    sharpness: float
    size: tuple[int, int]
    tells: bool


class Watch:
    """The limits of a station on its own pictures, ready for any number of them. Used by one thread."""

    def __init__(self, health: PictureHealth, blobs: Mapping[str, bytes]) -> None:
        """Take the limits, and the commissioning picture out of `blobs`. Raises CannotBuild with one sentence."""
        self._health = health
        self._taught = _taught(health, blobs) if health.reference else None

    @property
    def limited(self) -> bool:
        """Whether a picture can be refused, so that each has to be measured."""
        return self._health.limited

    def measure(self, image: NDArray[Any], bits: int | None = None, *, whole: bool = True) -> Condition:
        """Return the condition of a picture (H, W) grey or (H, W, 3) BGR, uint8 or uint16 of so many bits (None: 16).

        Without `whole` only what has a limit is measured. A picture of another size than the commissioning picture breaks every limit
        against it.
        """
        health, taught = self._health, self._taught
        part = _part(image, health)
        if part is None:
            return Condition({}, "picture_size", "the fixed patch does not lie inside the picture")
        full = depth_of(image.dtype, bits).full
        features = _levels(_thinned(part if health.patch[2] else image), full)
        size = (image.shape[1], image.shape[0])
        if taught is not None and taught.size != size and health.against:
            sentence = f"the commissioning picture is {_times(taught.size)}, this one is {_times(size)}"
            return Condition(features, "picture_size", sentence)
        if whole or health.against:
            patch = _grey32(part)
            features["sharpness"] = _sharpness(patch)
            if taught is not None and taught.size == size:
                self._compare(features, patch, full, taught)
        return Condition(features, *self._verdict(features))

    def _compare(self, features: dict[str, float], patch: NDArray[np.float32], full: int, taught: _Taught) -> None:
        """Add what the picture is against the commissioning picture; what cannot be said stays out."""
        if taught.sharpness > 0:
            features["sharpness_share"] = 100 * features["sharpness"] / taught.sharpness
        if not (taught.tells and _tells(patch, full)):
            return
        dx, dy, alike = _shift(taught.patch, patch)
        features["alike"] = alike
        if alike >= LEAST_ALIKE:
            dx, dy = _refined(taught.patch, patch, round(dx), round(dy))
            features |= {"displacement_x": dx, "displacement_y": dy, "displacement": math.hypot(dx, dy)}

    def _verdict(self, features: dict[str, float]) -> tuple[str, str]:
        """Return reason and sentence of the first limit that is broken, or not known to be kept; "" and "" where none is."""
        health = self._health
        looks: list[tuple[str, float | None, bool, str, str]] = [
            ("brightness", health.brightness_min, True, "picture_dark", "the picture's brightness is {} %, below {} %"),
            ("black", health.black_max, False, "picture_dark", "{} % of the picture is black, more than {} %"),
            (
                "brightness",
                health.brightness_max,
                False,
                "picture_bright",
                "the picture's brightness is {} %, above {} %",
            ),
            (
                "saturated",
                health.saturated_max,
                False,
                "picture_bright",
                "{} % of the picture is saturated, more than {} %",
            ),
            (
                "displacement",
                health.displacement_max,
                False,
                "picture_displaced",
                "the picture is displaced by {} px, more than {} px",
            ),
            (
                "sharpness_share",
                health.sharpness_min,
                True,
                "picture_blurred",
                "the picture's sharpness is {} % of commissioning, below {} %",
            ),
        ]
        for name, limit, least, reason, sentence in looks:
            if limit is None:
                continue
            value = features.get(name)
            if value is None:
                return reason, "nothing of the commissioning picture is seen"
            if value < limit if least else value > limit:
                return reason, sentence.format(f"{value:.1f}", f"{limit:g}")
        return "", ""


def _taught(health: PictureHealth, blobs: Mapping[str, bytes]) -> _Taught:
    """Return the commissioning picture's patch. Raises CannotBuild."""
    name = health.reference
    try:
        content = np.frombuffer(blobs[name], np.uint8)
    except KeyError:
        raise CannotBuild(f"the commissioning picture {name[:12]}… is not here") from None
    picture = cv2.imdecode(content, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH) if content.size else None
    if picture is None or picture.dtype not in (np.uint8, np.uint16):
        raise CannotBuild(f"the commissioning picture {name[:12]}… cannot be read")
    part = _part(picture, health)
    if part is None:
        raise CannotBuild("the fixed patch does not lie inside the commissioning picture")
    patch = _grey32(part)
    tells = _tells(patch, depth_of(picture.dtype).full)
    if health.displacement_max is not None and not tells:
        raise CannotBuild("the fixed patch of the commissioning picture shows nothing that could be found again")
    return _Taught(patch, _sharpness(patch), (picture.shape[1], picture.shape[0]), tells)


def _part(image: NDArray[Any], health: PictureHealth) -> NDArray[Any] | None:
    """Return the patch of a picture, the middle of it where none was chosen; None where it is not inside."""
    height, width = image.shape[:2]
    x, y, w, h = health.patch
    if not w:
        w, h = min(width, CENTRE_SIDE), min(height, CENTRE_SIDE)
        x, y = (width - w) // 2, (height - h) // 2
    return image[y : y + h, x : x + w] if x + w <= width and y + h <= height else None


def _shift(before: NDArray[np.float32], now: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return by how many columns and rows a patch (h, w) has moved, and how alike the two are, 0 to 1."""
    window = cv2.createHanningWindow((now.shape[1], now.shape[0]), cv2.CV_32F)
    # It may multiply its arguments by the window where they lie.
    (dx, dy), alike = cv2.phaseCorrelate(before.copy(), now.copy(), window)
    return (dx, dy, min(max(alike, 0.0), 1.0)) if math.isfinite(alike + dx + dy) else (0.0, 0.0, 0.0)


def _refined(before: NDArray[np.float32], now: NDArray[np.float32], dx: int, dy: int) -> tuple[float, float]:
    """Return the shift to a small part of a pixel, from the parts that both show, whatever the light.

    The peak of the correlation knows it to about a pixel; from there the least squares of the grey values decide (B. D. Lucas and
    T. Kanade, "An iterative image registration technique", 1981).
    """
    height, width = now.shape
    left, right, top, bottom = max(dx, 0), width + min(dx, 0), max(dy, 0), height + min(dy, 0)
    if min(right - left, bottom - top) < SMALLEST_SIDE:
        return float(dx), float(dy)
    rows, columns = _middle(top - dy, bottom - dy), _middle(left - dx, right - dx)
    then = _even(before[rows, columns])
    seen = _even(now[rows.start + dy : rows.stop + dy, columns.start + dx : columns.stop + dx])
    core = np.s_[RIM:-RIM, RIM:-RIM]
    across = cv2.Sobel(then, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)[core]
    down = cv2.Sobel(then, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)[core]
    steep = np.array(
        [[np.vdot(across, across), np.vdot(across, down)], [np.vdot(across, down), np.vdot(down, down)]], np.float64
    )
    if np.linalg.cond(steep) > FLATTEST:
        return float(dx), float(dy)
    rest = np.zeros(2)
    for _ in range(REFINING_STEPS):
        moved = cv2.warpAffine(
            seen,
            np.array([[1, 0, rest[0]], [0, 1, rest[1]]], np.float64),
            (seen.shape[1], seen.shape[0]),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        left_over = (then - moved)[core]
        rest += np.linalg.solve(steep, [np.vdot(across, left_over), np.vdot(down, left_over)])
    if not np.hypot(*rest) < FARTHEST_REFINED:
        return float(dx), float(dy)
    return dx + float(rest[0]), dy + float(rest[1])


def _even(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a smooth patch of mean 0 and spread 1, so that light matters no more."""
    smooth = cv2.GaussianBlur(patch, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
    mean, spread = cv2.meanStdDev(smooth)
    return (smooth - np.float32(mean[0, 0])) / np.float32(max(spread[0, 0], 1e-6))


def _middle(begin: int, end: int) -> slice:
    """Return the middle of a span, as long as is enough for the refinement."""
    over = max(end - begin - REFINED_SIDE, 0) // 2
    return slice(begin + over, end - over)


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _tells(patch: NDArray[np.float32], full: int) -> bool:
    """Return whether a patch shows anything that could be found again."""
    smooth = cv2.GaussianBlur(patch, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
    return float(cv2.meanStdDev(smooth)[1][0, 0]) >= LEAST_SPREAD * full


def _grey32(part: NDArray[Any]) -> NDArray[np.float32]:
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY) if part.ndim == 3 else part
    return grey.astype(np.float32)


def _thinned(image: NDArray[Any]) -> Grey:
    """Return grey pixels (h, w) of every so many rows: enough to tell levels of the largest picture within a frame's time."""
    rows = image[:: max(1, math.ceil(image.shape[0] * image.shape[1] / LARGEST_PATCH))]
    return cv2.cvtColor(np.ascontiguousarray(rows), cv2.COLOR_BGR2GRAY) if rows.ndim == 3 else rows


def _levels(grey: Grey, full: int) -> dict[str, float]:
    """Return brightness, black and saturated, in percent of full scale and of the pixels."""
    black, saturated = (grey <= BLACK_SHARE * full), (grey >= (1 - WHITE_SHARE) * full)
    return {
        "brightness": min(100 * float(cv2.mean(grey)[0]) / full, 100.0),
        "black": 100 * int(np.count_nonzero(black)) / grey.size,
        "saturated": 100 * int(np.count_nonzero(saturated)) / grey.size,
    }


def _sharpness(patch: NDArray[np.float32]) -> float:
    """Return the mean square of the gradient over the square of the mean grey value; 0 for a black patch."""
    mean = float(cv2.mean(patch)[0])
    if mean <= 0:
        return 0.0
    smooth = cv2.GaussianBlur(patch, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    energy = float(cv2.norm(across, cv2.NORM_L2SQR) + cv2.norm(down, cv2.NORM_L2SQR))
    return energy / patch.size / mean**2
