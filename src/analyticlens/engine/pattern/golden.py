"""A part compared with the mean and spread of good ones: aligned, brought to the same light, and judged pixel by pixel.

A pixel differs by z = |difference| / tolerance, where the tolerance is the taught spread, widened where the mean is steep by how far
an edge may lie from its place. What differs faintly, but over several pixels and to the same side, is seen in the mean of a
neighbourhood, whose noise is smaller: the larger of both z counts. A defect is what is connected above a share of the threshold and
reaches the threshold somewhere (hysteresis, as in Canny's edge detector, 1986).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.pattern.fit import Fit
from analyticlens.engine.pattern.follow import Follower
from analyticlens.engine.pattern.noise import MEDIAN, noise_of
from analyticlens.engine.pattern.search import Pick
from analyticlens.engine.pattern.similarity import Similarity
from analyticlens.engine.pattern.slopes import slopes
from analyticlens.engine.pattern.template import Freedom, Template
from analyticlens.engine.pose import Pose
from analyticlens.engine.spline import doubled
from analyticlens.engine.typed import floats

# Light is compared on at most so many pixels.
LIT = 20_000
ROUNDS = 8
TUKEY = 4.685
# The mean's standard deviation, in spreads, below which its gain cannot be told from its offset.
CONTRAST = 3.0
# A spread of less than this, in grey levels, is rounding.
ROUNDING = 0.41
# Standard deviation, in pixels, of the neighbourhood whose mean is judged as well, and what it leaves of independent noise, times a
# margin: what is left of edges, and of the good pictures' own noise, is not independent from pixel to pixel.
WIDE = 1.5
WIDE_NOISE = 1.6 / (2 * math.sqrt(math.pi) * WIDE)
# Only a pixel that itself differs by so many tolerances, to the same side, belongs to what its neighbourhood shows.
FAINT = 1.5
# A pixel counts in its neighbourhood's mean by so many tolerances at most: one that is far off is a defect by itself.
MOST = 6.0
# Room around a region, in pixels, for a part that lies beside its place.
MARGIN = 8


class Aligner:
    """Finds how a part lies against its region, from pictures of it; `values` and `held` (h, w) are the mean and its mask."""

    def __init__(self, values: NDArray[np.float32], held: NDArray[np.uint8] | None, turns: bool) -> None:
        freedom = Freedom(turns, False)
        self._template = Template(values, held, freedom)
        finest = self._template.levels[0]
        self._follower = Follower(self._template, 0.0, 1)
        self._fit = Fit(finest.values, finest.mask, freedom)

    def align(self, grey: NDArray[Any], start: Similarity) -> Similarity | None:
        """Return the pose of the frame's centre on a picture grey (H, W) near a start, or None where nothing settles."""
        coarse = self._coarse(grey, start)
        fitted = None if coarse is None else self._fit.run(grey, coarse)
        return None if fitted is None else fitted.pose

    def _coarse(self, grey: NDArray[Any], start: Similarity) -> Similarity | None:
        corners = self._template.outline(start)
        xs, ys = zip(*corners, strict=True)
        left, top = max(0, math.floor(min(xs)) - MARGIN), max(0, math.floor(min(ys)) - MARGIN)
        part = grey[top : math.ceil(max(ys)) + MARGIN, left : math.ceil(max(xs)) + MARGIN]
        if part.size == 0:
            return None
        pyramid = [part.astype(np.float32)]
        for _ in range(self._template.coarsest):
            pyramid.append(floats(cv2.pyrDown(pyramid[-1])))
        place = start._replace(x=start.x - left, y=start.y - top).at_level(0.5**self._template.coarsest)
        found = self._follower.down([Pick(place, 1.0)], pyramid, self._template.coarsest)
        return found[0].pose._replace(x=found[0].pose.x + left, y=found[0].pose.y + top) if found else None


