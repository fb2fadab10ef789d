"""From the coarsest level to the finest: each candidate's pose is fitted level by level, and what proves worse is dropped.

Each fit is the inverse compositional Gauss-Newton step of Baker and Matthews ("Lucas-Kanade 20 years on", 2004) with gain and offset:
the picture is sampled under the pose, and the least squares that the template prepared give the step. Where the picture then agrees
badly, a part of the template may be covered, and the steps are made anew with weights.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.pattern.search import Pick
from analyticlens.engine.pattern.similarity import Similarity
from analyticlens.engine.pattern.template import CLEARLY, MOSTLY, Level, Template
from analyticlens.engine.typed import floats

ROUNDS = 6
WEIGHTED_ROUNDS = 8
# A step that moves the template's corner by less than this, in the level's pixels, is the last.
SETTLED = 0.05
# No step moves it farther: beyond a pixel or two the picture is not what its slopes say.
FARTHEST = 1.5
# Poses of one instance: their corners lie within so many pixels of the level.
SAME = 1.5
# A candidate whose score is below this share of the best one's, or of the score asked for, is dropped.
BEHIND = 0.6
WORTH = 0.6
# A correlation of grey levels and a score from which on nothing is covered.
WHOLE = 0.93
SURE = 0.8
TUKEY = 4.685
# Fits of parts are compared by so many pixels.
ENOUGH = 1000
# Milliseconds a candidate takes at a level at most, and each of its pixels.
CANDIDATE_MS = 0.15
PIXEL_MS = 2.5e-4


class Match(NamedTuple):
    """An instance: its pose, and the mean cosine of gradient directions (negative: reversed)."""

    pose: Similarity
    score: float


class Follower:
    """Follows candidates of one template down its pyramid."""

    def __init__(self, template: Template, min_score: float, most: int) -> None:
        self._template = template
        self._worth = WORTH * min_score
        self._most = most

    def down(self, picks: list[Pick], pyramid: list[NDArray[np.float32]], start: int) -> list[Match]:
        """Return the instances the picks of level `start` lead to, best score first, in the picture's coordinates.

        `pyramid` holds the picture's levels by number; levels finer than the template's `finest` are not looked at.
        """
        template = self._template
        for level in range(start, template.finest - 1, -1):
            if level < start:
                picks = [Pick(pick.pose.at_level(2), pick.score) for pick in picks]
            picks = self._kept(self._fitted(level, picks, pyramid[level]), level)
        up = float(2**template.finest)
        return [Match(pick.pose.at_level(up), pick.score) for pick in picks]

    def cost(self, picks: int, start: int) -> float:
        """Return the milliseconds it can take at most for so many picks of level `start`."""
        total = 0.0
        for number in range(start, self._template.finest - 1, -1):
            total += picks * (CANDIDATE_MS + PIXEL_MS * self._template.levels[number].values.size)
            picks = min(picks, self._limit(number))
        return total

    def _limit(self, number: int) -> int:
        """Return how many candidates a level leaves at most."""
        return 2 * self._most + (10 if number == self._template.coarsest else 4)

    def _fitted(self, number: int, picks: list[Pick], picture: NDArray[np.float32]) -> list[Pick]:
        """Return the picks fitted at a level: plainly, and, where fewer agree wholly than are wanted, with weights as well."""
        level = self._template.levels[number]
        plain = self._steps(level, [pick.pose for pick in picks], picture, weighted=False)
        found, doubtful = [], []
        for i, pose in enumerate(plain):
            values = level.sample(picture, pose)
            found.append(Pick(pose, level.score(values)))
            whole = abs(level.ncc(values)) >= WHOLE and abs(found[-1].score) >= SURE
            if not whole:
                doubtful.append(i)
        if len(picks) - len(doubtful) >= self._most:
            return found
        for weighted in (True, False):
            # Fine structure may hold a fit a pixel beside its place: what agrees best among the neighbours is the second start.
            starts = [picks[i].pose if weighted else _nudged(level, found[i].pose, picture) for i in doubtful]
            again = self._steps(level, starts, picture, weighted=weighted)
            for i, pose in zip(doubtful, again, strict=True):
                other = Pick(pose, level.score(level.sample(picture, pose)))
                sign = math.copysign(1.0, picks[i].score)
                if sign * other.score > sign * found[i].score:
                    found[i] = other
            if number > self._template.finest:
                break
        return found

    def _steps(
        self, level: Level, poses: list[Similarity], picture: NDArray[np.float32], *, weighted: bool
    ) -> list[Similarity]:
        """Return the poses after their steps, all of them stepping together."""
        reach = math.hypot(*level.centre)
        poses, active = list(poses), list(range(len(poses)))
        for _ in range(WEIGHTED_ROUNDS if weighted else ROUNDS):
            if not active:
                break
            values = np.stack([level.sample(picture, poses[i]).ravel() for i in active])
            found = _weighted(level, values) if weighted else values @ level.solver.T
            still = []
            for i, coefficients in zip(active, found.tolist(), strict=True):
                step = self._step(coefficients)
                move = math.hypot(step[0], step[1]) + reach * (abs(step[2]) + abs(step[3]))
                if move > FARTHEST:
                    step = [value * FARTHEST / move for value in step]
                poses[i] = poses[i].refined(*step)
                if move >= SETTLED:
                    still.append(i)
            active = still
        return poses

    def _step(self, found: list[float]) -> list[float]:
        """Return the shift x, shift y, turn and growth that bring the template nearer to what was sampled."""
        gain = found[0]
        if abs(gain) < 1e-6:
            return [0.0, 0.0, 0.0, 0.0]
        rest = [value / gain for value in found[2:]]
        freedom = self._template.freedom
        turn = rest[2] if freedom.angle else 0.0
        growth = rest[2 + freedom.angle] if freedom.scale else 0.0
        return [rest[0], rest[1], turn, growth]

    def _kept(self, picks: list[Pick], number: int) -> list[Pick]:
        """Return the best of the picks, each instance once."""
        most = self._limit(number)
        reach = math.hypot(*self._template.levels[number].centre)
        kept: list[Pick] = []
        for pick in sorted(picks, key=lambda pick: -abs(pick.score)):
            least = max(self._worth, BEHIND * abs(kept[0].score) if kept else 0.0)
            if len(kept) >= most or abs(pick.score) < least:
                break
            if not any(_same(pick.pose, other.pose, reach) for other in kept):
                kept.append(pick)
        return kept


def _weighted(level: Level, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the coefficients (n, k) of gain, offset and motion for values (n, h * w), with Tukey's weights for what does not fit."""
    held = level.mask.ravel() > 0
    design, seen = level.design, values
    if not held.all():
        design, seen = design[:, held], values[:, held]
    found = _begun(level, values, seen, design)
    middle = seen.shape[1] // 2
    for _ in range(2):
        residual = np.abs(seen - found @ design)
        spread = 1.4826 * np.partition(residual, middle, axis=1)[:, middle] + 1e-3
        weights = (1 - np.minimum(residual / (TUKEY * spread[:, None]), 1) ** 2) ** 2
        weighted = weights[:, None, :] * design
        gram = (weighted @ design.T).astype(np.float64)
        gram += 1e-6 * gram * np.eye(len(design))
        found = np.linalg.solve(gram, weighted @ seen[:, :, None])[:, :, 0].astype(np.float32)
    return found


