"""The search at a coarse level: directions of gradients compared with the template's, turned and scaled in steps.

The picture's gradients, all of one length, are correlated with those of the template by the discrete Fourier transform; their mean
product is the mean cosine that is also the score. Light, contrast and what covers a part of the template change it little, where they
would pull a correlation of grey levels to something else.

Source of the measure: Steger, "Occlusion, clutter, and illumination invariant object recognition" (2002).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.pattern.noise import noise_of
from analyticlens.engine.pattern.similarity import Similarity
from analyticlens.engine.pattern.slopes import slopes
from analyticlens.engine.pattern.template import STRIDE, Level, gradient, strong_points
from analyticlens.engine.typed import floats

# Weakest agreement of a place worth a second look, as a share of the score asked for: between the steps it is weaker than at the place.
WORTH = 0.5
# Turns at one place that agree less than this share of the best are not followed.
RIVAL = 0.75
RIVALS = 3
# Continued rim, in pixels: an instance at the border may seem to leave the picture by its rounding.
RIM = 2
# Spectra of one picture size that are kept at most, in bytes; beyond, they are made anew for each frame.
KEPT = 96 << 20
# Pixels of all turns and sizes of the template together, at most.
HELD = 4_000_000
# Milliseconds a pixel of the coarsest level takes for one turn, at most, and a product of the exact measure.
TURN_MS = 9e-6
PRODUCT_MS = 4e-7
# A gradient of so many times the noise's, and of so many grey levels more, counts by half; stronger ones more.
ABOVE_NOISE = 1.5
ROUNDING = 0.2
# Noise is told from every so many rows.
NOISE_ROWS = 8
CLOSE = np.ones((3, 3), np.uint8)


class Pick(NamedTuple):
    """A place to look at more closely: its pose, and the mean cosine there (negative: reversed)."""

    pose: Similarity
    score: float


class Range(NamedTuple):
    """What is searched: turns in radians, sizes, and the polarity that counts (same, reversed, any)."""

    angles: tuple[float, float]
    scales: tuple[float, float]
    polarity: str = "same"


def steps(reach: float, wanted: Range) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the angles (radians) and sizes to try for a template that reaches so many pixels from its centre."""
    stride = STRIDE * math.atan(1 / reach)
    low, high = wanted.angles
    span = high - low
    if span >= 2 * math.pi - stride / 2:
        count = math.ceil(2 * math.pi / stride)
        angles = low + np.arange(count) * (2 * math.pi / count)
    else:
        angles = np.linspace(low, high, math.ceil(span / stride) + 1)
    small, large = wanted.scales
    sizes = np.geomspace(small, large, math.ceil(math.log(large / small) * reach / STRIDE) + 1)
    return np.asarray(angles), np.asarray(sizes)


def radius(level: Level) -> float:
    """Return how far the mask reaches from the level's centre, in its pixels."""
    y, x = np.nonzero(level.mask)
    return float(np.hypot(x - level.centre[0], y - level.centre[1]).max())


