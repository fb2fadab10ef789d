"""From pixels to millimetres on the plane that is measured: points are mapped, pictures are never resampled."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.protocol.tools import CalibrationParams

Floats = NDArray[np.float64]

ROUNDS = 50
SETTLED = 1e-12
# A circle is mapped by so many points of its rim.
RIM = 36


class Circled(NamedTuple):
    """A picture's circle on the plane, in millimetres, and how much of a circle it is not there: the spread of its distances."""

    x: float
    y: float
    r: float
    bent: float


class NoPlace(Exception):
    """A point of the picture that shows no point of the plane: beyond the horizon, or where the lens model folds over."""


class Plane:
    """The mapping that a calibration's taught numbers mean."""

    def __init__(self, params: CalibrationParams) -> None:
        self._params = params
        self._scale = params.mm_per_px if params.model == "scale" else None
        if self._scale is None:
            assert params.tz is not None
            seen = np.array(cv2.Rodrigues(np.radians([params.rx, params.ry, params.rz]))[0], np.float64)
            seen[:, 2] = params.tx, params.ty, params.tz
            self._to_plane = np.linalg.inv(seen)

    def points(self, pixels: Floats) -> Floats:
        """Return where pixels (n, 2), x and y, lie on the plane (n, 2) in millimetres. Raises NoPlace where one lies nowhere on it."""
        if self._scale is not None:
            return np.asarray(pixels * self._scale)
        straight = self._undistorted(pixels)
        on = np.column_stack((straight, np.ones(len(straight)))) @ self._to_plane.T
        # The plane's points before the camera have one sign; the other lies beyond the horizon.
        if not (np.isfinite(on).all() and (on[:, 2] > 0).all()):
            raise NoPlace
        return np.asarray(on[:, :2] / on[:, 2:])

    def scale(self, x: float, y: float) -> float:
        """Return millimetres a pixel at a pixel (x, y): the root of how a small area grows."""
        if self._scale is not None:
            return self._scale
        across = self.points(np.array([[x - 0.5, y], [x + 0.5, y], [x, y - 0.5], [x, y + 0.5]]))
        (a, b), (c, d) = across[1] - across[0], across[3] - across[2]
        return math.sqrt(abs(float(a * d - b * c)))

    def circle(self, x: float, y: float, r: float) -> Circled:
        """Return what a picture's circle is on the plane: the circle through its mapped rim (least squares)."""
        turn = 2 * math.pi / RIM * np.arange(RIM)
        on = self.points(np.column_stack((x + r * np.cos(turn), y + r * np.sin(turn))))
        middle = on.mean(axis=0)
        u, v = (on - middle).T
        # Kasa's fit is exact on points all round a circle.
        a, b, c = np.linalg.lstsq(np.column_stack((2 * u, 2 * v, np.ones(RIM))), u**2 + v**2, rcond=None)[0]
        radius = math.sqrt(float(c + a * a + b * b))
        off = np.hypot(u - a, v - b)
        return Circled(float(middle[0] + a), float(middle[1] + b), radius, float(np.ptp(off)))

    def _undistorted(self, pixels: Floats) -> Floats:
        """Return the directions x/z, y/z (n, 2) a camera without distortion would see the pixels in, by Newton's method."""
        p = self._params
        assert p.fx is not None
        assert p.fy is not None
        wanted = (pixels - (p.cx, p.cy)) / (p.fx, p.fy)
        at = wanted.copy()
        for _ in range(ROUNDS):
            seen, slopes = distorted(at, p)
            try:
                change = np.linalg.solve(slopes, (wanted - seen)[:, :, None])[:, :, 0]
            except np.linalg.LinAlgError:
                raise NoPlace from None
            at += change
            if not np.isfinite(at).all():
                raise NoPlace
            if np.abs(change).max() < SETTLED:
                break
        seen, slopes = distorted(at, p)
        # Past the fold of the lens model a place is seen twice, mirrored along the radius or both ways.
        upright = (np.linalg.det(slopes) > 0) & (np.trace(slopes, axis1=1, axis2=2) > 0)
        if np.abs(seen - wanted).max() > 1e-9 or not upright.all():
            raise NoPlace
        return at


def distorted(straight: Floats, p: CalibrationParams) -> tuple[Floats, Floats]:
    """Return directions (n, 2) as the lens bends them, and how they change with the straight ones (n, 2, 2): Brown's model."""
    x, y = straight.T
    r2 = x * x + y * y
    radial = 1 + r2 * (p.k1 + r2 * (p.k2 + r2 * p.k3))
    grows = p.k1 + r2 * (2 * p.k2 + r2 * 3 * p.k3)
    bent = np.column_stack(
        (
            x * radial + 2 * p.p1 * x * y + p.p2 * (r2 + 2 * x * x),
            y * radial + p.p1 * (r2 + 2 * y * y) + 2 * p.p2 * x * y,
        )
    )
    slopes = np.empty((len(x), 2, 2))
    slopes[:, 0, 0] = radial + 2 * x * x * grows + 2 * p.p1 * y + 6 * p.p2 * x
    slopes[:, 0, 1] = slopes[:, 1, 0] = 2 * x * y * grows + 2 * p.p1 * x + 2 * p.p2 * y
    slopes[:, 1, 1] = radial + 2 * y * y * grows + 6 * p.p1 * y + 2 * p.p2 * x
    return bent, slopes
