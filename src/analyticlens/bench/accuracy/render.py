"""Pictures with exactly known truth: shapes given by their signed distance, blurred by a Gaussian, integrated over each pixel.

A shape is a function of x and y (float64 arrays of one form) that says how far from its rim each place is, in pixels: negative
inside, and never more than the true distance. Pixel centres lie at whole numbers, x right, y down, degrees from +x towards +y.

Each pixel is cut into 8 x 8 cells, and a cell on a rim into 2 x 2 parts again, whose share inside is that of the rim's tangent,
exactly. A cell counts by its share inside and by the first moment of what lies inside, times the blurred pixel's weight there and
its slope. Against straight edges in closed form the levels are right to 4e-5 of the contrast, the places to 2e-5 px.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Sdf = Callable[[Floats, Floats], Floats]

CELLS = 8
PARTS = 2
# What is farther than so many of its sides from a rim lies on one side of it: half a diagonal, and a little more.
NEAR = 0.8


class Layer(NamedTuple):
    """A shape of one grey level, painted over what lies below it."""

    sdf: Sdf
    level: float


def disc(cx: float, cy: float, r: float) -> Sdf:
    """Return the disc of radius r about (cx, cy)."""
    return lambda x, y: np.hypot(x - cx, y - cy) - r


def ellipse(cx: float, cy: float, rx: float, ry: float, angle_deg: float = 0.0) -> Sdf:
    """Return the ellipse with half axes rx along angle_deg and ry across it. Its distance is right to first order at the rim."""

    def distance(x: Floats, y: Floats) -> Floats:
        u, v = _own(x, y, cx, cy, angle_deg)
        k0 = np.hypot(u / rx, v / ry)
        k1 = np.hypot(u / rx**2, v / ry**2)
        far = k0 * (k0 - 1) / np.maximum(k1, 1e-12)
        return np.where(k0 < 1e-6, -min(rx, ry), far)

    return distance


def rectangle(cx: float, cy: float, w: float, h: float, angle_deg: float = 0.0) -> Sdf:
    """Return the rectangle of sides w and h about (cx, cy), turned by angle_deg."""

    def distance(x: Floats, y: Floats) -> Floats:
        u, v = _own(x, y, cx, cy, angle_deg)
        a, b = np.abs(u) - w / 2, np.abs(v) - h / 2
        return np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0)

    return distance


def half_plane(x: float, y: float, angle_deg: float) -> Sdf:
    """Return all that lies against the direction angle_deg, seen from a point (x, y) on the rim."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return lambda at_x, at_y: (at_x - x) * c + (at_y - y) * s


def union(*sdfs: Sdf) -> Sdf:
    """Return what lies in any of the shapes."""
    return lambda x, y: reduce(np.minimum, (sdf(x, y) for sdf in sdfs))


def minus(a: Sdf, b: Sdf) -> Sdf:
    """Return what lies in a and not in b."""
    return lambda x, y: np.maximum(a(x, y), -b(x, y))


def moved(sdf: Sdf, x: float, y: float, angle_deg: float = 0.0, scale: float = 1.0) -> Sdf:
    """Return a shape turned by angle_deg about (0, 0), scaled, and then moved by (x, y)."""

    def distance(at_x: Floats, at_y: Floats) -> Floats:
        u, v = _own(at_x, at_y, x, y, angle_deg)
        return scale * sdf(u / scale, v / scale)

    return distance


