"""The last fit: place, angle and size on the raw picture by robust least squares, with what is covered left out.

The picture is sampled by splines at the template's pixels with a gradient; unknown are the motion, gain, offset and blur. Weights are
Tukey's. Once they have settled and reject little, gain and offset may slope across the template: slopes first would explain a covered part
away.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.pattern.similarity import Similarity
from analyticlens.engine.pattern.template import CLEARLY, MOSTLY, Freedom, derivatives, motions, parts, smoothed
from analyticlens.engine.spline import Spline

# At most so many pixels are fitted; a larger template gives every n-th.
MOST = 6000
# Pixels whose gradient is at least this share of a strong one's (the 95th percentile) are fitted.
CLEAR = 0.12
TUKEY = 4.685
# A picture may be softer or sharper than the template: what these blurs (px) change in the template is fitted too, or it would be
# taken for motion wherever the template is not the same on both sides.
SOFTER = (1.0, 2.0)
# Below this share of rejected pixels slopes of gain and offset are fitted too.
SOUND = 0.05
# Both pictures are smoothed by so much (px): what a camera cannot resolve (patterns finer than two pixels) moves with the grid, not
# with the part, and the smoothing costs an ordinary edge a twentieth of its certainty.
SMOOTH = 0.85
ROUNDS = 16
MORE_ROUNDS = 8
# Where blur changes the picture by so much, pixels this near to the template's rim do not count: what lies beyond it is blurred into
# them, and nobody knows it; so long as this share of the pixels is left.
SOFT = 0.15
RIM = 4.0
LEAST_DEEP = 0.3
# A step that moves the template's corner by less than this, in pixels, is the last.
SETTLED = 5e-4
FARTHEST = 1.0
# Where the whole template leaves no more than this share of the squares of what is seen, nothing of note is covered.
UNEXPLAINED = 0.03
# Milliseconds a run takes at most, and each of its pixels.
RUN_MS = 1.0
POINT_MS = 2e-3
WILD = 20.0
# A pose that leaves its start by more than so many pixels is that of something else.
FAR = 4.0
# Rounding to whole grey levels spreads by this much; no fit is better than that.
ROUNDING = 0.29


class Fitted(NamedTuple):
    """A pose with the standard deviations of its place (px, each coordinate) and angle (radians), and the share of pixels not rejected."""

    pose: Similarity
    sigma: float
    angle_sigma: float
    visible: float


class Fit:
    """Fits one template, by its values (h, w), mask, and the place of `origin` (x, y from its centre), whose sigma is reported."""

    def __init__(
        self,
        values: NDArray[np.float32],
        held: NDArray[np.float32],
        freedom: Freedom,
        origin: tuple[float, float] = (0.0, 0.0),
        most: int = MOST,
    ) -> None:
        height, width = values.shape
        values = smoothed(values, held, SMOOTH)
        gx, gy = derivatives(values, held)
        length = np.hypot(gx, gy)
        at = np.flatnonzero(length >= CLEAR * np.percentile(length[length > 0], 95))
        # A stride that shares no factor with the width walks over all columns.
        at = at[:: max(1, math.ceil(len(at) / most))]
        row, column = np.divmod(at, width)
        self._u = column - (width - 1) / 2
        self._v = row - (height - 1) / 2
        self._origin = origin
        self._half = (width / 2, height / 2)
        self._reach = math.hypot(*self._half)
        self._freedom = freedom
        level = values.ravel()[at].astype(np.float64)
        level -= level.mean()
        moves = motions(gx.ravel()[at], gy.ravel()[at], self._u, self._v, freedom)
        across, down = self._u / self._reach, self._v / self._reach
        middle = float(values[held > 0].mean())
        softer = [(smoothed(values, held, sigma) + middle - values).ravel()[at] for sigma in SOFTER]
        plain = [level, np.ones_like(level), *moves, *softer]
        self._design = np.stack([*plain, level * across, level * down, across, down], axis=1).astype(np.float64)
        self._plain = len(plain)
        self._shared = _shared(self._design, at, values.shape)
        depth = cv2.distanceTransform(cv2.copyMakeBorder((held > 0).astype(np.uint8), 1, 1, 1, 1, 0), cv2.DIST_L2, 5)
        self._deep = (depth[1:-1, 1:-1].ravel()[at] > RIM).astype(np.float64)
        self._moves = slice(2, 2 + len(moves))
        self._parts = [np.ones_like(level), *parts(self._u, self._v, values.shape)]

    @property
    def cost(self) -> float:
        """The milliseconds a run can take at most."""
        return RUN_MS + POINT_MS * len(self._u)

    def run(self, grey: NDArray[np.generic], start: Similarity) -> Fitted | None:
        """Return the pose on a picture grey (H, W) near a start, or None where the fit does not settle near it."""
        spline = self._spline(grey, start)
        state = _State(start, np.ones(len(self._u)))
        state.weights = self._begun(spline, start)
        if not self._settled(state, spline, self._plain, ROUNDS):
            return None
        if state.softness > SOFT and self._deep.mean() > LEAST_DEEP:
            state.counted = self._deep
            self._settled(state, spline, self._plain, MORE_ROUNDS)
        if self._visible(state) > 1 - SOUND:
            self._settled(state, spline, self._design.shape[1], MORE_ROUNDS)
        far = math.hypot(state.pose.x - start.x, state.pose.y - start.y) > FAR
        return None if far or not math.isfinite(state.pose.x + state.pose.y) else self._result(state)

    def _begun(self, spline: Spline, start: Similarity) -> NDArray[np.float64]:
        """Return the weights to begin with: all 1 where the whole template fits, else by the part whose fit leaves the least to most.

        Least squares of the whole are pulled to what covers a part, the farther the brighter that is.
        """
        seen = spline.at(*start.apply(self._u, self._v))
        design = self._design[:, : self._plain]
        whole = np.abs(seen - design @ _least(design, seen, self._parts[0])[0])
        if float(whole @ whole) <= UNEXPLAINED * float(np.square(seen - seen.mean()).sum()):
            return self._parts[0].copy()
        most = int(MOSTLY * len(seen))
        sizes = [whole, *(np.abs(seen - design @ _least(design, seen, part)[0]) for part in self._parts[1:])]
        left = [float(np.partition(size, most)[most]) for size in sizes]
        best = int(np.argmin(left))
        if left[best] >= CLEARLY * left[0]:
            return self._parts[0].copy()
        spread = max(ROUNDING, 1.4826 * float(np.median(sizes[best])))
        return _tukey(sizes[best], spread)

    def _settled(self, state: _State, spline: Spline, columns: int, rounds: int) -> bool:
        """Make rounds with the design's first columns until pose and weights settle; tell whether the steps stayed small."""
        for _ in range(rounds):
            move = self._round(state, spline, columns)
            if not move < WILD:
                return False
            if move < SETTLED:
                break
        return True

    def _visible(self, state: _State) -> float:
        """Return the share of the pixels that count which are not rejected."""
        return float(np.count_nonzero(state.weights) / np.count_nonzero(state.counted))

    def _spline(self, grey: NDArray[np.generic], pose: Similarity) -> Spline:
        c, s = (abs(value) for value in pose.linear)
        across, down = self._half
        reach_x, reach_y = c * across + s * down + FAR, s * across + c * down + FAR
        x0, y0, x1, y1 = pose.x - reach_x, pose.y - reach_y, pose.x + reach_x, pose.y + reach_y
        return Spline(grey, math.floor(x0), math.floor(y0), math.ceil(x1) + 1, math.ceil(y1) + 1, SMOOTH)

    def _round(self, state: _State, spline: Spline, columns: int) -> float:
        """Make one step of pose and weights; return how far it moved the template's corner, in its pixels."""
        seen = spline.at(*state.pose.apply(self._u, self._v))
        design = self._design[:, :columns]
        found, gram = _least(design, seen, state.weights)
        residual = seen - design @ found
        state.spread = max(ROUNDING, 1.4826 * float(np.median(np.abs(residual[state.counted > 0]))))
        state.weights = _tukey(residual, state.spread) * state.counted
        state.gram, state.gain = gram, float(found[0])
        state.softness = float(np.abs(found[self._moves.stop : self._plain]).sum()) / max(abs(state.gain), 1e-9)
        step = self._step(found)
        move = math.hypot(step[0], step[1]) + self._reach * (abs(step[2]) + abs(step[3]))
        if move > FARTHEST:
            step = [value * FARTHEST / move for value in step]
        state.pose = state.pose.refined(*step)
        return move

    def _step(self, found: NDArray[Any]) -> list[float]:
        gain = float(found[0])
        if gain == 0:
            return [math.inf, 0, 0, 0]
        rest = [float(value) / gain for value in found[self._moves]]
        turn = rest[2] if self._freedom.angle else 0.0
        growth = rest[2 + self._freedom.angle] if self._freedom.scale else 0.0
        return [rest[0], rest[1], turn, growth]

    def _result(self, state: _State) -> Fitted:
        """Return the pose with its standard deviations, from the residual's spread and the information of the pixels kept."""
        covariance = self._covariance(state)
        moves = covariance[self._moves, self._moves]
        # How the origin moves with a shift, a turn and a growth.
        u, v = self._origin
        across, down = [1.0, 0.0], [0.0, 1.0]
        if self._freedom.angle:
            across.append(-v)
            down.append(u)
        if self._freedom.scale:
            across.append(u)
            down.append(v)
        x, y = np.array(across), np.array(down)
        sigma = state.pose.scale * math.sqrt(max(0.0, float(x @ moves @ x + y @ moves @ y) / 2))
        turn = math.sqrt(max(0.0, float(moves[2, 2]))) if self._freedom.angle else 0.0
        return Fitted(state.pose, sigma, turn, self._visible(state))

    def _covariance(self, state: _State) -> NDArray[np.float64]:
        """Return the covariance of what was fitted; neighbouring residuals are alike, since both pictures were smoothed."""
        inverse, columns = np.linalg.inv(state.gram), len(state.gram)
        alike = (self._design[:, :columns] * state.weights[:, None]).T @ (
            self._shared[:, :columns] * state.weights[:, None]
        )
        noise = state.spread**2 * 4 * math.pi * SMOOTH**2
        return np.asarray(inverse @ alike @ inverse * (noise / state.gain**2))


