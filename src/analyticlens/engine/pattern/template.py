"""A taught template made ready: its pyramid, and what each level's fit needs, worked out once.

A level holds every second pixel of the one below it, smoothed; places at level l are places at level 0 divided by 2^l. What the mask
leaves out takes no part in the smoothing (normalised averaging, Knutsson and Westin 1993).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.pattern.similarity import Similarity
from analyticlens.engine.pattern.slopes import slopes
from analyticlens.engine.typed import floats

# The coarsest level's shorter side is at least so many pixels: below, different things begin to look alike.
COARSEST = 14
MAX_LEVELS = 7
# A coarser level must keep this share of the template's contrast: fine textures vanish when they are averaged.
CONTRAST_KEPT = 0.35
# And the template, moved and turned by as much as the search's steps leave open there, must still have this score against itself: print
# may keep its contrast and yet be another picture at every place.
RECOGNISED = 0.6
# How far, in pixels of the coarsest level, the template's farthest corner moves from one turn or size of the search to the next, at most.
STRIDE = 1.3
SHORTEST, LONGEST = 8, 4096
# The finest level that is fitted pixel by pixel has at most so many pixels; below it only the last fit looks.
FITTED = 16_384
# Standard deviation of a template, in grey levels, below which there is nothing to find.
FLATTEST = 1.0
# Least ratio of structure across the weakest direction to that across the strongest.
ONE_WAY = 0.004
# This share of the weaker structure must lie further than so many pixels from the rim: what lies there is mixed with what is beyond it.
INSIDE, BRINK, FINE = 0.12, 2, 0.7
# Least share of a template's structure that turning it must change.
ROUND = 0.004
# What covers a part of the template may be far brighter than it and pull the least squares of the whole away. Each of these parts leaves
# out this share at one side, or of both lengths in the middle: one of them leaves out most of a cover. What is left out still has a very
# little weight, for all the structure of a template may lie there.
LEFT_OUT, HOLLOW = 0.4, 0.5
LITTLE = 1e-6
# Fits of parts are compared by what they leave to this share of the pixels at most; the whole is only left for a part that leaves less
# than this share of what it does.
MOSTLY = 0.6
CLEARLY = 0.8
# Smoothing, in pixels, of the gradients whose directions are compared: of the picture itself, and of its halves.
SMOOTH = 1.5
SMOOTH_HALVES = 1.0
# Points whose gradient is at least this share of a strong one (the 95th percentile) are compared.
STRONG = 0.25


class Points(NamedTuple):
    """Places with a clear gradient: `at` into the flat level, and its unit direction there."""

    at: NDArray[np.intp]
    x: NDArray[np.float32]
    y: NDArray[np.float32]


class Level(NamedTuple):
    """One level of the pyramid.

    `values` (h, w) and `mask` (h, w, 0 or 1), float32. `centre` (x, y) in its pixels. `design` (k, h * w) is what gain, offset,
    shift x, shift y and what else is free do to its values; `solver` (k, h * w) makes of a picture's values in the template's frame their
    least-squares coefficients, and `partial` (m, k, h * w) does so by a part of them each.
    `unit` (h * w) correlates values into the normalised correlation's numerator. `points` are compared by
    direction, after smoothing by `smooth` pixels.
    """

    values: NDArray[np.float32]
    mask: NDArray[np.float32]
    centre: tuple[float, float]
    design: NDArray[np.float32]
    solver: NDArray[np.float32]
    partial: NDArray[np.float32]
    unit: NDArray[np.float32]
    points: Points
    smooth: float

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as OpenCV wants them."""
        return self.values.shape[1], self.values.shape[0]

    def sample(self, picture: NDArray[np.float32], pose: Similarity) -> NDArray[np.float32]:
        """Return the picture's values (h, w) under the template, bilinear; beyond its rim the picture is continued."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        to_source = pose.to_source(self.centre)
        return floats(cv2.warpAffine(picture, to_source, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE))

    def ncc(self, values: NDArray[np.float32]) -> float:
        """Return the normalised correlation of values (h, w) with the template, -1 to 1."""
        flat, mask = values.ravel(), self.mask.ravel()
        count = float(mask.sum())
        mean = float(mask @ flat) / count
        flat = (flat - mean) * mask
        energy = float(flat @ flat)
        return float(self.unit @ flat) / math.sqrt(energy) if energy > 1e-6 * count else 0.0

    def score(self, values: NDArray[np.float32]) -> float:
        """Return the mean cosine between the directions of the gradients of values (h, w) and the template's, -1 to 1.

        Source of the measure: Steger, "Occlusion, clutter, and illumination invariant object recognition" (2002).
        """
        gx, gy = gradient(values, self.mask, self.smooth)
        x, y = gx.take(self.points.at), gy.take(self.points.at)
        length = np.hypot(x, y)
        return float(((x * self.points.x + y * self.points.y) / np.maximum(length, 1e-3)).mean())


# Values and mask of a level, (h, w), float32.
Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


class Freedom(NamedTuple):
    """What a fit may change beside the place."""

    angle: bool
    scale: bool


class Template:
    """A template's levels, finest first, and the level `finest` from which on the search looks at all pixels.

    Raises CannotBuild for a template without structure.
    """

    def __init__(self, values: NDArray[Any], mask: NDArray[np.uint8] | None, freedom: Freedom) -> None:
        self.freedom = freedom
        grey = values.astype(np.float32)
        held = np.ones_like(grey) if mask is None else (mask > 0).astype(np.float32)
        _check_size(grey, held)
        layers = _pyramid(grey, held, freedom)
        while len(layers) > 1 and _recognised(layers, freedom) < RECOGNISED:
            layers.pop()
        self.coarsest = len(layers) - 1
        self.finest = next((i for i, (grey, _) in enumerate(layers) if grey.size <= FITTED), self.coarsest)
        middle = _middle(grey.shape)
        self.levels = [
            _level(layer, _halves(middle, i), SMOOTH_HALVES if i else SMOOTH, freedom, i >= self.finest)
            for i, layer in enumerate(layers)
        ]
        self.shape = grey.shape

    @property
    def centre(self) -> tuple[float, float]:
        """The centre (x, y) in the template's pixels."""
        return self.levels[0].centre

    def outline(self, pose: Similarity) -> list[tuple[float, float]]:
        """Return the corners of the template's rectangle as the pose moves them."""
        height, width = self.shape
        ends = ((-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5))
        cx, cy = self.centre
        return [pose.apply(x - cx, y - cy) for x, y in ends]


