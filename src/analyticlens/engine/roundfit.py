"""A circle through edges some of which are nothing of it: the best of many circles through three edges, then robust least squares.

Three edges a known part of the way round propose a circle, and every other edge votes (the consensus of Fischler & Bolles 1981, with
the triples taken in turn instead of at random, so that the same picture gives the same circle). The winner is refined by least
squares of the distances with Tukey's biweight.

A rim that is out of round leaves the winner by more than noise does: a circle that hugs one of its arcs has the strictest votes. Then
waves about the circle, of two to the round and more, are fitted with it: what lies on them is the rim, and the circle its least squares.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.rays import Edges, Sector

Floats = NDArray[np.float64]

# The edges of a triple are n / part rays apart; for each part so many triples are tried.
PARTS = (3, 4, 6, 10, 16, 24)
TRIPLES = 40
# A circle is looked at in so many directions; it may leave its ring by so many pixels.
LOOKS = 17
SLACK = 1.0
# Proposals are judged by a part of the tolerance: what is near counts, what is just within it comes of two shapes at once.
STRICT = 3.0
# Edges that vote, and proposals they vote on at once: a small table stays in the processor's cache.
VOTERS = 200
CHUNK = 32
ROUNDS = 12
# Tukey's constant, in standard deviations, and the least of these, in pixels: pixels make small waves even without noise.
TUKEY = 3.5
# An edge that least squares leave out is still one of the circle's up to this multiple of it: neighbouring rays err together.
LENIENT = 2.0
FINEST = 0.02
SETTLED = 1e-5
FEWEST = 6
NEAR = 0.3
# Waves to the round that a rim may have, round after round of its refinement, and the fewest rays for each; the pull that keeps
# them small where no ray tells of them, as a share of the weight of all.
WAVES = (2, 2, 2, 2, 2, 3, 3, 4, 5, 6, 7, 8, 8, 8, 8)
RAYS_A_WAVE = 8
CALM = 1e-3
# Rays that tell of the waves: more tell no more.
TELLING = 360
# So much of the round need not be looked for from elsewhere.
NEARLY = 0.95
# Edges that lie off their circle by more than so many times what neighbours differ by, and so many pixels, are plainly out of round.
UNEVEN, UNROUND = 1.5, 0.15
# Other rims are where with waves so many times the rays hold to them.
MORE = 1.2
# A rim's waves are looked for from a circle whose edges lie within so many times the tolerance, and so far from it until all are known.
WIDE = 2.0
# Rays so many apart tell how much neighbours differ: their second difference has this variance, in that of one, as they are averaged.
APART, DIFFERENCE = 3, 3.1
# Rays so many apart are still taken to err together.
TOGETHER = 5


class Round(NamedTuple):
    """A circle about (x, y), and what the rays (n) say of it: which hold to it, by how much (0 to 1), how far off each lies (nan: none).

    `strength` is the sum of their edges' gradients, each by its weight. `waves` (n) is how far outwards of the circle the rim itself runs
    on each ray, 0 where it is round: its least squares circle is this one.
    """

    x: float
    y: float
    r: float
    holds: NDArray[np.bool_]
    weights: Floats
    rest: Floats
    strength: float
    waves: Floats

    @property
    def votes(self) -> float:
        """The weight of all rays."""
        return float(self.weights.sum())

    @property
    def seen(self) -> float:
        """The share of the rays that hold to it."""
        return float(np.count_nonzero(self.holds)) / len(self.holds)

    def off(self, tolerance: float) -> float:
        """How far off the rays lie (root mean square), those without an edge and those beyond the tolerance by just that."""
        size = np.where(np.isfinite(self.rest), np.minimum(np.abs(self.rest), tolerance), tolerance)
        return float(np.sqrt(np.mean(np.square(size))))


def fit_round(edges: Edges, angles: Floats, sector: Sector, tolerance: float) -> Round | None:
    """Return the circle that most edges on rays in directions `angles` (n, radians) agree on, within `tolerance` pixels, or None."""
    if np.count_nonzero(np.isfinite(edges.radii).any(axis=1)) < FEWEST:
        return None
    x = sector.x + edges.radii * np.cos(angles)[:, None]
    y = sector.y + edges.radii * np.sin(angles)[:, None]
    proposed = _proposals(x, y, edges.strength, sector.sweep >= 360)
    proposed = proposed[_belongs(proposed, sector)]
    if not len(proposed):
        return None
    return _found(proposed, x, y, edges.strength, tolerance, lambda one: bool(_belongs(np.array([one[:3]]), sector)[0]))


def fit_places(
    x: Floats, y: Floats, strength: Floats, whole: bool, near: tuple[float, float, float], tolerance: float
) -> tuple[Round, Floats] | None:
    """Return the circle that most edges (rays, some) agree on, and the covariance (3, 3) of its x, y, r, or None.

    `x` and `y` are the edges' places, about a pixel's length as unit; `whole` tells whether the rays go all round. It lies about `near`
    (x, y, r): by no more than a share of that radius, NEAR, elsewhere or larger or smaller.
    """
    if np.count_nonzero(np.isfinite(x).any(axis=1)) < FEWEST:
        return None
    proposed = _proposals(x, y, strength, whole)
    with np.errstate(invalid="ignore"):
        about = (np.abs(proposed - near) <= NEAR * near[2]).all(axis=1)
    if not about.any():
        return None
    found = _found(proposed[about], x, y, strength, tolerance, lambda _: True)
    covariance = None if found is None else _covariance(found, x, y)
    return None if found is None or covariance is None else (found, covariance)


def _found(
    proposed: Floats, x: Floats, y: Floats, strength: Floats, tolerance: float, wanted: Callable[[Round], bool]
) -> Round | None:
    """Return the wanted circle that proposals (k, 3) come to, or None: the strict winner, or one with waves if that is out of round."""
    strict = _refined(_elected(proposed, x, y, strength, tolerance / STRICT), x, y, strength, tolerance)
    if strict is None:
        return None
    plain = _out_of_round(strict)
    found = strict if wanted(strict) else None
    least = float(np.count_nonzero(strict.holds)) * (1.0 if plain else MORE)
    if plain or least <= len(x):
        for start in (_elected(proposed, x, y, strength, WIDE * tolerance), np.array(strict[:3])):
            wavy = _refined(start, x, y, strength, tolerance, WAVES)
            if wavy is not None and np.count_nonzero(wavy.holds) >= least and wanted(wavy):
                found, least = wavy, float(np.count_nonzero(wavy.holds)) + 1
            if least > NEARLY * len(x):
                break
    return found


def _out_of_round(circle: Round) -> bool:
    """Tell whether edges lie plainly off their circle: by more than noise, which differs from ray to ray where the shape does not."""
    bends = circle.rest[: -2 * APART] + circle.rest[2 * APART :] - 2 * circle.rest[APART:-APART]
    bends = bends[np.isfinite(bends)]
    held = circle.rest[circle.holds]
    if len(bends) < FEWEST or len(held) < FEWEST:
        return False
    grain = float(np.median(np.abs(bends))) / math.sqrt(DIFFERENCE)
    return 1.4826 * float(np.median(np.abs(held))) > UNEVEN * 1.4826 * grain + UNROUND


def _covariance(found: Round, x: Floats, y: Floats) -> Floats | None:
    """Return the covariance (3, 3) of x, y, r as the edges' scatter has it; neighbouring rays err together."""
    off = np.hypot(x - found.x, y - found.y) - found.r
    nearest = np.argmin(np.where(np.isfinite(off), np.abs(off), np.inf), axis=1)
    row = np.arange(len(x))
    used = found.weights > 0
    turn = np.arctan2(y[row, nearest] - found.y, x[row, nearest] - found.x)[used]
    weights, rest = found.weights[used], (found.rest - found.waves)[used]
    by = np.stack((np.cos(turn), np.sin(turn), np.ones_like(turn)))
    try:
        inverse = np.linalg.inv((by * weights) @ by.T)
    except np.linalg.LinAlgError:
        return None
    pull = weights * rest
    squares = float(pull @ pull)
    together = sum(float(pull[k:] @ pull[:-k]) for k in range(1, TOGETHER))
    alike = max(1.0, 1 + 2 * together / squares) if squares > 0 else 1.0
    free = max(1.0, len(rest) - 3.0) / len(rest)
    spread = (by * np.square(pull)) @ by.T
    # Half by each edge's own rest, half by the scatter of all: few edges say little of their own.
    usual = (by * np.square(weights)) @ by.T * (squares / float(weights @ weights))
    return np.asarray(inverse @ ((spread + usual) / 2) @ inverse * (alike / free))


