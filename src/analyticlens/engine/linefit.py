"""A straight edge measured on raw pixels: one fit for direction, blur and slope of light, then a place a strip, then a robust line.

Each strip has grey levels of its own, so that light, colour or a stain along the edge does not turn it; the line is the
least-squares line of the places by Tukey's biweight (Beaton & Tukey, 1974).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.beside import Beside, Slopes, beside, slopes_along
from analyticlens.engine.edgefit import EdgesFit, Floats, Pixels, fit_edges, gauss, spread_of
from analyticlens.engine.lineseek import Rough
from analyticlens.engine.profile import Band, Profile

# Pixels of plateau used to either side: at least so many, and so many times the blur, up to a limit.
REACH, REACH_BLURS, FARTHEST = 12.0, 8.0, 50.0
# Standard deviation, in pixels, of a place that a neighbour cannot be told from.
UNSURE = 0.5
# Edges farther apart than so many blurs are told apart; a blur nearer a place is unsure by UNSURE blurs.
TOLD_APART = 3.0
# How far to either side of an edge its step of grey is climbed, in pixels.
CLIMB = 5.0
# Pixels that direction, blur and slope of light are fitted to.
ENOUGH = 4000
# A strip whose edge lies farther than this from the line, or has less than this share of the usual contrast, has no point of it.
ASTRAY = 2.0
FAINT = 0.3
FEWEST = 8
# Residuals beyond so many standard deviations, and this share of the contrast, are something else than the edge.
OUTLYING, UNLIKE = 4.0, 0.12
STEPS = 3
# Tukey's constant for 95 % efficiency, and rounds of weighing.
TUKEY, WEIGHINGS = 4.685, 8
ROOT_TAU = math.sqrt(2 * math.pi)


class Points(NamedTuple):
    """Places (n) of an edge: `v` across the band, `off` along it from a line, and the standard deviation of that."""

    v: Floats
    off: Floats
    sigma: Floats


class Straight(NamedTuple):
    """A line t = place + tilt * v in a band, from points at `v` (n), of which `used` lie on it; `rest` are their distances along t.

    `variance` is that of the line's place at v = `middle`, where it does not depend on its direction; `tilt_variance` that of the tilt.
    """

    place: float
    tilt: float
    v: Floats
    rest: Floats
    used: NDArray[np.bool_]
    middle: float
    variance: float
    tilt_variance: float
    contrast: float
    blur: float


def straight(
    band: Band, profile: Profile, rough: Rough, seen: NDArray[np.int_], starts: NDArray[np.int_]
) -> Straight | None:
    """Return the line by the raw pixels near a rough one, or None where they show no such edge.

    `seen` are the first lines of the strips that the rough line's are numbers of, and one past the last; `starts` those of the strips
    (strips + 1) that shall have a point each.
    """
    slopes = slopes_along(band, profile, rough, seen)
    near, blur = beside(slopes, rough), _blur(slopes, profile.smoothing, rough)
    middle = profile.lines / 2
    found = _settled(band, profile.length, near, np.asarray(seen - middle, float), rough, blur)
    apart = found is not None
    if found is None and len(near.places):
        # Where neighbours and line cannot be told apart the line is fitted alone, and its place is as good as that.
        alone = Beside(near.places[:0], *_between(near, rough.place))
        found = _settled(band, profile.length, alone, np.asarray(seen - middle, float), rough, blur)
    if found is None:
        return None
    pixels, fit = found
    points = strip_points(pixels, fit, np.asarray(starts - middle, float))
    if len(points.v) < 3:
        return None
    line = _through(points, fit, fit.cov / _stride(pixels))
    return line._replace(variance=line.variance + (_doubt(fit) if apart else UNSURE) ** 2)


def _doubt(fit: EdgesFit) -> float:
    """Return the standard deviation that the fit's covariance does not tell of: a narrow bar is hardly told from a wider, fainter one."""
    nearest = float(np.abs(fit.places[1:] - fit.places[0]).min(initial=math.inf)) / fit.blur
    return UNSURE * fit.blur * min(1.0, max(0.0, TOLD_APART - nearest))


def _between(near: Beside, place: float) -> tuple[float, float]:
    """Return half-way from a place to the neighbours on either side of it."""
    before, after = near.places[near.places < place], near.places[near.places > place]
    low = (float(before.max()) + place) / 2 if len(before) else near.low
    high = (float(after.min()) + place) / 2 if len(after) else near.high
    return low, high


