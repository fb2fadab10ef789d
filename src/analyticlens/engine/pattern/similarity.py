"""Where an instance of a template lies: a similarity of the picture plane."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Similarity(NamedTuple):
    """The motion v -> (x, y) + scale R(angle) v of template places v, measured from the template's centre; angle in radians."""

    x: float
    y: float
    angle: float = 0.0
    scale: float = 1.0

    @property
    def linear(self) -> tuple[float, float]:
        """scale cos(angle) and scale sin(angle)."""
        return self.scale * math.cos(self.angle), self.scale * math.sin(self.angle)

    def apply(self, u: Any, v: Any) -> tuple[Any, Any]:
        """Return where the template place (u, v), or many, go."""
        c, s = self.linear
        return self.x + c * u - s * v, self.y + s * u + c * v

    def at_level(self, factor: float) -> Similarity:
        """Return the same motion where both pictures are so many times as large."""
        return Similarity(self.x * factor, self.y * factor, self.angle, self.scale)

    def refined(self, dx: float, dy: float, turn: float, growth: float) -> Similarity:
        """Return the motion that first moves the template's places by (dx, dy), turns them and lets them grow, each a little."""
        c, s = self.linear
        return Similarity(
            self.x + c * dx - s * dy, self.y + s * dx + c * dy, self.angle + turn, self.scale * math.exp(growth)
        )

    def to_source(self, centre: tuple[float, float]) -> NDArray[np.float64]:
        """Return the 2x3 matrix from template pixels to picture pixels, for warping with cv2.WARP_INVERSE_MAP."""
        c, s = self.linear
        cx, cy = centre
        return np.array([[c, -s, self.x - c * cx + s * cy], [s, c, self.y - s * cx - c * cy]])