def _proposals(x: Floats, y: Floats, strength: Floats, whole: bool) -> Floats:
    """Return circles (k, 3), x y r, through triples of the rays' strongest edges (rays, some); not finite where there is none."""
    best = np.argmax(strength, axis=1)
    row = np.arange(len(best))
    x, y = x[row, best], y[row, best]
    count = len(x)
    found = [np.zeros((0, 3), np.intp)]
    for part in PARTS:
        gap = count // part
        if gap < 2:
            break
        last = count if whole else count - 2 * gap
        first = np.unique(np.linspace(0, last - 1, TRIPLES).astype(int)) if last > 0 else np.zeros(0, int)
        found.append(first[:, None] + gap * np.arange(3))
    triples = np.concatenate(found) % count
    return _through(x[triples], y[triples])


def _belongs(circles: Floats, sector: Sector) -> NDArray[np.bool_]:
    """Tell which circles (k, 3) run within the sector from one of its ends to the other, all round where it is a whole ring."""
    angles = np.radians(sector.start + sector.sweep * np.linspace(0, 1, LOOKS))
    cos, sin = np.cos(angles), np.sin(angles)
    dx, dy = circles[:, :1] - sector.x, circles[:, 1:2] - sector.y
    with np.errstate(invalid="ignore"):
        meets = dx * cos + dy * sin + np.sqrt(np.square(circles[:, 2:]) - np.square(dx * sin - dy * cos))
        return np.asarray(((meets >= sector.inner - SLACK) & (meets <= sector.outer + SLACK)).all(axis=1))