def _blur(slopes: Slopes, smoothing: float, rough: Rough) -> float:
    """Return the blur that the edge seems to have, from the step of its mean profile and its steepest slope."""
    at, half = round((rough.place - slopes.first) / slopes.step), round(CLIMB / slopes.step)
    part = slopes.mean[max(0, at - half) : at + half + 1] * math.copysign(1.0, rough.slope)
    steepest = float(part.max()) if len(part) else 0.0
    if steepest <= 0:
        return 1.0
    whole = float(part.sum()) * slopes.step / steepest / ROOT_TAU
    return min(max(math.sqrt(max(0.0, whole**2 - smoothing**2)), 0.4), FARTHEST / REACH_BLURS)


def _settled(
    band: Band, length: float, near: Beside, bounds: Floats, rough: Rough, blur: float
) -> tuple[Pixels, EdgesFit] | None:
    """Return the line fitted to the pixels of the strips that show it, its own edge the first, and those pixels; None where it is lost."""
    pixels = _about(band, length, near, rough, blur)
    fit = _fitted(pixels, bounds, near, rough, blur)
    if fit is not None and REACH_BLURS * fit.blur > max(REACH, REACH_BLURS * blur) + 1:
        pixels = _about(band, length, near, rough, fit.blur)
        fit = _fitted(pixels, bounds, near, rough, fit.blur)
    if fit is None or abs(float(fit.places[0]) - rough.place) > ASTRAY or fit.contrasts[0] * rough.slope <= 0:
        return None
    return None if (np.abs(fit.places[1:] - near.places) > ASTRAY).any() else (pixels, fit)


def _about(band: Band, length: float, near: Beside, rough: Rough, blur: float) -> Pixels:
    """Return the pixels about the edge, as far as its blur and what lies beside let them speak of it."""
    reach = min(max(REACH, REACH_BLURS * blur), FARTHEST)
    return band.pixels(*near.window(rough.place, reach, length, blur), rough.tilt)


def _fitted(pixels: Pixels, bounds: Floats, near: Beside, rough: Rough, blur: float) -> EdgesFit | None:
    """Return the edge and its neighbours fitted to all pixels of the strips that show it, or to enough of very many."""
    showing = np.zeros(len(bounds) + 1, np.bool_)
    showing[rough.strips + 1] = True
    held = np.flatnonzero(showing[np.searchsorted(bounds, pixels.v)])[:: _stride(pixels)]
    some = Pixels(*(column[held] for column in pixels))
    places = np.concatenate(([rough.place], near.places))
    return fit_edges(some, places, blur, np.full(len(places), rough.tilt), wary=True)