def _check_size(grey: NDArray[np.float32], held: NDArray[np.float32]) -> None:
    if min(grey.shape) < SHORTEST or max(grey.shape) > LONGEST:
        raise CannotBuild(
            f"its template is {grey.shape[1]}x{grey.shape[0]}; {SHORTEST} to {LONGEST} px a side are possible"
        )
    if held.sum() < SHORTEST**2:
        raise CannotBuild("its mask leaves too little of the template")


def _pyramid(grey: NDArray[np.float32], held: NDArray[np.float32], freedom: Freedom) -> list[Layer]:
    """Return values and masks, finest first, as long as they are large enough and keep the template's contrast."""
    contrast = _deviation(grey, held)
    if contrast < FLATTEST:
        raise CannotBuild("its template has no structure: it is nearly one grey")
    _check_structure(grey, held, freedom)
    layers = [(grey, held)]
    while len(layers) < MAX_LEVELS and min(grey.shape) >= 2 * COARSEST:
        grey, held = _halved(grey, held)
        if held.sum() < COARSEST**2 / 2 or _deviation(grey, held) < CONTRAST_KEPT * contrast:
            break
        layers.append((grey, held))
    return layers


def _recognised(layers: list[Layer], freedom: Freedom) -> float:
    """Return the coarsest level's worst score against the template moved by half a pixel, and turned by half a step, of that level."""
    grey, held = layers[0]
    number = len(layers) - 1
    level = _level(layers[-1], _halves(_middle(grey.shape), number), SMOOTH_HALVES, freedom, True)
    turn = math.degrees(STRIDE / 2 * math.atan(1 / math.hypot(*level.centre))) if freedom.angle else 0.0
    size = (grey.shape[1], grey.shape[0])
    scores = []
    for side in (-1, 1):
        matrix = np.asarray(cv2.getRotationMatrix2D(_middle(grey.shape), side * turn, 1.0), np.float64)
        matrix[:, 2] += np.array([1.0, side]) * 2.0 ** (number - 1)
        moved = np.asarray(cv2.warpAffine(grey, matrix, size, borderMode=cv2.BORDER_REFLECT_101), np.float32)
        layer = (moved, held)
        for _ in range(number):
            layer = _halved(*layer)
        scores.append(level.score(layer[0]))
    return min(scores)