def _own(x: Floats, y: Floats, cx: float, cy: float, angle_deg: float) -> tuple[Floats, Floats]:
    """Return places in the axes of something at (cx, cy) turned by angle_deg."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return (x - cx) * c + (y - cy) * s, (y - cy) * c - (x - cx) * s


def render(sdf: Sdf, size: tuple[int, int], *, psf: float = 1.0, low: float = 60.0, high: float = 180.0) -> Floats:
    """Return a shape of level `high` on `low` as a picture (H, W) of exact grey levels.

    `size` is (width, height) in pixels, `psf` the standard deviation of the optics' blur in pixels (0: none).
    """
    return render_layers([Layer(sdf, high)], size, psf=psf, ground=low)


def render_pattern(
    pattern: Sequence[Layer],
    size: tuple[int, int],
    *,
    x: float,
    y: float,
    angle_deg: float = 0.0,
    scale: float = 1.0,
    psf: float = 1.0,
    ground: float = 60.0,
    clutter: Sequence[Layer] = (),
) -> Floats:
    """Return a picture (H, W) of a pattern drawn about (0, 0), turned, scaled and with its origin moved to (x, y), over `clutter`."""
    placed = [Layer(moved(layer.sdf, x, y, angle_deg, scale), layer.level) for layer in pattern]
    return render_layers([*clutter, *placed], size, psf=psf, ground=ground)


def marks(rng: np.random.Generator, w: float = 73.0, h: float = 57.0, count: int = 9) -> list[Layer]:
    """Return a plate of w x h px about (0, 0) with bright and dark marks on it at random: a pattern worth teaching."""
    layers = [Layer(rectangle(0, 0, w, h), 110.0)]
    for _ in range(count):
        at = rng.uniform(-0.32, 0.32, 2) * (w, h)
        across = rng.uniform(0.08, 0.22, 2) * min(w, h)
        level = float(rng.choice([60.0, 85.0, 140.0, 180.0]))
        kind = rectangle if rng.random() < 0.6 else ellipse
        layers.append(Layer(kind(at[0], at[1], across[0], across[1], rng.uniform(0, 180)), level))
    return layers


def render_layers(layers: Sequence[Layer], size: tuple[int, int], *, psf: float = 1.0, ground: float = 60.0) -> Floats:
    """Return layers, the first lowest, on a ground of one level as a picture (H, W) of exact grey levels; `size` is (width, height)."""
    width, height = size
    margin = math.ceil(6 * psf) + 1
    y, x = np.mgrid[-margin : height + margin, -margin : width + margin].astype(np.float64)
    rims = np.zeros(x.shape, np.bool_)
    distances = [layer.sdf(x, y) for layer in layers]
    for distance in distances:
        rims |= np.abs(distance) < NEAR
    flat, cells = np.full(x.shape, float(ground)), _Cells(rims, float(ground))
    for layer, distance in zip(layers, distances, strict=True):
        flat[distance < 0] = layer.level
        own = np.abs(distance[rims]) < NEAR
        cells.paint(layer, distance[rims] < 0, own, x[rims][own], y[rims][own])
    return _blurred(flat, cells, *_taps(psf, margin), margin)


class _Cells:
    """The pixels on any rim, cut into cells: each cell's mean level, and its first moments along x and y about its centre."""

    def __init__(self, rims: NDArray[np.bool_], ground: float) -> None:
        self.rows, self.columns = np.nonzero(rims)
        shape = (len(self.rows), CELLS, CELLS)
        self.mean = np.full(shape, ground)
        self.along_x = np.zeros(shape)
        self.along_y = np.zeros(shape)

    def paint(self, layer: Layer, inside: NDArray[np.bool_], own: NDArray[np.bool_], x: Floats, y: Floats) -> None:
        """Paint a layer: `inside` says which pixels' centres are, `own` which lie on its own rim, at x, y."""
        share = np.broadcast_to(inside[:, None, None], self.mean.shape).astype(np.float64)
        share[own], m_x, m_y = _moments(layer.sdf, x, y)
        change = layer.level - self.mean
        # Where two rims cross in one cell this takes them for independent; everywhere else it is exact.
        for moments, new in ((self.along_x, m_x), (self.along_y, m_y)):
            moments *= 1 - share
            moments[own] += change[own] * new
        self.mean += share * change


def _blurred(flat: Floats, cells: _Cells, taps: Floats, slopes: Floats, margin: int) -> Floats:
    """Return the picture without its margins: flat pixels by their weights, and what the cells of rims differ from them by theirs."""
    pixel = taps.sum(axis=1)
    by_rows = sum(weight * flat[k : k + len(flat) - 2 * margin] for k, weight in enumerate(pixel))
    width = flat.shape[1] - 2 * margin
    picture = sum(weight * by_rows[:, k : k + width] for k, weight in enumerate(pixel))
    wide = np.pad(picture, 2 * margin)
    differing = cells.mean - flat[cells.rows, cells.columns][:, None, None]
    parts = (taps @ differing + slopes @ cells.along_y) @ taps.T + taps @ cells.along_x @ slopes.T
    for up in range(2 * margin + 1):
        for left in range(2 * margin + 1):
            wide[cells.rows + 2 * margin - up, cells.columns + 2 * margin - left] += parts[:, up, left]
    inner = slice(2 * margin, -2 * margin)
    return wide[inner, inner]


