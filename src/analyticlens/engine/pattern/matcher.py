"""A template looked for in a scene: the search over its region, the way down the pyramid, and the last fit on the raw picture."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.kit import Kit
from analyticlens.engine.pattern.fit import Fit, Fitted
from analyticlens.engine.pattern.follow import Follower, Match, overlap
from analyticlens.engine.pattern.search import Range, Search
from analyticlens.engine.pattern.similarity import Similarity
from analyticlens.engine.pattern.template import Freedom, Template
from analyticlens.engine.pose import Pose
from analyticlens.engine.scene import Scene
from analyticlens.engine.stored import stored_grey
from analyticlens.engine.typed import floats
from analyticlens.protocol.tools import MatchTool

# How far a found angle (radians) or size may lie outside the range searched: the range says where a search begins.
# Pixels that all last fits together look at, about.
FITTED = 24_000
FEWEST = 1500
# Milliseconds for each pixel of the picture, at most, and where the region is turned.
FIELD_MS = 3e-6
TURNED_MS = 2e-5
ANGLE_SLACK = math.radians(1.0)
SCALE_SLACK = 0.02
# A template may leave its region by so many pixels: its rim is only continued there.
RIM = 1.0
# The last fit looks at the raw picture; it must confirm what the search found to within so many pixels and this share of the score.
CONFIRMED = 0.9
# Last fits that may end without an instance.
SPARE = 3
# Milliseconds a second look, one level finer, may take at most: where nothing was found, a part of the template may be covered that
# leaves too little of it to be told at the coarsest level. A score below CERTAIN may be that of something alike, whose better is not seen
# at the coarsest level either.
SECOND_MS = 50.0
CERTAIN = 0.93
# What two looks found is one instance where it overlaps more than this.
ONE = 0.9


class Instance(NamedTuple):
    """An instance in image coordinates, with what was measured of it; the pose is that of the template's centre."""

    pose: Similarity
    score: float
    ncc: float
    visible: float
    sigma: float
    angle_sigma: float


class Field(NamedTuple):
    """The region's picture as float32 (h, w), unturned; `pose` brings its pixels into the image."""

    data: NDArray[np.float32]
    pose: Pose

    def inward(self, where: Similarity) -> Similarity:
        """Return an image pose in the field's own coordinates."""
        dx, dy = where.x - self.pose.dx, where.y - self.pose.dy
        x, y = self.pose.cos * dx + self.pose.sin * dy, self.pose.cos * dy - self.pose.sin * dx
        return Similarity(x, y, where.angle - math.radians(self.pose.angle_deg), where.scale)

    def outward(self, where: Similarity) -> Similarity:
        """Return a pose of the field in image coordinates."""
        x, y = self.pose.apply(where.x, where.y)
        return Similarity(x, y, where.angle + math.radians(self.pose.angle_deg), where.scale)