def _least(
    design: NDArray[np.float64], seen: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coefficients (k) of a design (n, k) by weighted least squares, and their normal matrix (k, k)."""
    weighted = design * weights[:, None]
    gram = weighted.T @ design
    gram[np.diag_indices_from(gram)] *= 1 + 1e-9
    return np.asarray(np.linalg.solve(gram, weighted.T @ seen), np.float64), gram


def _tukey(residual: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    share = np.clip(residual / (TUKEY * spread), -1, 1)
    return (1 - share**2) ** 2


def _shared(design: NDArray[np.float64], at: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the design's columns as white noise smoothed by SMOOTH sees them: its correlation is a Gaussian sqrt 2 as wide."""
    field = np.zeros(shape, np.float64)
    columns = []
    for column in design.T:
        field.ravel()[at] = column
        columns.append(
            cv2.GaussianBlur(field, (0, 0), math.sqrt(2) * SMOOTH, borderType=cv2.BORDER_CONSTANT).ravel()[at]
        )
    return np.stack(columns, axis=1)


class _State:
    """A fit while it runs."""

    def __init__(self, pose: Similarity, weights: NDArray[np.float64]) -> None:
        self.pose = pose
        self.weights = weights
        # 1 for the pixels that count, 0 for those near the rim of a template that the picture shows softer or sharper.
        self.counted = weights.copy()
        self.softness = 0.0
        self.spread = 0.0
        self.gain = 0.0
        self.gram: NDArray[np.float64] = np.zeros((0, 0))