class Kernels:
    """The coarsest level turned and scaled every way that is searched.

    `across` and `down` (n, side, side) hold the directions of its gradients divided by their number, its centre in the middle; `reach`
    (n, 2) is how far each reaches from its middle across x and y. The n poses are those of all sizes of the first angle, and so on.
    """

    def __init__(self, level: Level, wanted: Range) -> None:
        reach = radius(level)
        self.angles, self.sizes = steps(reach, wanted)
        self.poses = [Similarity(0, 0, a, s) for a in self.angles.tolist() for s in self.sizes.tolist()]
        self.round = len(self.angles) > 2 and self.angles[-1] - self.angles[0] > 1.9 * math.pi
        self.half = math.ceil(reach * float(self.sizes.max())) + 1
        side = 2 * self.half + 1
        if len(self.poses) * side**2 > HELD:
            raise CannotBuild(
                f"its template takes {len(self.poses)} turns and sizes to search: narrow their ranges, or teach a less long part"
            )
        self.across = np.zeros((len(self.poses), side, side), np.float32)
        self.down = np.zeros_like(self.across)
        self.reach = np.zeros((len(self.poses), 2), np.intp)
        for i, pose in enumerate(self.poses):
            self._turn(level, pose, i)

    def _turn(self, level: Level, pose: Similarity, i: int) -> None:
        c, s = pose.linear
        cx, cy = level.centre
        forward = np.array([[c, -s, self.half - c * cx + s * cy], [s, c, self.half - s * cx - c * cy]])
        size = (self.across.shape[2], self.across.shape[1])
        weight = cv2.warpAffine(level.mask, forward, size, flags=cv2.INTER_LINEAR, borderValue=0)
        held = np.asarray(weight > 0.5, np.float32)
        values = np.asarray(
            cv2.warpAffine(level.values, forward, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
            np.float32,
        )
        points = strong_points(*gradient(values, held, level.smooth))
        self.across[i].ravel()[points.at] = points.x / len(points.at)
        self.down[i].ravel()[points.at] = points.y / len(points.at)
        far = np.abs(np.arange(size[0]) - self.half)
        self.reach[i] = (held.any(axis=0) * far).max(), (held.any(axis=1) * far).max()

    def __len__(self) -> int:
        return len(self.poses)


class Spectra:
    """The kernels' transforms for one picture size, made once and kept where they are not too large."""

    def __init__(self, kernels: Kernels, shape: tuple[int, int]) -> None:
        self._kernels = kernels
        self.shape = shape
        kept = 2 * len(kernels) * shape[0] * shape[1] * 4 <= KEPT
        self._made = [self._pair(i) for i in range(len(kernels))] if kept else []

    def of(self, i: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the transforms of the directions of pose i, across and down."""
        return self._made[i] if self._made else self._pair(i)

    def _pair(self, i: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._transform(self._kernels.across[i]), self._transform(self._kernels.down[i])

    def _transform(self, kernel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the transform of a kernel whose middle lies at (0, 0) and whose parts before it wrap around."""
        half = self._kernels.half
        plane = np.zeros(self.shape, np.float32)
        for rows, from_rows in ((slice(0, half + 1), slice(half, None)), (slice(-half, None), slice(0, half))):
            plane[rows, : half + 1] = kernel[from_rows, half:]
            plane[rows, -half:] = kernel[from_rows, :half]
        return floats(cv2.dft(plane))


class Search:
    """Looks for one template over a whole level, that of number `number`."""

    def __init__(self, level: Level, number: int, wanted: Range, min_score: float, places: int) -> None:
        self.kernels = Kernels(level, wanted)
        self.number = number
        self._smooth = level.smooth
        # White noise of 1 in the picture gives gradients of this size at the level: halving and smoothing are nearly Gaussian.
        spread = (4**number - 1) / 3 + (level.smooth * 2**number) ** 2
        self._noise = 2**number / (math.sqrt(8 * math.pi) * spread)
        self._polarity = wanted.polarity
        self._worth = WORTH * max(min_score, 0.2)
        self._most = places
        self._spectra: dict[tuple[int, int], Spectra] = {}

    def look(self, picture: NDArray[np.float32], finest: NDArray[np.float32], buffers: Buffers) -> list[Pick]:
        """Return places of a level's picture (h, w) that may hold the template, best first; `finest` is level 0 of the same picture."""
        faint = ABOVE_NOISE * self._noise * noise_of(finest, NOISE_ROWS) + ROUNDING
        padded = cv2.copyMakeBorder(picture, RIM, RIM, RIM, RIM, cv2.BORDER_REPLICATE)
        across, down = directions(np.asarray(padded, np.float32), self._smooth, faint)
        best = self._best(across, down, buffers)
        places = self._peaks(best)
        if not len(places):
            return []
        return sorted(self._measured(across, down, places), key=lambda pick: -abs(pick.score))

    @property
    def most(self) -> int:
        """How many picks it returns at most."""
        return self._most * RIVALS

    def cost(self, height: int, width: int) -> float:
        """Return the milliseconds it can take at most on a level of so many rows and columns."""
        side = 2 * self.kernels.half + 1
        shape = [cv2.getOptimalDFTSize(max(n + 2 * RIM, side)) for n in (height, width)]
        anew = 1 if 8 * len(self.kernels) * shape[0] * shape[1] <= KEPT else 2
        turns = TURN_MS * anew * len(self.kernels) * shape[0] * shape[1]
        return turns + PRODUCT_MS * len(self.kernels) * side**2 * 18 * self._most

    def _for(self, shape: tuple[int, ...]) -> Spectra:
        """Return the spectra for pictures of a shape; those of two sizes are kept."""
        side = 2 * self.kernels.half + 1
        # What wraps around must fall outside: only zeros of a kernel may reach over the picture's end.
        wanted = (cv2.getOptimalDFTSize(max(shape[0], side)), cv2.getOptimalDFTSize(max(shape[1], side)))
        if wanted not in self._spectra:
            while len(self._spectra) > 1:
                self._spectra.pop(next(iter(self._spectra)))
            self._spectra[wanted] = Spectra(self.kernels, wanted)
        return self._spectra[wanted]

    def _best(self, across: NDArray[np.float32], down: NDArray[np.float32], buffers: Buffers) -> NDArray[np.float32]:
        """Return the best mean cosine over all poses (h, w) for each place of the centre; -1 where the template leaves the picture."""
        height, width = across.shape
        spectra = self._for(across.shape)
        plane, of_x, of_y, product, other, result = (
            buffers.take(f"match {name}", spectra.shape, np.float32)
            for name in ("plane", "across", "down", "product", "other", "result")
        )
        plane[:] = 0
        for source, target in ((across, of_x), (down, of_y)):
            plane[:height, :width] = source
            cv2.dft(plane, dst=target)
        best = buffers.take("match best", (height, width), np.float32)
        best[:] = -1
        for i in range(len(self.kernels)):
            rx, ry = self.kernels.reach[i].tolist()
            if height <= 2 * ry or width <= 2 * rx:
                continue
            inner = (slice(ry, height - ry), slice(rx, width - rx))
            kernel_x, kernel_y = spectra.of(i)
            cv2.mulSpectrums(of_x, kernel_x, 0, product, True)
            cv2.mulSpectrums(of_y, kernel_y, 0, other, True)
            cv2.add(product, other, dst=product)
            cv2.idft(product, dst=result, flags=cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
            np.maximum(best[inner], self._signed(result[:height, :width][inner]), out=best[inner])
        return best

    def _signed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the values as the polarity counts them, in their own memory."""
        if self._polarity == "same":
            return values
        return np.abs(values, out=values) if self._polarity == "any" else np.negative(values, out=values)

    def _peaks(self, best: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the rows and columns (n, 2) of the strongest local maxima worth a look."""
        hit = (best >= cv2.dilate(best, CLOSE)) & (best >= self._worth)
        places = np.argwhere(hit)
        order = np.argsort(-best[hit], kind="stable")[: self._most]
        return places[order]

    def _measured(self, across: NDArray[np.float32], down: NDArray[np.float32], places: NDArray[np.intp]) -> list[Pick]:
        """Return for each place its best turns and sizes, with the mean cosine there, in the picture's coordinates.

        Each place is measured with its eight neighbours: the maximum of another turn may lie beside that of the best.
        """
        half = self.kernels.half
        side = 2 * half + 1
        shifts = np.array([(dy, dx) for dy in range(3) for dx in range(3)])
        rows, columns = (places[:, None, :] + shifts).reshape(-1, 2).T
        flat = np.zeros((len(self.kernels), len(rows)), np.float32)
        for source, kernel in ((across, self.kernels.across), (down, self.kernels.down)):
            around = cv2.copyMakeBorder(source, half + 1, half + 1, half + 1, half + 1, cv2.BORDER_CONSTANT, value=0)
            windows = np.lib.stride_tricks.sliding_window_view(around, (side, side))
            flat = flat + kernel.reshape(len(kernel), -1) @ windows[rows, columns].reshape(len(rows), -1).T
        score = flat.reshape(len(self.kernels), len(places), 9)
        picks = []
        for i, (row, column) in enumerate(places.tolist()):
            for k, spot in self._turns(score[:, i, :]):
                dy, dx = (shifts[spot] - 1).tolist()
                pose = self.kernels.poses[k]._replace(x=float(column + dx - RIM), y=float(row + dy - RIM))
                picks.append(Pick(pose, float(score[k, i, spot])))
        return picks

    def _turns(self, score: NDArray[np.float32]) -> list[tuple[int, int]]:
        """Return the best poses at one place (kernels, 9), each with which of the nine spots it is best at."""
        signed = self._signed(score.copy())
        spot = signed.argmax(axis=1)
        value = signed.max(axis=1).reshape(len(self.kernels.angles), len(self.kernels.sizes))
        tall = cv2.copyMakeBorder(value, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        if self.kernels.round:
            tall[0], tall[-1] = tall[-2].copy(), tall[1].copy()
        top = cv2.dilate(tall, CLOSE)[1:-1, 1:-1]
        least = max(self._worth, RIVAL * float(value.max()))
        tops = np.flatnonzero((value >= top) & (value >= least))
        tops = tops[np.argsort(-value.ravel()[tops], kind="stable")][:RIVALS]
        return [(int(k), int(spot[k])) for k in tops]


def directions(
    picture: NDArray[np.float32], smooth: float, faint: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the gradients (h, w) of a picture, across and down, of length 1 where they are well above a faint one."""
    smoothed = cv2.GaussianBlur(picture, (0, 0), smooth, borderType=cv2.BORDER_REPLICATE)
    across, down = slopes(floats(smoothed))
    length = cv2.magnitude(across, down)
    length = np.asarray(length + np.float32(faint), np.float32)
    cv2.divide(across, length, dst=across)
    cv2.divide(down, length, dst=down)
    return across, down
