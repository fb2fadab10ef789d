"""A circle fitted to raw pixels: the light of a blurred disc, by Gauss-Newton least squares on the pixels about its rim.

With white noise this is the maximum likelihood estimate of centre and radius, and close to the Cramer-Rao bound. Grey levels, blur and,
where the pixels say so, uneven light belong to the model. Light is let in only after what is no rim has been left out: otherwise it
would bend to explain an occlusion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.disc import profile
from analyticlens.engine.regions import Window

Floats = NDArray[np.float64]

# More pixels than these say little more and cost more: then every second, third... is looked at.
MOST_PIXELS = 16_000
FEWEST_PIXELS = 40
ROUNDS = 12
# A round that moves centre, radius and blur by less than this, in pixels, is the last.
SETTLED = 2e-4
STRIDE = 1.0
SHARPEST = 0.25
# What two more terms must lessen the squares by, in variances of the noise, to be let in: chance does it once in 2000 times.
PAYS = 15.0
# Residuals beyond so many standard deviations, and this share of the contrast, are something else than the rim.
OUTLYING = 5.0
UNLIKE = 0.08
# A stretch of the rim so long, in pixels, whose mean square is unlikely by so many of its standard deviations, and more than this
# share of the contrast squared (what blur and box differ by), is something else too. It is looked for so many times.
STRETCH = 4.0
UNLIKELY = 5.0
ALIKE = 0.01
DOUBTS = 3
# On less of the rim than this, in radians, added light would be taken for a place.
WHOLE = math.pi
# Parameters: x, y, radius, blur, dark, step; then the slope of the light (2), then that of what is added to it (2).
BASIC, LIT, GLARE = 6, 8, 10


class Pixels(NamedTuple):
    """Raw pixels (n): columns `x`, rows `y` and `grey`, all float64, and the ray each lies nearest to.

    `beyond` (n) is how far outwards of the circle the rim runs where each lies, in pixels: 0 where it is round.
    """

    x: Floats
    y: Floats
    grey: Floats
    ray: NDArray[np.intp]
    beyond: Floats


class CircleFit(NamedTuple):
    """A circle fitted to pixels.

    `cov` (3, 3) is the covariance of x, y and r from the noise that is left over, whose standard deviation is `noise`; `blur` the
    standard deviation of the edge, pixel included; `contrast` the step of grey from outside to inside at the centre; `pixels` the
    number used.
    """

    x: float
    y: float
    r: float
    blur: float
    contrast: float
    noise: float
    cov: Floats
    pixels: int


def annulus(
    x: float, y: float, inner: float, outer: float, window: Window
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return columns and rows (n) of the window's pixels whose centres lie between two distances from (x, y), its mask left aside."""
    rows = np.arange(max(window.y0, math.ceil(y - outer)), min(window.y1, math.floor(y + outer) + 1))
    squared = np.square(rows - y)
    wide = np.sqrt(np.maximum(outer**2 - squared, 0))
    hole = np.sqrt(np.maximum(inner**2 - squared, 0))
    pierced = squared < inner**2
    first = np.ceil(x - wide).astype(np.intp)
    last = np.floor(x + wide).astype(np.intp)
    break_ = np.where(pierced, np.floor(x - hole), last).astype(np.intp)
    again = np.where(pierced, np.maximum(np.ceil(x + hole), break_ + 1), last + 1).astype(np.intp)
    starts = np.maximum(np.concatenate((first, again)), window.x0)
    ends = np.minimum(np.concatenate((break_, last)), window.x1 - 1)
    lengths = np.maximum(ends - starts + 1, 0)
    before = np.cumsum(lengths) - lengths
    columns = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return columns, np.repeat(np.concatenate((rows, rows)), lengths)


