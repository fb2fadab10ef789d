"""Teaching a calibration: a scale from a known length, or camera, lens and plane from pictures of a chessboard.

The camera is calibrated by the method of Zhang, "A flexible new technique for camera calibration" (2000), as OpenCV has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.plane import NoPlace, Plane
from analyticlens.protocol.tools import CalibrationParams

# With fewer pictures the focal length cannot be told from the plane's distance.
FEWEST_VIEWS = 3
# A lens of this many picture widths is assumed then: on the plane itself it makes no difference.
ASSUMED_FOCAL = 2.0
# So are the middle of the picture as the lens's own, and a lens that bends along the radius alone.
ASSUMED = cv2.CALIB_FIX_FOCAL_LENGTH | cv2.CALIB_FIX_PRINCIPAL_POINT | cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST
# How much higher than wide a pixel is, is found: half a per cent of it is pixels at the picture's end. First step, its shrinking, rounds.
STEP, FINER, ROUNDS = 0.01, 4.0, 4


class CannotTeach(Exception):
    """What was given to teach from does not do, with one sentence for a person."""


def teach_scale(first: tuple[float, float], second: tuple[float, float], length_mm: float) -> CalibrationParams:
    """Return the scale at which two points of a picture (x, y in pixels) are so many millimetres apart.

    Raises CannotTeach where they are the same point or the length is none.

    >>> teach_scale((0, 0), (30, 40), 10).mm_per_px
    0.2
    """
    pixels = math.dist(first, second)
    if not pixels > 0 or not 0 < length_mm < math.inf:
        raise CannotTeach("a scale is taught by two different points and a length above 0")
    return CalibrationParams(model="scale", mm_per_px=length_mm / pixels)


def teach_calibration(
    pictures: Sequence[NDArray[Any]], corners: tuple[int, int], square_mm: float
) -> CalibrationParams:
    """Return camera, lens and plane from pictures (H, W) or (H, W, 3), uint8, of a chessboard.

    `corners` are its inner corners, along and across; `square_mm` is the side of a square. The first picture's board lies on the plane that
    will be measured; the others show it tilted, at least two of them for a full camera. From fewer pictures the principal point is taken
    to be in the middle, the lens to bend along the radius alone, and the focal length is assumed: that does on that plane alone, as far as
    the board lay. `rms` is the root mean square of what is left between the corners and the model, in pixels; above about a quarter of a
    pixel the model does not fit. Raises CannotTeach where a picture shows no whole board.
    """
    if not pictures:
        raise CannotTeach("there is no picture to teach from")
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise CannotTeach("the pictures differ in size")
    height, width = sizes.pop()
    found = [_corners(picture, corners, number) for number, picture in enumerate(pictures, 1)]
    board = np.zeros((corners[0] * corners[1], 3), np.float32)
    board[:, :2] = np.mgrid[: corners[0], : corners[1]].T.reshape(-1, 2) * square_mm
    full = len(pictures) >= FEWEST_VIEWS
    flags = cv2.CALIB_USE_INTRINSIC_GUESS | (0 if full else ASSUMED)

    def calibrated(aspect: float) -> tuple[Any, ...]:
        focal = ASSUMED_FOCAL * width
        camera = np.array([[focal, 0, (width - 1) / 2], [0, focal * aspect, (height - 1) / 2], [0, 0, 1.0]])
        return cv2.calibrateCamera([board] * len(found), found, (width, height), camera, np.zeros(5), flags=flags)

    aspect = 1.0 if full else _least(lambda value: float(calibrated(value)[0]) ** 2)
    rms, camera, lens, turns, places = calibrated(aspect)
    k1, k2, p1, p2, k3 = (float(v) for v in np.ravel(lens)[:5])
    rx, ry, rz = (math.degrees(v) for v in np.ravel(turns[0]))
    tx, ty, tz = (float(v) for v in np.ravel(places[0]))
    if not (math.isfinite(rms) and tz > 0):
        raise CannotTeach("the pictures do not agree on one camera")
    taught = CalibrationParams(
        model="camera", width=width, height=height, fx=float(camera[0, 0]), fy=float(camera[1, 1]), cx=float(camera[0, 2]),
        cy=float(camera[1, 2]), k1=k1, k2=k2, p1=p1, p2=p2, k3=k3, rx=rx, ry=ry, rz=rz, tx=tx, ty=ty, tz=tz, rms=float(rms),
    )  # fmt: skip
    try:
        scale = Plane(taught).scale((width - 1) / 2, (height - 1) / 2)
    except NoPlace:
        raise CannotTeach("the middle of the picture shows no point of the board's plane") from None
    return taught.model_copy(update={"mm_per_px": scale})


def _least(squares: Callable[[float], float]) -> float:
    """Return where about 1 a function that is nearly a parabola is least."""
    at, step = 1.0, STEP
    for _ in range(ROUNDS):
        left, middle, right = (squares(at + side * step) for side in (-1, 0, 1))
        bend = left - 2 * middle + right
        move = 0.5 * (left - right) / bend if bend > 0 else math.copysign(1.0, left - right)
        at += step * min(max(move, -2.0), 2.0)
        step /= FINER
    return at


def _corners(picture: NDArray[Any], corners: tuple[int, int], number: int) -> NDArray[np.float32]:
    """Return the board's inner corners (n, 1, 2) in a picture, to a fraction of a pixel."""
    if picture.dtype != np.uint8:
        raise CannotTeach(f"picture {number} is not of 8 bits")
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    flags = cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
    seen, places = cv2.findChessboardCornersSB(grey, corners, flags=flags)
    if not seen or places is None:
        raise CannotTeach(f"picture {number} shows no whole board of {corners[0]} x {corners[1]} inner corners")
    return np.ascontiguousarray(places.reshape(-1, 1, 2), np.float32)
