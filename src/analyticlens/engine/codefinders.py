"""How many squares of a picture look like the corners of QR codes, counted before zxing-cpp looks at them.

zxing compares all of them with one another and tries whatever three could be the corners of one code; it cannot be interrupted, and on a
picture full of such squares takes many times as long as on any other of its size. They are counted as zxing seeks them: along some
rows runs of dark and light as 1:1:3:1:1 about a local threshold, then the same along columns and diagonals.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers

# One row of so many is looked at, never two with the same distance all along: patterns may repeat.
STEP = 6
GOLDEN = 0.618
# The threshold is the mean about blocks of so many pixels, over so many blocks each way.
BLOCK = 8
BLOCKS = 5
# How far off the core's middle a row may cross it, and a module along the diagonals by one along the row: a square may be turned.
OFF_MIDDLE = (0.0, -0.5, 0.5, -1.0, 1.0)
DIAGONALS = (1.0, 0.85, 0.7, 0.6, 0.5)
# Ways to look from the core, and where core, ring and rim are, in modules.
UPRIGHT = np.array([(0.0, 1.0), (0.0, -1.0)])
DIAGONAL = np.array([(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)])
AWAY = np.array([1.0, 2.0, 3.0])
SAME = np.array([True, False, True])
# More cannot be looked at, and no more places a million pixels that are like one along their row; noise has half of that.
MOST = 700
MOST_ALIKE = 5000.0
LEAST_ALIKE = 1000
# What zxing takes at most for squares it compares (at most 256 sets of three), and for each set, in ms.
MOST_SETS = 256
EACH_SET_MS = 0.045
EACH_PAIR_MS = 2.5e-6
SETS_MS = MOST_SETS * EACH_SET_MS + MOST**2 * EACH_PAIR_MS


def sets_ms(squares: int) -> float:
    """Return the milliseconds that trying so many squares as the corners of codes takes at most."""
    sets = min(MOST_SETS, squares * (squares - 1) * (squares - 2) // 6)
    return sets * EACH_SET_MS + squares**2 * EACH_PAIR_MS


def squares_in(grey: NDArray[np.uint8], inverted: bool, buffers: Buffers) -> int:
    """Return about how many squares of a picture (h, w) uint8 look like a QR code's corner; `inverted`: light ones too.

    Where very many places are like one along their row, all of those count.
    """
    height, width = grey.shape
    if height < 7 or width < 7:
        return 0
    small = cv2.resize(grey, (max(1, width // BLOCK), max(1, height // BLOCK)), interpolation=cv2.INTER_AREA)
    mean = cv2.blur(small, (BLOCKS, BLOCKS), borderType=cv2.BORDER_REPLICATE)
    # A light column at the end of each row keeps runs of one row from those of the next.
    dark = buffers.take("code dark", (height, width + 1), np.uint8)
    level = buffers.take("code level", (height, width), np.uint8)
    cv2.resize(mean, (width, height), dst=level, interpolation=cv2.INTER_NEAREST)
    np.less(grey, level, out=dark[:, :width], casting="unsafe")
    dark[:, width] = 0
    return _counted(dark, 1) + (_counted(dark, 0) if inverted else 0)


def _counted(dark: NDArray[np.uint8], colour: int) -> int:
    """Return about how many squares have a core of this colour (1: dark)."""
    width = dark.shape[1]
    steps = np.arange(dark.shape[0] // STEP)
    looked = steps * STEP + (steps * GOLDEN % 1 * STEP).astype(np.int64)
    rows = dark[looked].ravel()
    ends = np.flatnonzero(rows[1:] != rows[:-1]) + 1
    if len(ends) < 6:
        return 0
    runs = np.diff(ends)
    five = len(runs) - 4
    module = (ends[5:] - ends[:five]) / 7
    slack = module / 2 + 0.5
    alike = rows[ends[:five]] == colour
    for place, times in enumerate((1, 1, 3, 1, 1)):
        alike &= np.abs(runs[place : place + five] - times * module) < slack
    at = np.flatnonzero(alike)
    # A core is three modules high.
    module = module[at]
    weights = STEP / 3 / np.maximum(module, 1.0)
    if weights.sum() >= 2 and len(at) <= max(LEAST_ALIKE, MOST_ALIKE * dark.size / 1e6):
        begin = ends[at + 2]
        x = begin % width + (ends[at + 3] - 1 - begin) / 2
        y = looked[begin // width]
        weights = weights[_looks_square(dark, colour, x, y, module)]
    return int(np.ceil(weights.sum()))


def _looks_square(
    dark: NDArray[np.uint8], colour: int, x: NDArray[np.float64], y: NDArray[np.int64], module: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell of places that look like a corner along their row which do so along their column and both diagonals as well."""
    looks = np.zeros(len(x), bool)
    # The row may cross the core up to a module off its middle.
    for off in OFF_MIDDLE:
        left = np.flatnonzero(~looks)
        left = left[_rings(dark, colour, x[left], y[left] + off * module[left], module[left], UPRIGHT)]
        for scale in DIAGONALS:
            square = _rings(dark, colour, x[left], y[left] + off * module[left], scale * module[left], DIAGONAL)
            looks[left[square]] = True
            left = left[~square]
    return looks


def _rings(
    dark: NDArray[np.uint8],
    colour: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    module: NDArray[np.float64],
    ways: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Tell about which places core, ring and rim follow one another in all ways (across, down), a module each."""
    height, width = dark.shape
    if not len(x):
        return np.zeros(0, bool)
    away = ways[:, None, :] * AWAY[:, None]
    columns = np.rint(x[:, None, None] + module[:, None, None] * away[..., 0]).astype(np.int64)
    rows = np.rint(y[:, None, None] + module[:, None, None] * away[..., 1]).astype(np.int64)
    seen = dark[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)] == colour
    return np.asarray((seen == SAME).all(axis=(1, 2)))