class Matcher:
    """One template with all that is worked out before the first picture."""

    def __init__(self, tool: MatchTool, kit: Kit) -> None:
        params = self._params = tool.params
        self._follows = bool(kit.recipe.follows(kit.recipe.tools.index(tool)))
        if params.template is None:
            raise CannotBuild("no template is taught yet")
        values = stored_grey(kit, params.template, "template")
        mask = None if params.mask is None else stored_grey(kit, params.mask, "mask")
        if mask is not None and mask.shape != values.shape:
            raise CannotBuild("its mask and its template differ in size")
        self.range = Range(
            (math.radians(params.angle_min), math.radians(params.angle_max)),
            (params.scale_min, params.scale_max),
            params.polarity,
        )
        freedom = Freedom(params.angle_min < params.angle_max, params.scale_min < params.scale_max)
        held = None if mask is None else np.where(mask > 0, 255, 0).astype(np.uint8)
        self.template = Template(values, held, freedom)
        cx, cy = self.template.centre
        self.origin = (0.0, 0.0) if params.origin is None else (params.origin.x - cx, params.origin.y - cy)
        finest = self.template.levels[0]
        most = max(FEWEST, FITTED // (2 + params.max_matches))
        self._fit = Fit(finest.values, finest.mask, freedom, self.origin, min(6000, most))
        self._first, self._second = self._looks(self.template.coarsest, 3 * params.max_matches + 16), None
        if self.template.coarsest > self.template.finest:
            # A finer level says more: fewer places look like the template there.
            with suppress(CannotBuild):
                self._second = self._looks(self.template.coarsest - 1, params.max_matches + 5)
        self._follower = Follower(self.template, params.min_score, params.max_matches)

    def _looks(self, number: int, places: int) -> Search:
        return Search(self.template.levels[number], number, self.range, self._params.min_score, places)

    def cost(self, height: int, width: int) -> float:
        """Return the milliseconds it can take at most on so many rows and columns."""
        field = (TURNED_MS if self._follows else FIELD_MS) * height * width
        return field + sum(self._cost_of(search, height, width) for search in self._searches(height, width))

    def _cost_of(self, search: Search, height: int, width: int) -> float:
        """Return the milliseconds one search and what it leads to can take at most."""
        factor = 2**search.number
        places = search.cost(math.ceil(height / factor), math.ceil(width / factor))
        fits = (self._params.max_matches + SPARE) * self._fit.cost
        return places + self._follower.cost(search.most, search.number) + fits

    def _searches(self, height: int, width: int) -> list[Search]:
        """Return the searches to make on so many rows and columns, each where those before it found nothing for certain."""
        second = self._second
        if second is None or self._cost_of(second, height, width) > SECOND_MS:
            return [self._first]
        return [self._first, second]

    def find(self, scene: Scene) -> list[Instance]:
        """Return the instances in a scene, best score first."""
        field = _field(scene)
        height, width = field.data.shape
        if min(height, width) < 8:
            return []
        pyramid = _pyramid(field.data, self.template.coarsest, scene)
        found: list[Instance] = []
        for search in self._searches(height, width):
            picks = search.look(pyramid[search.number], pyramid[0], scene.buffers)
            matches = self._follower.down(picks, pyramid, search.number)
            found = self._apart(found + self._chosen(matches, field, scene, pyramid))
            if found and found[0].score >= CERTAIN:
                break
        return found

    def _apart(self, found: list[Instance]) -> list[Instance]:
        """Return the best instances, each once, best score first."""
        kept: list[tuple[Instance, list[tuple[float, float]]]] = []
        for instance in sorted(found, key=lambda one: -one.score):
            outline = self.template.outline(instance.pose)
            if all(overlap(outline, other) <= min(self._params.max_overlap, ONE) for _, other in kept):
                kept.append((instance, outline))
        return [instance for instance, _ in kept[: self._params.max_matches]]

    def _chosen(
        self, matches: list[Match], field: Field, scene: Scene, pyramid: list[NDArray[np.float32]]
    ) -> list[Instance]:
        """Return the best matches that are good enough, inside, and apart from one another, each measured on the raw picture."""
        found: list[Instance] = []
        outlines: list[list[tuple[float, float]]] = []
        tries = self._params.max_matches + SPARE
        for match in matches:
            if len(found) >= self._params.max_matches or tries == 0:
                break
            if not self._signed(match.score) >= CONFIRMED * self._params.min_score:
                continue
            outline = self.template.outline(match.pose)
            if any(overlap(outline, other) > self._params.max_overlap for other in outlines):
                continue
            tries -= 1
            instance = self._measured(match, field, scene, pyramid)
            if instance is not None:
                found.append(instance)
                outlines.append(outline)
        return sorted(found, key=lambda instance: -instance.score)

    def _signed(self, score: float) -> float:
        return {"same": score, "reversed": -score, "any": abs(score)}[self._params.polarity]

    def _measured(
        self, match: Match, field: Field, scene: Scene, pyramid: list[NDArray[np.float32]]
    ) -> Instance | None:
        """Return a match fitted on the raw picture, or None where that does not confirm it or it leaves its place or range."""
        fitted = self._fit.run(scene.picture.grey(), field.outward(match.pose))
        if fitted is None:
            return None
        inner = field.inward(fitted.pose)
        finest = self.template.levels[self.template.finest]
        values = finest.sample(pyramid[self.template.finest], inner.at_level(0.5**self.template.finest))
        score, ncc = self._signed(finest.score(values)), finest.ncc(values)
        if score < self._params.min_score or not self._allowed(inner) or not self._inside(fitted, inner, field, scene):
            return None
        return Instance(fitted.pose, min(1.0, score), ncc, fitted.visible, fitted.sigma, fitted.angle_sigma)

    def _allowed(self, pose: Similarity) -> bool:
        low, high = self.range.angles
        middle = (low + high) / 2
        away = abs(math.remainder(pose.angle - middle, 2 * math.pi))
        small, large = self.range.scales
        return away <= (high - low) / 2 + ANGLE_SLACK and small - SCALE_SLACK <= pose.scale <= large + SCALE_SLACK

    def _inside(self, fitted: Fitted, inner: Similarity, field: Field, scene: Scene) -> bool:
        """Tell whether the template lies in the region's rectangle and in the picture, and its centre in the region."""
        if not _within(self.template.outline(inner), field.data.shape):
            return False
        picture, window = scene.picture, scene.window
        if not _within(self.template.outline(fitted.pose), (picture.height, picture.width)):
            return False
        if window.mask is None:
            return True
        row, column = round(fitted.pose.y) - window.y0, round(fitted.pose.x) - window.x0
        height, width = window.shape
        return 0 <= row < height and 0 <= column < width and bool(window.mask[row, column])


def _within(outline: list[tuple[float, float]], shape: tuple[int, ...]) -> bool:
    low, right, bottom = -0.5 - RIM, shape[1] - 0.5 + RIM, shape[0] - 0.5 + RIM
    return all(low <= x <= right and low <= y <= bottom for x, y in outline)


def _field(scene: Scene) -> Field:
    """Return the region's picture as float32, turned back by as much as the region was turned by what it follows."""
    window, pose = scene.window, scene.pose
    if pose.sin == 0 and pose.cos > 0:
        data = scene.buffers.take("match field", window.shape, np.float32)
        np.copyto(data, scene.grey(), casting="unsafe")
        return Field(data, Pose.shift(window.x0, window.y0))
    return _unturned(scene)


def _unturned(scene: Scene) -> Field:
    """Return the region's rectangle, as it lay before it was turned, sampled from the turned picture.

    Its corners are those of the turned window turned back: a little more than the region, which `_inside` sees to.
    """
    window, pose = scene.window, scene.pose
    back = Pose(pose.cos, -pose.sin)
    region = [(window.x0, window.y0), (window.x1, window.y0), (window.x1, window.y1), (window.x0, window.y1)]
    xs, ys = zip(*(back.apply(x, y) for x, y in region), strict=True)
    left, top = math.floor(min(xs)), math.floor(min(ys))
    size = (math.ceil(max(xs)) - left, math.ceil(max(ys)) - top)
    turn = Pose(pose.cos, pose.sin, *Pose(pose.cos, pose.sin).apply(left, top))
    matrix = np.array([[turn.cos, -turn.sin, turn.dx], [turn.sin, turn.cos, turn.dy]])
    source = scene.picture.grey()
    whole = scene.buffers.take("match whole", source.shape, np.float32)
    np.copyto(whole, source, casting="unsafe")
    data = scene.buffers.take("match field", (size[1], size[0]), np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(whole, matrix, size, dst=data, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return Field(data, turn)


def _pyramid(data: NDArray[np.float32], coarsest: int, scene: Scene) -> list[NDArray[np.float32]]:
    """Return the picture (h, w) and its halves down to a level, finest first."""
    levels = [data]
    for number in range(1, coarsest + 1):
        shape = tuple((n + 1) // 2 for n in levels[-1].shape)
        target = scene.buffers.take(f"match level {number}", shape, np.float32)
        levels.append(floats(cv2.pyrDown(levels[-1], dst=target)))
    return levels