def _begun(
    level: Level, values: NDArray[np.float32], seen: NDArray[np.float32], design: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the coefficients (n, k) by the whole of values (n, h * w), or by the part of them whose fit leaves the least to most of
    what the mask holds, `seen`: least squares of the whole are pulled to a cover that is brighter than all of the template."""
    few = slice(None, None, max(1, design.shape[1] // ENOUGH))
    seen, design = seen[:, few], design[:, few]
    most = int(MOSTLY * seen.shape[1])
    found = [values @ solver.T for solver in (level.solver, *level.partial)]
    left = [np.partition(np.abs(seen - one @ design), most, axis=1)[:, most] for one in found]
    left[0] = left[0] * CLEARLY
    best = np.argmin(left, axis=0)
    return floats(np.stack(found)[best, np.arange(len(values))])


def _nudged(level: Level, pose: Similarity, picture: NDArray[np.float32]) -> Similarity:
    """Return the pose moved by a pixel to where, among its neighbours, the picture's values agree best."""
    around = [pose.refined(dx, dy, 0.0, 0.0) for dx in (-1.0, 0.0, 1.0) for dy in (-1.0, 0.0, 1.0)]
    return max(around, key=lambda other: abs(level.ncc(level.sample(picture, other))))


def _same(one: Similarity, other: Similarity, reach: float) -> bool:
    turn = abs(math.remainder(one.angle - other.angle, 2 * math.pi))
    growth = abs(math.log(one.scale / other.scale))
    return math.hypot(one.x - other.x, one.y - other.y) + reach * (turn + growth) < SAME


def overlap(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> float:
    """Return how much of the smaller of two convex outlines lies in the other, 0 to 1."""
    a, b = (np.array(points, np.float32) for points in (one, other))
    shared, _ = cv2.intersectConvexConvex(a, b)
    smaller = min(abs(cv2.contourArea(a)), abs(cv2.contourArea(b)))
    return shared / smaller if smaller > 0 else 0.0