def _stride(pixels: Pixels) -> int:
    return max(1, len(pixels.u) // ENOUGH)


class _Strips:
    """Pixels strip by strip, each strip with grey levels of its own, under the direction, blur and light of one fit.

    In a strip grey = b + c * rise(t), which is linear in b, c and c times a small move of the edge. Edges fitted with it stay where
    the fit has them, with a step of their own in each strip.
    """

    def __init__(self, pixels: Pixels, fit: EdgesFit, bounds: Floats) -> None:
        strip = np.searchsorted(bounds, pixels.v)
        order = np.argsort(strip, kind="stable")
        ordered = Pixels(*(column[order] for column in pixels))
        self.firsts = np.flatnonzero(np.diff(strip[order], prepend=-1))
        self.sizes = np.diff(self.firsts, append=len(order))
        self.v = ordered.v
        self._fit = fit
        self._grey = ordered.grey / fit.lit(ordered)
        z = (ordered.u - fit.places[:, None] - fit.tilts[:, None] * ordered.v) / fit.blur
        self._base = z[0]
        self._others = gauss(z[1:])[0]
        rest = ordered.grey - fit.modelled(ordered)
        self.weights = _weights(rest, UNLIKE * abs(float(fit.contrasts[0])))
        self.moves = np.zeros(len(self.firsts))

    def step(self) -> None:
        """Move each strip's edge by one Gauss-Newton step, and weigh the pixels anew by what is left."""
        rise, slope = gauss(self._base - np.repeat(self.moves / self._fit.blur, self.sizes))
        columns = np.stack((np.ones(len(rise)), rise, slope / -self._fit.blur, *self._others))
        solved, self._variances = self._solved(columns)
        self.contrasts, self.slope = solved[:, 1], slope
        change = solved[:, 2] / np.where(self.contrasts == 0, 1, self.contrasts)
        self.moves = self.moves + np.clip(change, -1, 1)
        rest = self._grey - (np.repeat(solved, self.sizes, axis=0) * columns.T).sum(axis=1)
        self.noise = spread_of(np.abs(rest))
        self.weights = _weights(rest, UNLIKE * abs(float(self._fit.contrasts[0])))

    def _solved(self, columns: Floats) -> tuple[Floats, Floats]:
        """Return, strip by strip, the least-squares factors (strips, k) of columns (k, n), and the third's variance for a noise of 1."""
        weighted, count = columns * self.weights, len(columns)
        matrix = np.empty((len(self.firsts), count, count))
        for i in range(count):
            for j in range(i + 1):
                matrix[:, i, j] = matrix[:, j, i] = self._sums(weighted[i] * columns[j])
        matrix[:, range(count), range(count)] += 1e-9
        inverse = np.linalg.inv(matrix)
        right = np.stack([self._sums(row * self._grey) for row in weighted], axis=1)
        solved: Floats = np.einsum("nij,nj->ni", inverse, right)
        return solved, np.asarray(inverse[:, 2, 2], float)

    def _sums(self, values: Floats) -> Floats:
        return np.add.reduceat(values, self.firsts)

    def points(self) -> Points:
        """Return the strips' places that are sound."""
        trusted = self.weights * np.square(self.slope)
        total = self._sums(trusted)
        middles = self._sums(trusted * self.v) / np.maximum(total, 1e-300)
        usual = float(self._fit.levels[1])
        size = np.abs(self.contrasts)
        sigma = np.sqrt(np.maximum(self._variances, 0)) * max(self.noise, 1e-6) / np.maximum(size, 1e-9)
        sound = (self._sums(self.weights) >= FEWEST) & (self.contrasts * usual > 0) & (size >= FAINT * abs(usual))
        sound &= (np.abs(self.moves) <= ASTRAY) & (sigma > 0) & (sigma <= ASTRAY)
        return Points(middles[sound], self.moves[sound], sigma[sound])


def strip_points(pixels: Pixels, fit: EdgesFit, bounds: Floats) -> Points:
    """Return the edge's place in each strip of pixels, with the strip's own grey levels and the fit's direction, blur and light.

    `bounds` (strips + 1) are the strips' limits across; a pixel belongs to the strip that begins below it. Strips without a sound
    place are left out.
    """
    strips = _Strips(pixels, fit, bounds)
    for _ in range(STEPS):
        strips.step()
    return strips.points()


def _weights(rest: Floats, least: float) -> Floats:
    """Return Tukey's biweight of residuals (n), which are of the edge up to `least` at any rate."""
    limit = max(least, OUTLYING * spread_of(np.abs(rest)))
    return np.asarray(np.square(np.clip(1 - np.square(rest / limit), 0, None)))


def _through(points: Points, fit: EdgesFit, common: Floats) -> Straight:
    """Return the line through the points by Tukey's biweight, about the fit's line, which is where it begins.

    `common` is the covariance of the fit's own places and tilts: what light, blur and neighbours leave open moves all strips together.
    """
    v, off, sigma = points
    trust = 1 / np.square(sigma)
    rest = off - float(np.median(off))
    shift = turn = middle = 0.0
    for _ in range(WEIGHINGS):
        scale = max(spread_of(np.abs(rest)), float(np.median(sigma)), 1e-6)
        weights = trust * np.square(np.clip(1 - np.square(rest / (TUKEY * scale)), 0, None))
        total = float(weights.sum())
        middle = float(weights @ v) / total
        spread = float(weights @ np.square(v - middle))
        shift = float(weights @ off) / total
        turn = float(weights @ ((v - middle) * off)) / spread if spread > 0 else 0.0
        rest = off - shift - turn * (v - middle)
    used = weights > 0
    free = max(1, int(np.count_nonzero(used)) - 2)
    excess = max(1.0, float(weights @ np.square(rest)) / free)
    tilt = float(fit.tilts[0]) + turn
    return Straight(
        float(fit.places[0]) + shift - turn * middle,
        tilt,
        v,
        rest,
        used,
        middle,
        max(excess / total, float(common[0, 0])),
        _tilt_variance(excess / spread if spread > 0 else math.inf, common),
        float(fit.contrasts[0]),
        fit.blur * math.cos(math.atan(tilt)),
    )


def _tilt_variance(own: float, common: Floats) -> float:
    """Return the variance of the line's tilt: that of its points, or of the fit where neighbours leave open more."""
    count = len(common) // 2
    return own if count == 1 else max(own, float(common[count, count]))