def _through(x: Floats, y: Floats) -> Floats:
    """Return the circles (k, 3) through three points each, x and y (k, 3); not finite where they lie on a line or are missing."""
    bx, by = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]
    cx, cy = x[:, 2] - x[:, 0], y[:, 2] - y[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        twice = 2 * (bx * cy - by * cx)
        b, c = bx**2 + by**2, cx**2 + cy**2
        ux, uy = (cy * b - by * c) / twice, (bx * c - cx * b) / twice
    return np.stack((x[:, 0] + ux, y[:, 0] + uy, np.hypot(ux, uy)), axis=1)


def _elected(circles: Floats, x: Floats, y: Floats, strength: Floats, tolerance: float) -> Floats:
    """Return the circle with the strongest edges within the tolerance, the nearer the more.

    No edge counts for more than twice the usual.
    """
    row, column = np.nonzero(strength > 0)
    stride = max(1, -(-len(row) // VOTERS))
    row, column = row[::stride], column[::stride]
    vote = strength[row, column]
    vote = np.minimum(vote, 2 * np.median(vote))
    x, y = x[row, column], y[row, column]
    votes = np.empty(len(circles))
    for first in range(0, len(circles), CHUNK):
        some = circles[first : first + CHUNK]
        off = np.abs(np.hypot(x - some[:, :1], y - some[:, 1:2]) - some[:, 2:])
        votes[first : first + CHUNK] = np.square(np.clip(1 - np.square(off / tolerance), 0, None)) @ vote
    return np.asarray(circles[int(np.argmax(votes))])


def _refined(
    start: Floats,
    x: Floats,
    y: Floats,
    strength: Floats,
    tolerance: float,
    orders: tuple[int, ...] = (0,) * ROUNDS,
) -> Round | None:
    """Return the robust least squares circle near `start`: of each ray the edge nearest to the rim, weighed by Tukey's biweight.

    `orders` are the most waves to the round that the rim may have about the circle, round after round.
    """
    circle, waves = start, np.zeros(len(x))
    row = np.arange(len(x))
    last = min(orders[-1], len(x) // RAYS_A_WAVE)
    for order in orders:
        dx, dy = x - circle[0], y - circle[1]
        off = np.hypot(dx, dy) - circle[2]
        size = np.where(np.isfinite(off), np.abs(off - waves[:, None]), np.inf)
        near = np.argmin(size, axis=1)
        rest = off[row, near]
        left = rest - waves
        limit = _limit(left, WIDE * tolerance if 0 < order < last else tolerance)
        weights = np.square(np.clip(1 - np.square(np.minimum(np.abs(left), 1e6) / limit), 0, None))
        weights[~np.isfinite(rest)] = 0
        if np.count_nonzero(weights) < FEWEST:
            return None
        away = np.stack((dx[row, near], dy[row, near])) / np.maximum(rest + circle[2], 1e-9)
        order = min(order, last)
        shape = rest if order < 2 else _shape(rest, away, weights, order)
        move = _step(shape, away, weights if order < 2 else _lengths(away, weights))
        if move is None:
            return None
        circle = circle + move
        if order >= 2:
            waves = np.where(np.isfinite(rest), shape - move @ np.stack((*away, np.ones_like(rest))), 0.0)
        if order >= last and np.abs(move).max() < SETTLED:
            break
    with np.errstate(invalid="ignore"):
        holds = (np.abs(rest) <= tolerance) & (np.abs(left) <= LENIENT * limit)
    strong = float(weights @ strength[row, near])
    return Round(float(circle[0]), float(circle[1]), float(circle[2]), holds, weights, rest, strong, waves)


def _shape(rest: Floats, away: Floats, weights: Floats, most: int) -> Floats:
    """Return the rests (n) of a circle with up to `most` waves to the round, as weighted rests along directions `away` (2, n) have it."""
    known = np.flatnonzero(np.isfinite(rest))
    some = known[:: max(1, len(known) // TELLING)]
    powers = np.cumprod(np.broadcast_to(away[0, known] + 1j * away[1, known], (most, len(known))), axis=0)
    by = np.concatenate((np.ones((1, len(known))), powers.real, powers.imag))
    told, weight = by[:, :: max(1, len(known) // TELLING)], weights[some]
    calm = np.ones(len(by))
    calm[[0, 1, most + 1]] = 0
    normal = (told * weight) @ told.T + np.diag(calm * CALM * float(weight.sum()))
    out = np.full(len(rest), np.nan)
    try:
        out[known] = np.linalg.solve(normal, (told * weight) @ rest[some]) @ by
    except np.linalg.LinAlgError:
        out[known] = rest[known]
    return out


def _lengths(away: Floats, weights: Floats) -> Floats:
    """Return what share of the round each ray (n) of some weight stands for, in means of all: of a ring off its middle, not the same."""
    used = weights > 0
    turn = np.unwrap(np.arctan2(away[1, used], away[0, used]))
    share = np.abs(np.gradient(turn))
    out = np.zeros(len(weights))
    out[used] = np.minimum(share / max(float(np.median(share)), 1e-9), 2.0)
    return out


def _limit(rest: Floats, gate: float) -> float:
    """Return the rest at which the biweight is 0, from rests (n, nan: none) within the gate."""
    size = np.where(np.isfinite(rest), np.abs(rest), np.inf)
    inside = size[size <= gate]
    if len(inside) < FEWEST:
        return gate
    return min(gate, TUKEY * max(FINEST, 1.4826 * float(np.median(inside))))


def _step(rest: Floats, away: Floats, weights: Floats) -> Floats | None:
    """Return how a circle moves (x, y, r) to lessen the weighted squares of rests (n) along directions `away` (2, n)."""
    by = np.stack((away[0], away[1], np.ones_like(rest)))
    used = weights > 0
    by, held = by[:, used] * weights[used], by[:, used]
    try:
        move = np.linalg.solve(by @ held.T, by @ rest[used])
    except np.linalg.LinAlgError:
        return None
    return move if np.isfinite(move).all() else None