# Gain, or of parts without contrast brightness, within which a picture is compared with the good ones, and how much noisier it may be.
LEAST_GAIN, MOST_GAIN, NOISIEST = 0.4, 1.8, 6.0
# This share of a picture may be cut off at black or white, or twice what is in the good ones.
CUT = 0.5
# Tolerances widen with a picture's noise, by so much more than it tells: grain is not all of the finest.
LOOSE = 1.6
# A picture no noisier than the taught ones differs, by its median, by this much less than its tolerances: those are drawn upwards from few
# pictures. A noisier one keeps that room, as noise between pixels' places is smaller than upon them, and the median tells of both.
ROOM = 1.15
# Pixels across the neighbourhood whose spread a pixel has at least where noise is added to it: its own may be low by chance.
NEAR = 15


def aligner(values: NDArray[np.float32], held: NDArray[np.uint8] | None, turns: bool) -> Aligner | None:
    """Return what aligns parts with these values, or None where they have no structure to align by."""
    try:
        return Aligner(values, held, turns)
    except CannotBuild:
        return None


class Light(NamedTuple):
    """How a picture's grey levels come from the mean's: gain times them, and offset."""

    gain: float
    offset: float


class Golden:
    """The mean (h, w) of good parts and what each pixel of a further good one differs by, a standard deviation, both in grey levels."""

    def __init__(self, mean: NDArray[np.float32], spread: NDArray[np.float32], held: NDArray[np.uint8] | None) -> None:
        self.mean = mean
        self.shape = mean.shape
        self._spread = np.maximum(spread, ROUNDING)
        self.held = held
        self._slope = cv2.magnitude(*slopes(mean))
        inside = np.flatnonzero(np.ones(mean.shape, np.bool_) if held is None else held)
        self._some = inside[:: max(1, math.ceil(len(inside) / LIT))]
        levels = mean.ravel()[self._some]
        noise = self._usual = float(np.median(self._spread.ravel()[self._some]))
        self._level = float(levels.mean())
        self._flat = float(levels.std()) < CONTRAST * noise
        self._noise = noise_of(mean)
        near = cv2.blur(np.square(self._spread), (NEAR, NEAR), borderType=cv2.BORDER_REFLECT_101)
        self._least = np.sqrt(np.minimum(near, np.float32(noise**2)))

    def tolerance(self, jitter: float) -> NDArray[np.float32]:
        """Return how much each pixel (h, w) may differ, one standard deviation, where edges may lie so many pixels off."""
        return floats(cv2.magnitude(self._spread, self._slope * np.float32(jitter)))

    def light(self, seen: NDArray[np.float32]) -> Light:
        """Return gain and offset of a picture (h, w) against the mean, by least squares with Tukey's weights."""
        levels = self.mean.ravel()[self._some].astype(np.float64)
        values = seen.ravel()[self._some].astype(np.float64)
        tolerance = self._spread.ravel()[self._some].astype(np.float64)
        gain, offset = self._solved(levels, values, 1 / tolerance**2, 1.0)
        for _ in range(ROUNDS):
            residual = (values - gain * levels - offset) / tolerance
            spread = max(1.0, float(np.median(np.abs(residual))) / MEDIAN)
            weights = (1 - np.clip(residual / (TUKEY * spread), -1, 1) ** 2) ** 2 / tolerance**2
            gain, offset = self._solved(levels, values, weights, gain)
        return Light(gain, offset)

    def _solved(
        self, levels: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64], gain: float
    ) -> tuple[float, float]:
        total = float(weights.sum())
        if total <= 0:
            return gain, 0.0
        middle, seen = float(weights @ levels) / total, float(weights @ values) / total
        energy = float(weights @ (levels - middle) ** 2)
        if not self._flat and energy > 0:
            # The mean's own noise makes it look more contrasted than it is, and the gain smaller (regression dilution).
            energy -= min(total * self._noise**2, energy / 2)
            gain = float(weights @ ((levels - middle) * (values - seen))) / energy
        return gain, seen - gain * middle

    def differences(
        self, seen: NDArray[np.float32], tolerance: NDArray[np.float32], buffers: Buffers
    ) -> tuple[NDArray[np.float32], Light]:
        """Return by how many tolerances each pixel (h, w) of an aligned picture differs, and its light.

        A picture noisier than the good ones widens all tolerances, those that are lower than their surroundings' by more.
        """
        light = self.light(seen)
        z = buffers.take("golden z", self.shape, np.float32)
        cv2.scaleAdd(self.mean, -light.gain, seen, dst=z)
        np.subtract(z, np.float32(light.offset), out=z)
        cv2.divide(z, tolerance, dst=z, scale=1 / max(light.gain, 1e-3))
        self._widened(z, tolerance, min(self._wide(z), LOOSE * self.noisier(seen, light)) * ROOM, buffers)
        wide = self._neighbourhood(z, buffers)
        # To the same side: their product is positive, and as large as FAINT of the pixel itself makes it.
        shown = buffers.take("golden shown", self.shape, np.bool_)
        np.greater(np.multiply(z, np.sign(wide)), np.float32(FAINT), out=shown)
        np.abs(z, out=z)
        np.maximum(z, np.abs(wide, out=wide), out=z, where=shown)
        return z, light

    def noisier(self, seen: NDArray[np.float32], light: Light) -> float:
        """Return how many times as noisy an aligned picture (h, w) is as the good ones; what differs in larger pieces is no noise."""
        return noise_of(seen) / max(self._usual * abs(light.gain), ROUNDING)

    def strange(self, seen: NDArray[np.float32], light: Light, full: float) -> str:
        """Return why a picture (h, w) is too unlike the good ones to be compared with them, as one sentence, or ""."""
        if not self._flat and not LEAST_GAIN <= light.gain <= MOST_GAIN:
            return f"its contrast is {light.gain:.2f} of that of the good ones, too far from 1 to compare them"
        level = float(seen.ravel()[self._some].mean())
        if self._flat and not LEAST_GAIN <= level / max(self._level, 1.0) <= MOST_GAIN:
            return f"its brightness is {level / max(self._level, 1.0):.2f} of that of the good ones, too far from 1 to compare them"
        cut = float(np.mean((seen.ravel()[self._some] <= 0) | (seen.ravel()[self._some] >= full)))
        if cut > max(CUT, 2 * self._cut(full)):
            return f"{100 * cut:.0f} % of it is black or white without any difference"
        noisier = self.noisier(seen, light)
        return "" if noisier <= NOISIEST else f"it is {noisier:.0f} times as noisy as the good ones"

    def _cut(self, full: float) -> float:
        levels = self.mean.ravel()[self._some]
        return float(np.mean((levels <= 1) | (levels >= full - 1)))

    def _neighbourhood(self, z: NDArray[np.float32], buffers: Buffers) -> NDArray[np.float32]:
        """Return by how many standard deviations of its noise the mean around each pixel differs (h, w), with its sign."""
        wide = buffers.take("golden wide", self.shape, np.float32)
        np.clip(z, -MOST, MOST, out=wide)
        if self.held is not None:
            wide[self.held == 0] = 0
        cv2.GaussianBlur(wide, (0, 0), WIDE, dst=wide, borderType=cv2.BORDER_REFLECT_101)
        np.divide(wide, np.float32(WIDE_NOISE), out=wide)
        np.divide(wide, np.float32(self._wider(wide)), out=wide)
        return wide

    def _wider(self, z: NDArray[np.float32]) -> float:
        """Return by how much a picture's differences are wider than one standard deviation, 1 where they are not."""
        return max(1.0, self._wide(z))

    def _wide(self, z: NDArray[np.float32]) -> float:
        """Return how wide differences (h, w) are, in standard deviations."""
        return float(np.median(np.abs(z.ravel()[self._some]))) / MEDIAN

    def _widened(self, z: NDArray[np.float32], tolerance: NDArray[np.float32], wider: float, buffers: Buffers) -> None:
        """Divide z (h, w) by what noise adds to each pixel's variance: so many times its own, or what is usual about it if that is more."""
        if wider <= 1:
            return
        share = buffers.take("golden share", self.shape, np.float32)
        cv2.divide(self._least, tolerance, dst=share)
        np.maximum(share, np.float32(1), out=share)
        np.square(share, out=share)
        np.multiply(share, np.float32(wider**2 - 1), out=share)
        np.add(share, np.float32(1), out=share)
        np.divide(z, np.sqrt(share, out=share), out=z)