def pixels_between(
    grey: NDArray[Any],
    window: Window,
    place: tuple[float, float],
    limits: tuple[float, float],
    ray_of: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.intp]],
) -> Pixels:
    """Return the window's pixels of grey (H, W) between two distances from a place (x, y).

    `ray_of` says of offsets from the place to which ray they belong, -1 for none: these are left out. There are at most MOST_PIXELS,
    evenly chosen.
    """
    columns, rows = annulus(*place, *limits, window)
    if window.mask is not None:
        held = window.mask[rows - window.y0, columns - window.x0] > 0
        columns, rows = columns[held], rows[held]
    stride = max(1, -(-len(rows) // MOST_PIXELS))
    columns, rows = columns[::stride], rows[::stride]
    ray = ray_of(columns - place[0], rows - place[1])
    kept = ray >= 0
    columns, rows = columns[kept], rows[kept]
    light = grey[rows, columns].astype(float)
    return Pixels(columns.astype(float), rows.astype(float), light, ray[kept], np.zeros(len(rows)))


def fit_circle(
    pixels: Pixels, start: tuple[float, float, float], blur: float, spread: float, buffers: Buffers
) -> CircleFit | None:
    """Return the circle near `start` (x, y, r) that explains the pixels best, or None where they do not hold one.

    `blur` is roughly that of the rim in pixels, and `spread` the angle between its rays in radians.
    """
    if len(pixels.grey) < FEWEST_PIXELS:
        return None
    model = _Model(pixels, start, blur, buffers)
    model.spacing = spread * start[2]
    if not model.settle():
        return None
    arc = len(np.unique(pixels.ray)) * spread
    for terms in (LIT, GLARE) if arc >= WHOLE else (LIT,):
        if model.pays(terms):
            model.terms = terms
            if not model.settle():
                return None
    for _ in range(DOUBTS):
        if not model.doubt():
            break
        if not model.settle():
            return None
    return model.result()


class _Model:
    """One fit while it runs."""

    def __init__(self, pixels: Pixels, start: tuple[float, float, float], blur: float, buffers: Buffers) -> None:
        self.pixels = pixels
        self.scale = start[2]
        self.origin = start[:2]
        self.p = np.zeros(GLARE)
        self.p[:4] = *start, max(SHARPEST, blur)
        self.terms = BASIC
        self.spacing = 1.0
        self._buffers = buffers
        self._offsets()
        self._level()

    def _offsets(self) -> None:
        self.u = (self.pixels.x - self.origin[0]) / self.scale
        self.v = (self.pixels.y - self.origin[1]) / self.scale

    def _level(self) -> None:
        """Set dark and step so that they fit the present geometry best."""
        away = np.hypot(self.pixels.x - self.p[0], self.pixels.y - self.p[1])
        rise = profile(np.maximum(away - self.pixels.beyond, 0), self.p[2], self.p[3]).rise
        middle, level = float(rise.mean()), float(self.pixels.grey.mean())
        spread = rise - middle
        size = float(spread @ spread)
        self.p[5] = float(spread @ self.pixels.grey) / size if size > 0 else 0.0
        self.p[4] = level - self.p[5] * middle

    def _system(self, terms: int) -> tuple[Floats, Floats]:
        """Return the residuals (n) and their derivatives by the first `terms` parameters (terms, n)."""
        x, y, r, blur, dark, step = self.p[:BASIC]
        a, e, g, h = self.p[BASIC:]
        dx, dy = self.pixels.x - x, self.pixels.y - y
        away = np.maximum(np.hypot(dx, dy), 1e-9)
        seen = profile(np.maximum(away - self.pixels.beyond, 0), r, blur)
        light = 1 + a * self.u + e * self.v
        level = dark + step * seen.rise
        by = self._buffers.take("circle by", (GLARE, len(away)), np.float64)[:terms]
        lit = step * light
        inwards = -lit * seen.by_place / away
        np.multiply(inwards, dx, out=by[0])
        np.multiply(inwards, dy, out=by[1])
        np.multiply(lit, seen.by_radius, out=by[2])
        np.multiply(lit, seen.by_blur, out=by[3])
        by[4] = light
        np.multiply(seen.rise, light, out=by[5])
        if terms >= LIT:
            np.multiply(self.u, level, out=by[6])
            np.multiply(self.v, level, out=by[7])
        if terms >= GLARE:
            by[8], by[9] = self.u, self.v
        return self.pixels.grey - level * light - g * self.u - h * self.v, by

    def settle(self) -> bool:
        """Take Gauss-Newton steps until nothing moves; return whether there was a sound one each time."""
        for _ in range(ROUNDS):
            rest, by = self._system(self.terms)
            change = solved(by @ by.T, by @ rest)
            if change is None:
                return False
            change[:3] = np.clip(change[:3], -STRIDE, STRIDE)
            change[3] = np.clip(change[3], -self.p[3] / 2, self.p[3])
            before = self.p[:4].copy()
            self.p[: self.terms] += change
            self.p[3] = min(max(self.p[3], SHARPEST), self.scale)
            if self.p[2] <= SHARPEST:
                return False
            if float(np.abs(self.p[:4] - before).max()) < SETTLED:
                break
        return True

    def pays(self, terms: int) -> bool:
        """Tell whether the next two parameters explain more than chance would."""
        rest, by = self._system(terms)
        right = by @ rest
        change = solved(by @ by.T, right)
        if change is None:
            return False
        gain = float(right @ change)
        left = float(rest @ rest) - gain
        return gain * (len(rest) - terms) > PAYS * left > 0

    def doubt(self) -> bool:
        """Leave out pixels, and stretches of the rim, that are nothing of it; return whether there were any."""
        rest = self._system(self.terms)[0]
        usual = 1.4826 * float(np.median(np.abs(rest)))
        contrast = abs(float(self.p[5]))
        fits = np.abs(rest) <= max(OUTLYING * usual, UNLIKE * contrast)
        group = self.pixels.ray // max(1, round(STRETCH / self.spacing))
        count = np.bincount(group[fits]).astype(float)
        mean = np.bincount(group[fits], np.square(rest[fits])) / np.maximum(count, 1)
        most = np.square(usual) * (1 + UNLIKELY * np.sqrt(2 / np.maximum(count, 1))) + (ALIKE * contrast) ** 2
        fits &= (mean <= most)[np.minimum(group, len(mean) - 1)]
        if fits.all() or np.count_nonzero(fits) < max(FEWEST_PIXELS, len(fits) // 4):
            return False
        x, y, grey, ray, beyond = self.pixels
        self.pixels = Pixels(x[fits], y[fits], grey[fits], ray[fits], beyond[fits])
        self._offsets()
        return True

    def result(self) -> CircleFit | None:
        """Return the fit with its covariance, or None where it has none."""
        rest, by = self._system(self.terms)
        variance = float(rest @ rest) / max(1, len(rest) - self.terms)
        cov = inverse(by @ by.T)
        if cov is None or not math.isfinite(variance):
            return None
        x, y, r, blur, _, step = self.p[:BASIC].tolist()
        light = 1 + float(self.p[6] * (x - self.origin[0]) + self.p[7] * (y - self.origin[1])) / self.scale
        return CircleFit(x, y, r, blur, step * light, math.sqrt(variance), cov[:3, :3] * variance, len(rest))


def solved(matrix: Floats, right: Floats) -> Floats | None:
    """Return the solution of symmetric normal equations, or None where they are singular."""
    turned = inverse(matrix)
    return None if turned is None else turned @ right


def inverse(matrix: Floats) -> Floats | None:
    """Return the inverse of a symmetric positive matrix, scaled while it is made, or None where it has none."""
    size = np.sqrt(np.diagonal(matrix))
    if not np.isfinite(size).all() or (size <= 0).any():
        return None
    scale = 1 / size
    normal = matrix * scale * scale[:, None]
    normal[np.diag_indices_from(normal)] += 1e-11
    try:
        found = np.linalg.inv(normal)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(found * scale * scale[:, None]) if np.isfinite(found).all() else None
