"""The light along a search line: mean profile of a band, its derivative, the noise of that, its peaks, and the band sheared along an edge.

The profile is sampled every half pixel (a parabola through samples a pixel apart is wrong by up to 0.05 px), its derivative is that
of a Gaussian, and the step used is the real one, never an assumed 0.5.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.edgefit import Pixels
from analyticlens.engine.typed import floats
from analyticlens.protocol.regions import Arrow

Floats = NDArray[np.float64]

STEP = 0.5
SHEAR_ROUNDS = 4
# A round of shearing that moves the band's rim by less than this, in pixels, is the last: each leaves a fraction of its own step.
SETTLED = 0.03
MAX_TILT = math.tan(math.radians(45))
# The lower quartile of the absolute values of normal noise, in standard deviations.
QUARTILE = 0.3186
# On an arrow shorter than so many kernels an edge takes so much room that its own flanks look like coarse noise: there, noise is
# believed to be coarser than its fine grain by no more than this factor, which is what a usual smoothing filter makes of it.
SHORT = 2
GRAIN = 8
# Extrema this many samples from an end of the arrow are the continued border's, not the picture's.
EDGE_MARGIN = 2

# Lines of a band that noise is told from.
ENOUGH = 100
# Share of the weaker of two peaks by which the gradient falls between edges that are told apart.
DIP = 0.06


class Band:
    """The pixels around an arrow, sampled along it: one row of samples for each pixel of its width.

    With `beyond` samples may be asked for as many pixels past the arrow's ends, too.
    """

    def __init__(self, grey: NDArray[Any], arrow: Arrow, steps: int, lines: int, beyond: float = 0.0) -> None:
        dx, dy = arrow.p1.x - arrow.p0.x, arrow.p1.y - arrow.p0.y
        length = math.hypot(dx, dy)
        self._start = (arrow.p0.x, arrow.p0.y)
        self._along = (dx / length, dy / length)
        self._size = (steps + 1, lines)
        self._step = length / steps
        self.angle_deg = math.degrees(math.atan2(dy, dx))
        self._grey = grey
        self._crop, self._origin = self._cropped(grey, arrow, lines + math.ceil(beyond))

    @staticmethod
    def _cropped(grey: NDArray[Any], arrow: Arrow, reach: int) -> tuple[NDArray[np.float32], tuple[int, int]]:
        """Return the pixels a sheared band can need, as float32 so that sampling rounds nothing, and their first column and row."""
        height, width = grey.shape
        margin = reach + 2
        xs, ys = (arrow.p0.x, arrow.p1.x), (arrow.p0.y, arrow.p1.y)
        left, top = max(0, math.floor(min(xs)) - margin), max(0, math.floor(min(ys)) - margin)
        right, bottom = min(width, math.ceil(max(xs)) + margin + 1), min(height, math.ceil(max(ys)) + margin + 1)
        return grey[top:bottom, left:right].astype(np.float32), (left, top)

    def place(self, t: float) -> tuple[float, float]:
        """Return the image coordinates (x, y) a distance t along the arrow's line."""
        return self._start[0] + t * self._along[0], self._start[1] + t * self._along[1]

    def at(self, t: float, v: float) -> tuple[float, float]:
        """Return the image coordinates (x, y) a distance t along the arrow and v across it, to its right as the picture is seen."""
        x, y = self.place(t)
        return x - v * self._along[1], y + v * self._along[0]

    def sample(self, tilt: float, more: int = 0) -> NDArray[np.float32]:
        """Return samples (lines, steps + 1), bilinear; the line at distance u across starts tilt * u further along the arrow.

        `more` are samples past either end, for which the band must have been told that they lie beyond.
        """
        (ux, uy), (samples, lines) = self._along, self._size
        across = (ux * tilt - uy, uy * tilt + ux)
        first, ahead = (1 - lines) / 2, more * self._step
        x = self._start[0] - self._origin[0] + first * across[0] - ahead * ux
        y = self._start[1] - self._origin[1] + first * across[1] - ahead * uy
        to_source = np.array([[ux * self._step, across[0], x], [uy * self._step, across[1], y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return floats(
            cv2.warpAffine(
                self._crop, to_source, (samples + 2 * more, lines), flags=flags, borderMode=cv2.BORDER_REPLICATE
            )
        )

    def pixels(self, low: float, high: float, tilt: float) -> Pixels:
        """Return the raw pixels of the sheared band from `low` to `high` along the arrow, from its start, and across it from its line."""
        (ux, uy), half = self._along, self._size[1] / 2
        ends = [(u + side * tilt, side) for u in (low, high) for side in (-half, half)]
        xs = [self._start[0] + u * ux - v * uy for u, v in ends]
        ys = [self._start[1] + u * uy + v * ux for u, v in ends]
        height, width = self._grey.shape
        left, right = max(0, math.floor(min(xs))), min(width, math.ceil(max(xs)) + 1)
        top, bottom = max(0, math.floor(min(ys))), min(height, math.ceil(max(ys)) + 1)
        x = np.arange(left, right) - self._start[0]
        y = np.arange(top, bottom)[:, None] - self._start[1]
        u, v = x * ux + y * uy, y * ux - x * uy
        along = u - tilt * v
        held = (v > -half) & (v <= half) & (along >= low) & (along <= high)
        return Pixels(u[held], v[held], self._grey[top:bottom, left:right][held].astype(np.float64))


def read(arrow: Arrow, height: int, width: int) -> tuple[float, float]:
    """Return how many samples a band has, and how many pixels of a picture of this size are read for it, at most."""
    dx, dy = abs(arrow.p1.x - arrow.p0.x), abs(arrow.p1.y - arrow.p0.y)
    margin = 2 * arrow.width + 6
    return math.hypot(dx, dy) / STEP * arrow.width, min(dx + margin, width) * min(dy + margin, height)


class Sheared(NamedTuple):
    """A band whose lines each start `tilt` pixels further along for each pixel across, with the derivative of its mean profile."""

    tilt: float
    gradient: Floats


class Profile:
    """The mean profile of a band of a length and number of lines, and its derivative by an odd kernel."""

    def __init__(self, length: float, lines: int) -> None:
        self.length, self.lines = length, lines
        self.steps = math.ceil(length / STEP)
        self.step = length / self.steps
        self._mean = np.full(lines, 1 / lines, np.float32)
        self._across = np.arange(lines) - (lines - 1) / 2
        self.smooth_by(np.array([-0.5, 0.0, 0.5]))

    def smooth_by(self, kernel: Floats, smoothing: float = 0.0) -> None:
        """Take the derivative by this odd kernel from now on; `smoothing` is the standard deviation of its Gaussian, in pixels."""
        self._kernel, self.smoothing = kernel, smoothing
        self.reach = len(kernel) // 2
        self._padded = np.empty(self.steps + 1 + 2 * self.reach)

    def gradient(self, samples: NDArray[np.float32]) -> Floats:
        """Return the derivative (steps + 1) of the mean of samples (lines, steps + 1), in grey levels a pixel."""
        profile = self._mean @ samples
        self._padded[: self.reach] = profile[0]
        self._padded[self.reach : -self.reach] = profile
        self._padded[-self.reach :] = profile[-1]
        return np.correlate(self._padded, self._kernel, "valid")

    def slopes(self, rows: NDArray[Any]) -> Floats:
        """Return the derivative, in grey levels a pixel, of each of rows (n, any) of samples."""
        kernel = self._kernel.astype(np.float32)[None, :]
        return np.asarray(cv2.filter2D(rows, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE), np.float64)

    def noise(self, gradient: Floats, samples: NDArray[Any]) -> float:
        """Return the standard deviation of the gradient's noise.

        Noise is told from edges in two ways and the larger one holds: the lower quartile of the gradient's size, which sees
        noise of any grain but is coarse on a short arrow; and second differences of neighbouring pixels, which are many but see only
        fine grain.
        """
        coarse = usual_noise(np.abs(gradient))
        stride = max(1, round(1 / self.step))
        if samples.shape[1] <= 4 * stride:
            return coarse
        some = samples[:: 1 + len(samples) // ENOUGH]
        bends = np.abs(some[:, 2 * stride :] - 2 * some[:, stride:-stride] + some[:, : -2 * stride])
        # Neighbouring samples share pixels: the kernel is applied to the noise of whole pixels.
        gain = math.sqrt(float(self._kernel @ self._kernel) * stride / len(samples))
        fine = usual_noise(bends.ravel()) / math.sqrt(6) * gain
        if self.steps < SHORT * len(self._kernel):
            coarse = min(coarse, GRAIN * fine)
        return max(coarse, fine)

    def shear(self, band: Band, samples: NDArray[np.float32], gradient: Floats, near: slice) -> Sheared | None:
        """Return the band sheared until its lines agree on the place of what the profile shows in `near`, or None where they never do."""
        tilt = 0.0
        for _ in range(SHEAR_ROUNDS):
            slope = gradient[near]
            energy = float(slope @ slope) * float(self._across @ self._across)
            change = float(self._across @ (samples[:, near] @ slope)) / energy if energy else math.inf
            tilt -= change
            if not abs(tilt) <= MAX_TILT:
                return None
            if abs(change) * self._across[-1] < SETTLED:
                break
            samples = band.sample(tilt)
            gradient = self.gradient(samples)
        return Sheared(tilt, gradient)


def peaks_of(
    gradient: Floats, wanted: str, least: float, standing_out: bool, dip: float | None = None
) -> NDArray[np.intp]:
    """Return where the gradient has its extrema of the wanted direction, at least so strong, one for each edge.

    standing_out: they must be so strong beside the gradient around them, too: a slope of light is no edge. Neighbours of one direction
    are two edges where the gradient falls between them by `dip` and by DIP of the weaker; by half the weaker with None.
    """
    size = np.abs(gradient) if wanted == "any" else gradient if wanted == "dark_to_light" else -gradient
    middle = size[1:-1]
    hit = (middle > size[:-2]) & (middle >= size[2:]) & (middle >= least)
    if standing_out:
        quarter = len(gradient) // 4
        around = np.partition(gradient, (quarter, len(gradient) - 1 - quarter))
        inner = gradient[1:-1]
        hit &= np.where(inner > 0, inner - around[quarter], around[-1 - quarter] - inner) >= least
    # Beyond the last samples the profile is only continued: an extremum there is the border's.
    hit[: EDGE_MARGIN - 1] = False
    hit[len(hit) - EDGE_MARGIN + 1 :] = False
    return _distinct(np.flatnonzero(hit) + 1, gradient, dip)


def _distinct(peaks: NDArray[np.intp], gradient: Floats, dip: float | None) -> NDArray[np.intp]:
    """Merge neighbouring peaks of one direction that are one edge."""
    kept: list[int] = []
    for peak in peaks.tolist():
        if kept and _same_edge(kept[-1], peak, gradient, dip):
            if abs(gradient[peak]) > abs(gradient[kept[-1]]):
                kept[-1] = peak
        else:
            kept.append(peak)
    return np.array(kept, dtype=np.intp)


def _same_edge(one: int, other: int, gradient: Floats, dip: float | None) -> bool:
    sign = 1.0 if gradient[one] > 0 else -1.0
    weaker = float(min(sign * gradient[one], sign * gradient[other]))
    fall = weaker / 2 if dip is None else max(dip, DIP * weaker)
    return weaker > 0 and float((sign * gradient[one:other]).min()) > weaker - fall


def usual_noise(sizes: NDArray[Any]) -> float:
    """Return the standard deviation of normal noise from its absolute values, told from the smallest quarter of them."""
    quarter = len(sizes) // 4
    return float(np.partition(sizes, quarter)[quarter]) / QUARTILE


def derivative_kernel(smooth_ksize: int, grad_kernel: int, step: float) -> NDArray[np.float64]:
    """Return the odd kernel that correlates samples `step` pixels apart into their smoothed derivative per pixel.

    Smoothing is the Gaussian of a kernel of smooth_ksize pixels, the derivative a difference of values grad_kernel - 1 pixels apart
    (a pixel where that is 1). A slope of 1 a pixel gives 1.
    """
    sigma = 0.3 * ((smooth_ksize - 1) * 0.5 - 1) + 0.8
    reach = max(0.5, (grad_kernel - 1) / 2)
    half = math.ceil((reach + 3 * sigma) / step)
    at = np.arange(-half, half + 1) * step
    kernel = np.exp(-((at - reach) ** 2) / (2 * sigma**2)) - np.exp(-((at + reach) ** 2) / (2 * sigma**2))
    return np.asarray(kernel / float(kernel @ at))


def gaussian_slope(sigma: float, step: float) -> NDArray[np.float64]:
    """Return the odd kernel that correlates samples `step` pixels apart into the derivative, per pixel, of what a Gaussian smooths.

    A slope of 1 a pixel gives 1.
    """
    half = math.ceil(3.5 * sigma / step)
    at = np.arange(-half, half + 1) * step
    kernel = at * np.exp(-(at**2) / (2 * sigma**2))
    return np.asarray(kernel / float(kernel @ at))


def vertex(gradient: NDArray[np.float64], peak: int) -> tuple[float, float]:
    """Return place and value of the extremum next to sample `peak`: the parabola through the logarithms of three samples.

    A smoothed edge's derivative is nearly a Gaussian, whose logarithm is a parabola; where a neighbour has the other sign, the
    parabola through the samples themselves is taken.
    """
    sign = 1.0 if gradient[peak] > 0 else -1.0
    low, top, high = (sign * float(v) for v in gradient[peak - 1 : peak + 2])
    if min(low, high) > 0:
        low, top, high = math.log(low), math.log(top), math.log(high)
        offset, rise = _parabola(low, top, high)
        return peak + offset, sign * math.exp(top + rise)
    offset, rise = _parabola(low, top, high)
    return peak + offset, sign * (top + rise)


def _parabola(low: float, top: float, high: float) -> tuple[float, float]:
    bend = low - 2 * top + high
    if bend >= 0:
        return 0.0, 0.0
    offset = 0.5 * (low - high) / bend
    return offset, -0.25 * (low - high) * offset
