"""Edges fitted to raw pixels: the error-function model of a blurred step, by Gauss-Newton least squares.

A straight edge seen through a lens and a pixel is nearly a normal distribution's integral. Fitted to the pixels themselves, without
resampling, with the slope of the light as part of the model, its place comes close to the Cramer-Rao bound and free of the phase
error of a parabola. The method is that of Hagara & Kulla, "Edge detection with sub-pixel accuracy based on approximation of edge
with Erf function" (2011), carried to two dimensions and to several edges at once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# The sharpest blur of the model. A pixel alone is a box of 0.29 px; sharper, a step between two pixels could lie anywhere between them.
SHARPEST = 0.35
ROUNDS = 8
# A round that moves no edge by more than this, in pixels, is the last.
SETTLED = 2e-3
ASIDE = 0.1
# The largest move of an edge, of its tilt, and the largest factor on its blur, in one round.
STRIDE = 1.0
TURN = 0.3
FACTOR = 2.0
# Light changes by a share a pixel of about this size (standard deviation). It holds back slopes that a narrow window leaves open.
SLOPING = 0.005
# Residuals beyond so many standard deviations, and this share of the contrast, are something else than the edge.
OUTLYING = 5.0
UNLIKE = 0.12
# How often pixels are weighed again where there is something else, and rounds of the fit after each.
WEIGHINGS, WEIGHED = 3, 3
# Before the first round the rough geometry alone makes residuals of this share of the contrast.
ROUGHLY = 0.25
# Coefficients of the rational approximation 7.1.26 (Hastings) of the error function in Abramowitz & Stegun.
_P = 0.3275911 / math.sqrt(2)
_A = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def gauss(z: Floats) -> tuple[Floats, Floats]:
    """Return the standard normal distribution's integral and density at z, of any shape; the integral's error is below 1e-7.

    >>> rise, slope = gauss(np.array([0.0, 1.0]))
    >>> rise.round(5).tolist(), slope.round(5).tolist()
    ([0.5, 0.84134], [0.39894, 0.24197])
    """
    fall = np.exp(-0.5 * z * z)
    t = 1 / (1 + _P * np.abs(z))
    tail = fall * (t * (_A[0] + t * (_A[1] + t * (_A[2] + t * (_A[3] + t * _A[4])))) / 2)
    return np.where(z > 0, 1 - tail, tail), fall / math.sqrt(2 * math.pi)


class Pixels(NamedTuple):
    """Raw pixels (n) as float64: `u` along the search, `v` across it, both in pixels from wherever is handy, and their `grey`."""

    u: Floats
    v: Floats
    grey: Floats


class EdgesFit(NamedTuple):
    """K edges fitted to the same pixels.

    `places` (K) are where they cross v = 0; `tilts` (K) how far along u they run for each pixel of v; `contrasts` (K) their steps of
    grey, positive where it grows along u; `blur` their common standard deviation along u.
    `levels` (1 + K) are the grey before the first edge and each edge's step where the light is 1;
    `light` is how the light changes over the pixels: u0, a and e of the factor 1 + a (u - u0) + e v.
    `cov` (2K, 2K) is the covariance of places and then tilts (0 where those were held), from the noise that is left over.
    `noise` is the standard deviation of that rest; `score` the share of the pixels' variance that the model explains, 0 to 1.
    `foreign` tells whether some pixels lost their weight, being something else.
    """

    places: Floats
    tilts: Floats
    contrasts: Floats
    blur: float
    levels: Floats
    light: tuple[float, float, float]
    cov: Floats
    noise: float
    score: float
    foreign: bool = False

    def lit(self, pixels: Pixels) -> Floats:
        """Return the light (n) at pixels: the factor on every grey level there."""
        start, along, across = self.light
        return np.asarray(1 + along * (pixels.u - start) + across * pixels.v)

    def modelled(self, pixels: Pixels) -> Floats:
        """Return the grey levels (n) that the model says pixels have."""
        z = (pixels.u - self.places[:, None] - self.tilts[:, None] * pixels.v) / self.blur
        return np.asarray((self.levels[0] + self.levels[1:] @ gauss(z)[0]) * self.lit(pixels))


def fit_edges(
    pixels: Pixels, places: Floats, blur: float, tilts: Floats | None = None, rounds: int = ROUNDS, wary: bool = False
) -> EdgesFit | None:
    """Return edges fitted to the pixels from rough `places` (K) along u and a rough `blur`, or None where none can be.

    With `tilts` (K), rough ones, each edge's direction is fitted too; with None every edge is square to u and the light is taken to
    change along u only. `rounds` of 0 keeps the rough geometry and fits grey levels alone. The light may slope: the model is
    (base + sum of steps) * (1 + a u + e v). Pixels that are something else, dirt or another edge, lose their weight; `wary` looks for
    them before the first step, too, where the rough places are good to a fraction of the blur.
    """
    model = _Model(pixels, len(places), tilts is not None)
    if not model.begin(places, blur, tilts):
        return None
    if rounds and not model.run(rounds, wary):
        return None
    return model.result()


class _Model:
    """One fit while it runs. Its parameters (p): base, K contrasts, K places, blur, slope of light along u, and, with tilts, slope of
    light across and K tilts."""

    def __init__(self, pixels: Pixels, count: int, turns: bool) -> None:
        self._start = float(pixels.u.mean()) if len(pixels.u) else 0.0
        self._u, self._v, self._grey = pixels.u - self._start, pixels.v, pixels.grey
        self._turns = turns
        self._reach = float(np.abs(pixels.v).max()) if turns and len(pixels.v) else 0.0
        self._steps = slice(1, 1 + count)
        self._places = slice(1 + count, 1 + 2 * count)
        self._blur = 1 + 2 * count
        self._light = [2 + 2 * count, 3 + 2 * count] if turns else [2 + 2 * count]
        self._tilts = slice(4 + 2 * count, 4 + 3 * count) if turns else slice(0, 0)
        self._at = np.zeros(4 + 3 * count if turns else 3 + 2 * count)
        self._weights: Floats | None = None

    def begin(self, places: Floats, blur: float, tilts: Floats | None) -> bool:
        """Take the rough geometry and the grey levels that fit it; False where the pixels do not tell them apart."""
        if len(self._u) <= len(self._at):
            return False
        at = self._at
        at[self._places] = places - self._start
        at[self._blur] = max(SHARPEST, blur)
        if tilts is not None:
            at[self._tilts] = tilts
        rises = gauss(self._z(at))[0]
        columns = np.concatenate((np.ones((1, len(self._u))), rises))
        levels = _solved(columns @ columns.T, columns @ self._grey, 0.0)
        if levels is None:
            return False
        at[: len(levels)] = levels
        self._rest, self._by = self._system(at)
        return True

    def run(self, rounds: int, wary: bool) -> bool:
        """Fit, and fit again without the pixels that turn out to be something else; False where there is no sound step."""
        if wary:
            self.doubt(ROUGHLY)
        if not self.settle(rounds):
            return False
        for _ in range(WEIGHINGS):
            if not self.doubt(UNLIKE):
                return True
            if not self.settle(WEIGHED):
                return False
        return True

    def _z(self, at: Floats) -> Floats:
        edges = at[self._places][:, None]
        if self._turns:
            edges = edges + at[self._tilts][:, None] * self._v
        return np.asarray((self._u - edges) / at[self._blur])

    def _system(self, at: Floats) -> tuple[Floats, Floats]:
        """Return the residuals (n) and the model's derivatives by each parameter (p, n)."""
        z = self._z(at)
        rises, slopes = gauss(z)
        along = self._blur + 1
        light = 1 + at[along] * self._u
        if self._turns:
            light += at[along + 1] * self._v
        greys = at[0] + at[self._steps] @ rises
        by = np.empty((len(at), len(self._u)))
        by[0] = light
        np.multiply(rises, light, out=by[self._steps])
        moves = np.multiply(slopes, (at[self._steps] / -at[self._blur])[:, None] * light, out=by[self._places])
        np.sum(moves * z, axis=0, out=by[self._blur])
        np.multiply(self._u, greys, out=by[along])
        if self._turns:
            np.multiply(self._v, greys, out=by[along + 1])
            np.multiply(moves, self._v, out=by[self._tilts])
        return self._grey - greys * light, by

    def settle(self, rounds: int) -> bool:
        """Take Gauss-Newton steps until the edges stay, damped where a step makes it worse; False where there is no sound step."""
        damping = 0.0
        for _ in range(rounds):
            stiff = self._stiffness()
            cost = self._cost(self._at, self._rest, stiff)
            weighted = self._by if self._weights is None else self._by * self._weights
            matrix, right = weighted @ self._by.T, weighted @ self._rest
            matrix[self._light, self._light] += stiff
            right[self._light] -= stiff * self._at[self._light]
            change = _solved(matrix, right, damping)
            if change is None:
                return False
            at = self._moved(change)
            rest, by = self._system(at)
            new = self._cost(at, rest, stiff)
            moved = self._move(at - self._at)
            if new > cost and moved > SETTLED:
                damping = max(0.01, damping * 10)
                continue
            damping /= 10
            self._at, self._rest, self._by = at, rest, by
            if moved < SETTLED:
                break
        return True

    def _move(self, change: Floats) -> float:
        """Return how far a change moves the edges, in pixels; blur and tilt count less, since a place hardly depends on them."""
        size = np.abs(change)
        most = max(float(size[self._places].max()), ASIDE * float(size[self._blur]))
        return max(most, ASIDE * self._reach * float(size[self._tilts].max())) if self._turns else most

    def _squares(self, rest: Floats) -> float:
        return float(rest @ rest) if self._weights is None else float(rest @ (self._weights * rest))

    def _variance(self) -> float:
        """Return the noise's variance by what is left over."""
        total = float(len(self._rest) if self._weights is None else self._weights.sum())
        return self._squares(self._rest) / max(1.0, total - len(self._at))

    def _stiffness(self) -> float:
        """Return how strongly the slopes of light are held back: the present noise over their usual size, squared."""
        return self._variance() / SLOPING**2

    def _cost(self, at: Floats, rest: Floats, stiff: float) -> float:
        slopes = at[self._light]
        return self._squares(rest) + stiff * float(slopes @ slopes)

    def _moved(self, change: Floats) -> Floats:
        at = self._at + change
        at[self._places] = self._at[self._places] + np.clip(change[self._places], -STRIDE, STRIDE)
        before = float(self._at[self._blur])
        at[self._blur] = min(max(float(at[self._blur]), before / FACTOR, SHARPEST), before * FACTOR)
        if self._turns:
            at[self._tilts] = self._at[self._tilts] + np.clip(change[self._tilts], -TURN, TURN)
        return np.asarray(at)

    def doubt(self, unlike: float) -> bool:
        """Weigh pixels by Tukey's biweight where some are nothing of the edges; tell whether there are any."""
        size = np.abs(self._rest)
        most, limit = float(size.max()), unlike * float(np.abs(self._at[self._steps]).max())
        if most <= limit and self._weights is None:
            return False
        limit = max(limit, OUTLYING * spread_of(size))
        if most <= limit and self._weights is None:
            return False
        self._weights = np.square(np.clip(1 - np.square(size / limit), 0, None))
        return True

    def result(self) -> EdgesFit | None:
        """Return the fit with its covariance and score, or None where the pixels do not determine it."""
        at = self._at
        weights = np.ones(len(self._rest)) if self._weights is None else self._weights
        spread = float(weights @ np.square(self._grey - float(weights @ self._grey) / float(weights.sum())))
        variance = self._variance()
        matrix = (self._by * weights) @ self._by.T
        matrix[self._light, self._light] += self._stiffness()
        inverse = _solved(matrix, np.eye(len(at)), 0.0)
        if inverse is None or spread <= 0:
            return None
        places = at[self._places]
        count = len(places)
        shared = np.zeros((2 * count, 2 * count))
        held = [*range(self._places.start, self._places.stop), *range(self._tilts.start, self._tilts.stop)]
        shared[: len(held), : len(held)] = inverse[np.ix_(held, held)] * variance
        tilts = at[self._tilts] if self._turns else np.zeros(count)
        blur, along = float(at[self._blur]), float(at[self._blur + 1])
        light = (self._start, along, float(at[self._blur + 2]) if self._turns else 0.0)
        contrasts = at[self._steps] * (1 + along * places)
        score = min(1.0, max(0.0, 1 - self._squares(self._rest) / spread))
        noise = math.sqrt(variance)
        levels, foreign = at[: 1 + count], self._weights is not None
        return EdgesFit(places + self._start, tilts, contrasts, blur, levels, light, shared, noise, score, foreign)


def spread_of(sizes: Floats) -> float:
    """Return the standard deviation of normal noise from the middle one of its absolute values (n), whatever its outliers."""
    half = len(sizes) // 2
    return 1.4826 * float(np.partition(sizes, half)[half])


def _solved(matrix: Floats, right: Floats, damping: float) -> Floats | None:
    """Return the solution of symmetric normal equations, damped by a share of their diagonal, or None where they are singular."""
    size = np.sqrt(matrix.diagonal())
    if not float(size.min()) > 0:
        return None
    scale = 1 / size
    normal = matrix * scale * scale[:, None]
    normal.flat[:: len(size) + 1] += 1e-10 + damping
    across = scale if right.ndim == 1 else scale[:, None]
    try:
        change = across * np.linalg.solve(normal, across * right)
    except np.linalg.LinAlgError:
        return None
    return change if math.isfinite(float(change.sum())) else None