class Defects(NamedTuple):
    """Connected differences: how many pixels each has, outlines (n, 2 each) in the frame's pixels, and the largest z of all pixels."""

    areas: NDArray[np.int64]
    outlines: list[NDArray[Any]]
    peak: float


def defects(
    z: NDArray[np.float32],
    held: NDArray[np.uint8] | None,
    threshold: float,
    grow: float,
    min_area: float,
    buffers: Buffers,
    most: int,
) -> Defects:
    """Return what reaches a threshold somewhere and is connected above `grow` of it, of at least so many pixels, largest first.

    At most `most` outlines are traced.
    """
    weak = buffers.take("golden weak", z.shape, np.uint8)
    np.greater(z, np.float32(grow * threshold), out=weak.view(np.bool_))
    if held is not None:
        weak[held == 0] = 0
    peak = float(cv2.minMaxLoc(z, held)[1])
    if peak <= threshold:
        return Defects(np.zeros(0, np.int64), [], peak)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(weak, connectivity=8)
    strong = np.zeros(count, np.bool_)
    strong[labels[(z > threshold) & (weak > 0)]] = True
    strong[0] = False
    chosen = np.flatnonzero(strong & (stats[:, cv2.CC_STAT_AREA] >= min_area))
    chosen = chosen[np.argsort(-stats[chosen, cv2.CC_STAT_AREA], kind="stable")]
    outlines = [_outline(labels, stats[label], int(label)) for label in chosen[:most].tolist()]
    return Defects(stats[chosen, cv2.CC_STAT_AREA].astype(np.int64), outlines, peak)