def _middle(shape: tuple[int, ...]) -> tuple[float, float]:
    return (shape[1] - 1) / 2, (shape[0] - 1) / 2


def _halves(place: tuple[float, float], number: int) -> tuple[float, float]:
    """Return a place of level 0 in the pixels of a level."""
    return place[0] / 2**number, place[1] / 2**number


def _deviation(grey: NDArray[np.float32], held: NDArray[np.float32]) -> float:
    inside = grey[held > 0]
    return float(inside.std()) if inside.size else 0.0


def _halved(grey: NDArray[np.float32], held: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a template and its mask at half the size, by what the mask holds alone."""

    def down(values: NDArray[np.float32]) -> NDArray[np.float32]:
        # Four pixels of nothing around it become two, which are cut off: the rim is averaged with nothing, not with its mirror.
        rows, columns = ((n + 1) // 2 for n in values.shape)
        padded = cv2.copyMakeBorder(values, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=0)
        return np.ascontiguousarray(cv2.pyrDown(padded)[2 : 2 + rows, 2 : 2 + columns])

    weight = down(held)
    mean = float(grey[held > 0].mean())
    small = np.where(weight > 0.05, down((grey - mean) * held) / np.maximum(weight, 0.05), 0) + mean
    return small.astype(np.float32), (weight > 0.45).astype(np.float32)


def derivatives(grey: NDArray[np.float32], held: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the derivatives (h, w) across x and y by central differences; 0 where a neighbour is not held."""
    reach = cv2.erode(held, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    across, down = slopes(grey)
    return across * reach, down * reach


def motions(
    gx: NDArray[Any], gy: NDArray[Any], u: NDArray[Any], v: NDArray[Any], freedom: Freedom
) -> list[NDArray[Any]]:
    """Return what a small shift x, shift y, turn and growth (the free ones) of the template's places take from its values.

    `u`, `v` are places from its centre.
    """
    columns = [-gx, -gy]
    if freedom.angle:
        columns.append(gx * v - gy * u)
    if freedom.scale:
        columns.append(-(gx * u + gy * v))
    return columns


def _level(layer: Layer, centre: tuple[float, float], smooth: float, freedom: Freedom, fitted: bool) -> Level:
    """Return a level by its values, mask and centre; one that is not fitted pixel by pixel has no design."""
    grey, held = layer
    if not fitted:
        nothing = np.zeros((0, 0), np.float32)
        points = Points(np.zeros(0, np.intp), *2 * (nothing,))
        return Level(grey, held, centre, nothing, nothing, nothing, nothing, points, smooth)
    gx, gy = derivatives(grey, held)
    u, v = _places(held.shape, centre)
    mean = float(grey[held > 0].mean())
    columns = [grey - mean, np.ones_like(grey), *motions(gx, gy, u, v, freedom)]
    design = np.stack([(column * held).ravel() for column in columns]).astype(np.float64)
    solver = _solver(design, np.ones(design.shape[1]))
    partial = np.stack([_solver(design, part.ravel()) for part in parts(u, v, held.shape)])
    flat = ((grey - mean) * held).ravel().astype(np.float64)
    unit = (flat / math.sqrt(float(flat @ flat))).astype(np.float32)
    points = strong_points(*gradient(grey, held, smooth))
    return Level(grey, held, centre, design.astype(np.float32), solver, partial, unit, points, smooth)


def _solver(design: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what makes of values (h * w) the coefficients of a design (k, h * w) by weighted least squares."""
    weighted = design * weights
    gram = weighted @ design.T
    # A coarse level may say nearly nothing of one direction: then the step in it is nothing, not everything.
    gram[np.diag_indices_from(gram)] *= 1 + 1e-6
    return np.linalg.solve(gram, weighted).astype(np.float32)


def parts(u: NDArray[Any], v: NDArray[Any], shape: tuple[int, ...]) -> list[NDArray[np.float64]]:
    """Return the weights of places (u, v), from the centre of a template of a shape, where one part of it or another is left out."""
    across, down = np.broadcast_arrays(u / shape[1], v / shape[0])
    edge = 0.5 - LEFT_OUT
    hollow = np.maximum(np.abs(across), np.abs(down)) > HOLLOW / 2
    return [np.where(left, 1.0, LITTLE) for left in (across > -edge, across < edge, down > -edge, down < edge, hollow)]


def _places(shape: tuple[int, ...], centre: tuple[float, float]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the columns (w) and rows (h, 1) of a template from its centre."""
    return np.arange(shape[1]) - centre[0], np.arange(shape[0])[:, None] - centre[1]


def smoothed(values: NDArray[np.float32], held: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return values (h, w) less their mean, smoothed inside the mask alone: the picture beyond it has no influence."""
    mean = float((values * held).sum() / held.sum())
    weight = cv2.GaussianBlur(held, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    smooth = cv2.GaussianBlur((values - mean) * held, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return (smooth / np.maximum(weight, 1e-3)).astype(np.float32)


def gradient(values: NDArray[np.float32], held: NDArray[np.float32], sigma: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the derivatives (h, w) of smoothed values, 0 where the mask does not hold."""
    return derivatives(smoothed(values, held, sigma), held)


def strong_points(gx: NDArray[Any], gy: NDArray[Any]) -> Points:
    """Return the places of the clear gradients among derivatives (h, w). Raises CannotBuild where there is none."""
    length = np.hypot(gx, gy)
    inside = length[length > 0]
    if not inside.size:
        raise CannotBuild("its template has no structure: it is nearly one grey")
    index = np.flatnonzero(length >= STRONG * np.percentile(inside, 95))
    size = length.ravel()[index]
    return Points(index, gx.ravel()[index] / size, gy.ravel()[index] / size)


def _check_structure(grey: NDArray[np.float32], held: NDArray[np.float32], freedom: Freedom) -> None:
    """Raise CannotBuild for a template whose place, or angle where that is searched, nothing in it settles."""
    gx, gy = gradient(grey, held, SMOOTH)
    noise = 1.4826 * float(np.median(np.abs(cv2.Laplacian(grey, cv2.CV_32F)[held > 0]))) / math.sqrt(20)
    # What noise alone adds to a sum of squared derivatives, after smoothing.
    floor = float(held.sum()) * noise**2 / (8 * math.pi * SMOOTH**4)
    u, v = _places(grey.shape, _middle(grey.shape))
    design = np.stack([c.ravel() for c in motions(gx, gy, u, v, Freedom(True, False))]).astype(np.float64)
    info = design @ design.T
    weak, strong = np.linalg.eigvalsh(info[:2, :2])
    if strong < 4 * floor:
        raise CannotBuild("its template has no structure: it is nearly one grey")
    if weak - floor < ONE_WAY * strong:
        raise CannotBuild("its template looks the same all along one direction: its place along it cannot be told")
    if _inside(grey, held, noise) < INSIDE:
        raise CannotBuild("what tells its template's place lies at the very rim: teach more of what is around it")
    if not freedom.angle:
        return
    left = info[2, 2] - info[2, :2] @ np.linalg.solve(info[:2, :2], info[:2, 2])
    radius = float(np.sqrt((u**2 + v**2)[held > 0].mean()))
    if left - floor * radius**2 < ROUND * float(np.trace(info[:2, :2])) * radius**2:
        raise CannotBuild("its template looks the same however it is turned: search it at one angle, or teach more")


def _inside(grey: NDArray[np.float32], held: NDArray[np.float32], noise: float) -> float:
    """Return the share of the structure across the weakest direction that does not lie at the rim; what noise adds does not count."""
    slopes = np.stack([part.ravel() for part in gradient(grey, held, FINE)]).astype(np.float64)
    kernel = np.ones((3, 3), np.uint8)
    deep = cv2.erode((held > 0).astype(np.uint8), kernel, iterations=BRINK, borderValue=0).ravel() > 0
    each = noise**2 / (8 * math.pi * FINE**4)
    inner, whole = (
        float(np.linalg.eigvalsh(part @ part.T)[0]) - each * part.shape[1] for part in (slopes[:, deep], slopes)
    )
    return float(inner / max(whole, 1e-9))
