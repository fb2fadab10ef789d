"""The edge finder of a locate tool: its old parameters on the mean profile of a band, with the edge's own direction."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.pose import turned
from analyticlens.engine.profile import Band, Profile, derivative_kernel, peaks_of, vertex
from analyticlens.protocol.regions import Arrow
from analyticlens.protocol.tools import LocateParams

# From this width on the edge's own direction is measured; narrower bands say too little about it.
FIT_WIDTH = 5
# The weakest gradient an adaptive search calls an edge, in grey levels a pixel: rounding alone makes smaller ones.
FLOOR = 0.75


class Edge(NamedTuple):
    """An edge at (x, y), its normal's direction, its gradient in grey levels a pixel, its distance t along the arrow in pixels."""

    x: float
    y: float
    angle_deg: float
    polarity: str
    strength: float
    t: float


class Caliper:
    """Finds edges by the parameters of one locate tool, along its arrow wherever that is moved (its length never changes)."""

    def __init__(self, arrow: Arrow, params: LocateParams) -> None:
        self._params = params
        length = math.hypot(arrow.p1.x - arrow.p0.x, arrow.p1.y - arrow.p0.y)
        self._profile = Profile(length, max(1, round(arrow.width)))
        self._profile.smooth_by(derivative_kernel(params.smooth_ksize, params.grad_kernel, self._profile.step))

    def find(self, grey: NDArray[Any], arrow: Arrow) -> tuple[list[Edge], Edge | None]:
        """Return the edges of grey (H, W) along the arrow, in its order, and the one that `edge_select` chooses, or None."""
        profile = self._profile
        band = Band(grey, arrow, profile.steps, profile.lines)
        samples = band.sample(0.0)
        gradient = profile.gradient(samples)
        # A slope of light is no edge of an adaptive search: an edge stands out from the gradient around it.
        adaptive = self._params.threshold_mode == "adaptive"
        peaks = peaks_of(gradient, self._params.polarity, self._least(gradient, samples), adaptive)
        if not len(peaks):
            return [], None
        edges = [self._edge(band, gradient, int(i)) for i in peaks]
        at = self._select(edges)
        if profile.lines >= FIT_WIDTH:
            edges[at] = self._fitted(band, edges[at], samples, gradient)
        return edges, edges[at]

    def _least(self, gradient: NDArray[np.float64], samples: NDArray[Any]) -> float:
        """Return the weakest gradient that is an edge."""
        if self._params.threshold_mode == "fixed":
            return self._params.threshold
        # The spread is the width of the middle two thirds of the noise: two standard deviations.
        return max(FLOOR, self._params.adaptive_k * 2 * self._profile.noise(gradient, samples))

    def _edge(self, band: Band, gradient: NDArray[np.float64], peak: int) -> Edge:
        place, strength = vertex(gradient, peak)
        t = place * self._profile.step
        x, y = band.place(t)
        return Edge(x, y, band.angle_deg, "dark_to_light" if strength > 0 else "light_to_dark", abs(strength), t)

    def _select(self, edges: list[Edge]) -> int:
        if self._params.edge_select == "first":
            return 0
        if self._params.edge_select == "strongest":
            return max(range(len(edges)), key=lambda i: edges[i].strength)
        return min(range(len(edges)), key=lambda i: abs(edges[i].t - self._profile.length / 2))

    def _fitted(self, band: Band, edge: Edge, samples: NDArray[np.float32], gradient: NDArray[np.float64]) -> Edge:
        """Return the edge measured along its own direction: the band is sheared until its lines agree on the edge's place."""
        profile = self._profile
        half = profile.reach + round(profile.lines / 4 / profile.step)
        at = round(edge.t / profile.step)
        near = slice(max(0, at - half), at + half + 1)
        sheared = profile.shear(band, samples, gradient, near)
        return edge if sheared is None else self._along(band, edge, sheared.tilt, near, sheared.gradient)

    def _along(self, band: Band, edge: Edge, tilt: float, near: slice, gradient: NDArray[np.float64]) -> Edge:
        """Return the edge as the profile across its tilt shows it, or as it was when that profile has no peak near its place."""
        sign = 1.0 if edge.polarity == "dark_to_light" else -1.0
        peak = near.start + int(np.argmax(sign * gradient[near]))
        if not 0 < peak < len(gradient) - 1:
            return edge
        before, top, after = (sign * gradient[peak - 1 : peak + 2]).tolist()
        if top <= 0 or top < max(before, after):
            return edge
        place, strength = vertex(gradient, peak)
        t = place * self._profile.step
        x, y = band.place(t)
        angle = turned(band.angle_deg - math.degrees(math.atan(tilt)))
        return Edge(x, y, angle, edge.polarity, abs(strength), t)
