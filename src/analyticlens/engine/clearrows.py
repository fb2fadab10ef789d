"""Edges fitted to those rows of a band that hold nothing but edges: a speck moves them as long as a part of it looks like a flank.

Weighing pixel by pixel takes out the middle of a speck, but keeps its border and what of it is as grey as the edge itself. So rows of
pixels with anything foreign near the edges lose all their weight, in steps of concentration as of least trimmed squares (Rousseeuw &
Van Driessen, 1999): where half the rows or more are dirty, the better half begins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.edgefit import OUTLYING, UNLIKE, EdgesFit, Floats, Pixels, fit_edges, spread_of

# How near an edge, in pixels and in blurs, something foreign can move it.
NEAR, NEAR_BLURS = 2.0, 3.0
# Rows to either side of a dirty one that its speck's border may reach.
BORDER = 1
# Fits to other rows, at most, and rounds of each, which begins near its end.
STEPS, ROUNDS = 3, 4
# Rows that must be left: so many, and this share of all.
FEWEST, LEAST = 4, 0.4


class Cleared(NamedTuple):
    """A fit, and whether the rows that it is of are most of the band and hold nothing else."""

    fit: EdgesFit
    clear: bool


def cleared(pixels: Pixels, fit: EdgesFit) -> Cleared:
    """Return the edges (K) of a fit, fitted again to the clear rows of its pixels where there are others."""
    rows = np.floor(pixels.v - pixels.v.min()).astype(np.intp)
    count = int(rows.max()) + 1
    kept = np.ones(count, np.bool_)
    for _ in range(STEPS):
        clear, worst = _clear(pixels, fit, rows, count)
        if not (kept & ~clear).any() and clear.sum() <= kept.sum():
            return Cleared(fit, bool(kept.sum() >= _fewest(count)))
        begun = clear if clear.sum() >= _fewest(count) else worst <= np.median(worst)
        held = begun[rows]
        some = Pixels(*(column[held] for column in pixels))
        again = fit_edges(some, fit.places, fit.blur, fit.tilts, ROUNDS, wary=True)
        if again is None or (again.contrasts * fit.contrasts <= 0).any():
            break
        fit, kept = again, begun
    clear, _ = _clear(pixels, fit, rows, count)
    return Cleared(fit, bool((clear & kept).sum() >= _fewest(count)))


def _fewest(count: int) -> float:
    return max(FEWEST, LEAST * count)


def _clear(pixels: Pixels, fit: EdgesFit, rows: NDArray[np.intp], count: int) -> tuple[NDArray[np.bool_], Floats]:
    """Return which rows (count) hold nothing but edges near them, nor do their neighbours, and the largest residual in each."""
    size = np.abs(pixels.grey - fit.modelled(pixels))
    near = fit.blur * NEAR_BLURS + NEAR
    off = np.abs(pixels.u - fit.places[:, None] - fit.tilts[:, None] * pixels.v).min(axis=0)
    limit = max(UNLIKE * float(np.abs(fit.contrasts).min()), OUTLYING * spread_of(size))
    worst = np.zeros(count)
    held = off < near
    np.maximum.at(worst, rows[held], size[held])
    dirty = worst > limit
    beside = np.convolve(dirty, np.ones(2 * BORDER + 1), "same") > 0
    return ~beside, worst
