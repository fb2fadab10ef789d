"""Which straight edge there is in a band: peaks of many strips' profiles, and the line that most of them agree on.

Lines through any two peaks far enough apart are tried, and the one with the most support is kept (the random sample consensus of
Fischler & Bolles, 1981, with every pair or an even choice of them instead of random ones), so that dirt and other edges do not
lead it astray.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.profile import ENOUGH, MAX_TILT, Floats, Profile, gaussian_slope, usual_noise
from analyticlens.protocol.tools.edges import LineParams

# Lines of pixels in a strip, at least, and strips, at most.
THINNEST, STRIPS = 2, 40
# A strip sees less of the edge than the whole: its peaks need this share of the noise factor, since many must agree.
STRIP_SHARE = 0.6
# Peaks a strip may have, the strongest of them, and comparisons of lines with peaks.
PEAKS = 6
COMPARISONS = 120_000
# Peaks so near to a line support it, in pixels.
NEAR = 1.5
# Different lines looked at before one is chosen.
LINES = 10
# Blur of the softest edge that must still be found at the least contrast.
SOFTEST = 2.5
# Noise is believed to be coarser than its fine grain by no more than this: what is coarser still is the edge's own flank.
GRAIN = 8
ROOT_TAU = math.sqrt(2 * math.pi)


class Peaks(NamedTuple):
    """Peaks (n) of the strips' slopes, strip by strip: the strip's number, its middle across, the place along, the slope."""

    strip: NDArray[np.intp]
    v: Floats
    t: Floats
    slope: Floats


class Rough(NamedTuple):
    """A line t = place + tilt * v in a band, with the usual slope of the light across it, and the numbers of the strips that show it."""

    place: float
    tilt: float
    slope: float
    strips: NDArray[np.intp]


class LineSeeker:
    """Divides a band into strips and finds the line they agree on."""

    def __init__(self, profile: Profile, params: LineParams) -> None:
        self._params, self._profile = params, profile
        self.kernel = gaussian_slope(params.smoothing, profile.step)
        lines = profile.lines
        self._count = min(strip_count(params, lines), STRIPS)
        self.starts = strip_starts(self._count, lines)
        self._sizes = np.diff(self.starts)
        self._middles = (self.starts[1:] + self.starts[:-1] - 1) / 2 - (lines - 1) / 2
        self._least_points = least_points(params, self._count)

    def line(self, samples: NDArray[np.float32]) -> Rough | None:
        """Return the line that `select` means in a band's samples (lines, steps + 1), or None where there is none."""
        lines = self.lines(samples)
        if self._params.select == "strongest":
            return next(lines, None)
        middle = self._profile.length / 2
        order = {
            "first": lambda line: line.place,
            "last": lambda line: -line.place,
            "closest": lambda line: abs(line.place - middle),
        }
        return min(lines, key=order[self._params.select], default=None)

    def lines(self, samples: NDArray[np.float32]) -> Iterator[Rough]:
        """Return different lines in a band's samples, the best supported first."""
        return self._lines(self._peaks(samples))

    def _peaks(self, samples: NDArray[np.float32]) -> Peaks:
        """Return the peaks of the strips' slopes that are strong enough, at most so many a strip."""
        strips = np.add.reduceat(samples, self.starts[:-1], axis=0) / self._sizes[:, None].astype(np.float32)
        kernel = self.kernel.astype(np.float32)[None, :]
        slopes = np.asarray(cv2.filter2D(strips, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE), np.float32)
        size = np.abs(slopes)
        inner = size[:, 1:-1]
        least = self._least(slopes, samples)
        hit = (inner > size[:, :-2]) & (inner >= size[:, 2:]) & (inner >= least)
        hit &= self._standing_out(slopes) >= least
        hit[:, :1] = hit[:, -1:] = False
        strip, at = _strongest(hit, inner)
        before, top, after = (size[strip, at + k].astype(float) for k in range(3))
        offset = 0.5 * (before - after) / np.minimum(before - 2 * top + after, -1e-9)
        places = (at + 1 + np.clip(offset, -0.5, 0.5)) * self._profile.step
        return Peaks(strip, self._middles[strip], places, slopes[strip, at + 1].astype(float))

    def _standing_out(self, slopes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return by how much each inner slope of a wanted direction stands out from those around it, which light alone makes."""
        quarter = slopes.shape[1] // 4
        around = np.partition(slopes, (quarter, slopes.shape[1] - 1 - quarter), axis=1)
        inner = slopes[:, 1:-1]
        rising = np.where(inner > 0, inner - around[:, quarter, None], 0)
        falling = np.where(inner < 0, around[:, -1 - quarter, None] - inner, 0)
        wanted = {"any": rising + falling, "dark_to_light": rising, "light_to_dark": falling}
        return wanted[self._params.polarity]

    def _least(self, slopes: NDArray[np.float32], samples: NDArray[np.float32]) -> float:
        """Return the weakest slope of a peak: above the contrast asked for, and above the noise of a strip."""
        noise = usual_noise(np.abs(slopes).ravel())
        stride = max(1, round(1 / self._profile.step))
        if samples.shape[1] > 4 * stride:
            some = samples[:: 1 + len(samples) // ENOUGH]
            bends = some[:, 2 * stride :] - 2 * some[:, stride:-stride] + some[:, : -2 * stride]
            gain = math.sqrt(float(self.kernel @ self.kernel) * stride / float(self._sizes.min()))
            fine = usual_noise(np.abs(bends).ravel()) / math.sqrt(6) * gain
            noise = max(min(noise, GRAIN * fine), fine)
        softest = ROOT_TAU * math.hypot(self._params.smoothing, SOFTEST)
        return max(self._params.min_contrast / softest, STRIP_SHARE * self._params.min_snr * noise)

    def _lines(self, peaks: Peaks) -> Iterator[Rough]:
        """Yield different lines, the best supported first."""
        if len(np.unique(peaks.strip)) < self._least_points:
            return
        places, tilts, rising = self._tried(peaks)
        if not len(places):
            return
        off = np.abs(peaks.t - places[:, None] - tilts[:, None] * peaks.v)
        near = np.where((off < NEAR) & (rising[:, None] == (peaks.slope > 0)), 1 - np.square(off / NEAR), 0)
        firsts = np.flatnonzero(np.diff(peaks.strip, prepend=-1))
        for _ in range(LINES):
            votes = np.maximum.reduceat(near * np.abs(peaks.slope), firsts, axis=1)
            score = np.where(np.count_nonzero(votes, axis=1) >= self._least_points, votes.sum(axis=1), 0)
            best = int(np.argmax(score))
            if not score[best]:
                return
            yield self._settled(peaks, near[best])
            near[:, near[best] > 0] = 0

    def _tried(self, peaks: Peaks) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return places, tilts and directions of change of lines through two peaks far enough apart, evenly chosen of too many."""
        one, other = np.triu_indices(len(peaks.t), 1)
        apart = peaks.strip[other] - peaks.strip[one] >= max(1, self._count // 3)
        alike = (peaks.slope[one] > 0) == (peaks.slope[other] > 0)
        one, other = one[apart & alike], other[apart & alike]
        tilts = (peaks.t[other] - peaks.t[one]) / (peaks.v[other] - peaks.v[one])
        steep = np.abs(tilts) <= MAX_TILT
        one, tilts = one[steep], tilts[steep]
        stride = max(1, math.ceil(len(tilts) * len(peaks.t) / COMPARISONS))
        one, tilts = one[::stride], tilts[::stride]
        return peaks.t[one] - tilts * peaks.v[one], tilts, peaks.slope[one] > 0

    @staticmethod
    def _settled(peaks: Peaks, weights: Floats) -> Rough:
        """Return the weighted least-squares line of the peaks that support a line."""
        total = float(weights.sum())
        v0, t0 = float(weights @ peaks.v) / total, float(weights @ peaks.t) / total
        v, t = peaks.v - v0, peaks.t - t0
        spread = float(weights @ np.square(v))
        tilt = float(weights @ (v * t)) / spread if spread > 0 else 0.0
        return Rough(t0 - tilt * v0, tilt, float(weights @ peaks.slope) / total, np.unique(peaks.strip[weights > 0]))


def strip_count(params: LineParams, lines: int) -> int:
    """Return into how many strips a band of so many lines of pixels is divided."""
    return max(3, min(params.calipers, lines // THINNEST))


def strip_starts(count: int, lines: int) -> NDArray[np.int_]:
    """Return the first lines (count + 1) of even strips, and one past the last."""
    return np.linspace(0, lines, count + 1).round().astype(int)


def least_points(params: LineParams, count: int) -> int:
    """Return how many of so many strips must show a line."""
    return max(3, math.ceil(params.min_points * count))


def _strongest(hit: NDArray[np.bool_], size: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the strips and columns of hits (strips, columns), the strongest few of each strip, in order."""
    strip, at = np.nonzero(hit)
    order = np.lexsort((at, -size[strip, at], strip))
    firsts = np.searchsorted(strip, strip)
    kept = np.sort(order[np.arange(len(strip)) - firsts < PEAKS])
    return strip[kept], at[kept]