def _moments(sdf: Sdf, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Return of pixels at x, y (n) for each cell (n, CELLS, CELLS) the share inside, and its moments along x and y in pixels."""
    offset = (np.arange(CELLS) + 0.5) / CELLS - 0.5
    at_x = np.broadcast_to(x[:, None, None] + offset, (len(x), CELLS, CELLS))
    at_y = np.broadcast_to(y[:, None, None] + offset[:, None], (len(x), CELLS, CELLS))
    distance = sdf(at_x, at_y)
    shares = (distance < 0).astype(np.float64)
    along_x, along_y = np.zeros_like(shares), np.zeros_like(shares)
    rim = np.abs(distance) < NEAR / CELLS
    within = ((np.arange(PARTS) + 0.5) / PARTS - 0.5) / CELLS
    part_x, part_y = np.broadcast_arrays(at_x[rim][:, None, None] + within, at_y[rim][:, None, None] + within[:, None])
    share, m_x, m_y = _tangent_moments(sdf, part_x, part_y, 1 / (CELLS * PARTS))
    shares[rim] = share.mean(axis=(1, 2))
    along_x[rim] = (m_x + share * within).mean(axis=(1, 2))
    along_y[rim] = (m_y + share * within[:, None]).mean(axis=(1, 2))
    return shares, along_x, along_y


def _tangent_moments(sdf: Sdf, x: Floats, y: Floats, side: float) -> tuple[Floats, Floats, Floats]:
    """Return of squares of a side the share inside the rim's tangent, and its moments about the square's centre, in pixels."""
    step = side / 4
    gx = sdf(x + step, y) - sdf(x - step, y)
    gy = sdf(x, y + step) - sdf(x, y - step)
    length = np.maximum(np.hypot(gx, gy), 1e-300)
    a, b = np.abs(gx) / length, np.abs(gy) / length
    level = -sdf(x, y) / side
    share = square_share(level, a, b)
    m_x = np.copysign(_square_moment(level, a, b) * side, -gx)
    return share, m_x, np.copysign(_square_moment(level, b, a) * side, -gy)


def square_share(level: Floats, a: Floats, b: Floats) -> Floats:
    """Return the share of a unit square about (0, 0) where a u + b v <= level; (a, b) has length 1, both >= 0."""
    a, b = np.maximum(np.maximum(a, b), 0.5), np.maximum(np.minimum(a, b), 1e-6)
    h = (a + b) / 2
    slanted = _power(level + h, 2) - _power(level + h - a, 2) - _power(level + h - b, 2) + _power(level - h, 2)
    return np.clip(slanted / (2 * a * b), 0, 1)


def _square_moment(level: Floats, a: Floats, b: Floats) -> Floats:
    """Return minus the integral of u over that part of the square (it lies towards negative u)."""
    a, b = np.maximum(a, 1e-4), np.maximum(b, 1e-6)
    total = np.zeros_like(level)
    for sign in (1, -1):
        p = level + sign * b / 2
        squares = (_power(p - a / 2, 2) + _power(p + a / 2, 2)) / (4 * a)
        total += sign * (squares + (_power(p - a / 2, 3) - _power(p + a / 2, 3)) / (6 * a**2))
    return np.maximum(total / b, 0)


def _power(value: Floats, exponent: int) -> Floats:
    result: Floats = np.maximum(value, 0) ** exponent
    return result


def _taps(psf: float, margin: int) -> tuple[Floats, Floats]:
    """Return the weights (2 margin + 1, CELLS) of the cells of a pixel and its neighbours, and their slopes times a cell's side.

    The weight is the Gaussian integrated over the pixel and over the cell; without blur a cell counts to its own pixel alone.
    """
    edges = np.arange((2 * margin + 1) * CELLS + 1) / CELLS - margin - 0.5
    if psf == 0:
        weights, slopes = np.diff(np.clip(edges, -0.5, 0.5)), np.zeros(len(edges) - 1)
    else:
        inner, outer = _integrated_twice((edges - 0.5) / psf), _integrated_twice((edges + 0.5) / psf)
        middles = (edges[1:] + edges[:-1]) / 2
        weights = np.diff(outer - inner) * psf
        slopes = np.exp(-0.5 * ((middles + 0.5) / psf) ** 2) - np.exp(-0.5 * ((middles - 0.5) / psf) ** 2)
        slopes /= psf * math.sqrt(2 * math.pi) * CELLS
    return weights.reshape(-1, CELLS), slopes.reshape(-1, CELLS)


def analytic_edge(size: tuple[int, int], at: tuple[float, float], angle_deg: float, psf: float) -> Floats:
    """Return `render(half_plane(*at, angle_deg), size, psf=psf, low=0, high=1)` in closed form, for checking it; psf > 0."""
    x, y = np.meshgrid(np.arange(size[0], dtype=float), np.arange(size[1], dtype=float))
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    t = -((x - at[0]) * c + (y - at[1]) * s)
    a, b = max(abs(c), abs(s)), max(min(abs(c), abs(s)), 1e-3)
    h = (a + b) / 2
    thrice = _thrice_integrated(np.stack([t + h, t + h - a, t + h - b, t - h]) / psf)
    share: Floats = (thrice[0] - thrice[1] - thrice[2] + thrice[3]) * psf**2 / (a * b)
    return share


def _integrated_twice(t: Floats) -> Floats:
    """Return the normal density integrated twice from minus infinity."""
    below = np.vectorize(math.erfc)(-t / math.sqrt(2)) / 2
    result: Floats = t * below + np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
    return result


def _thrice_integrated(t: Floats) -> Floats:
    """Return the normal density integrated three times from minus infinity."""
    below = np.vectorize(math.erfc)(-t / math.sqrt(2)) / 2
    density = np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
    result: Floats = ((t**2 + 1) * below + t * density) / 2
    return result