def _outline(labels: NDArray[Any], stat: NDArray[Any], label: int) -> NDArray[Any]:
    x, y, w, h = stat[:4].tolist()
    own = (labels[y : y + h, x : x + w] == label).astype(np.uint8)
    found, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
    return np.asarray(found[0].reshape(-1, 2))


def sampled(
    grey: NDArray[Any], pose: Pose, shape: tuple[int, int], buffers: Buffers, name: str = "golden"
) -> NDArray[np.float32]:
    """Return the values (h, w) of grey (H, W) at a frame's pixels, which the pose brings into it, by splines; its rim is continued."""
    height, width = shape
    ends = [pose.apply(x, y) for x in (0, width - 1) for y in (0, height - 1)]
    xs, ys = zip(*ends, strict=True)
    rows, columns = grey.shape
    left, top = min(max(0, math.floor(min(xs)) - 3), columns - 1), min(max(0, math.floor(min(ys)) - 3), rows - 1)
    right, bottom = max(left + 1, min(columns, math.ceil(max(xs)) + 4)), max(top + 1, min(rows, math.ceil(max(ys)) + 4))
    part = buffers.take(f"{name} part", (bottom - top, right - left), np.float32)
    np.copyto(part, grey[top:bottom, left:right], casting="unsafe")
    twice = doubled(part, buffers.take(f"{name} twice", (2 * part.shape[0], 2 * part.shape[1]), np.float32))
    matrix = 2 * np.array([[pose.cos, -pose.sin, pose.dx - left], [pose.sin, pose.cos, pose.dy - top]])
    target = buffers.take(f"{name} seen", shape, np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(twice, matrix, (width, height), dst=target, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return target
