"""The measures of blobs, worked out for all of them at once and only when asked for."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.components import Blobs, MaskMemory
from analyticlens.engine.blobs.grey import refined
from analyticlens.engine.blobs.hull import Floats, Hulls, areas_of, boxes_of, hulls
from analyticlens.engine.blobs.measures import Refined
from analyticlens.engine.blobs.near import near_pixels
from analyticlens.engine.blobs.outlines import Outlines, cracks_of, outer_only, smoothed
from analyticlens.engine.blobs.runs import holes_of, pairs_of, spread, touching
from analyticlens.engine.errors import ToolFailed
from analyticlens.engine.scene import Scene

SMOOTHING_ROUNDS = 12
HALF = 0.5
# More runs than these cannot be measured in a tool's time.
MOST_RUNS = 600_000
# Nor can the hulls of more points of outlines.
MOST_POINTS = 120_000
# What is told of every blob listed.
ALWAYS = frozenset({"area", "x", "y", "left", "top", "width", "height"})


class Table:
    """The measures of blobs (n) in one picture: `table["circularity"]` gives n numbers, in image coordinates where they are places."""

    def __init__(self, blobs: Blobs, memory: MaskMemory, scene: Scene, subpixel: bool, alone: bool) -> None:
        self.blobs = blobs
        self._alone = alone
        self._memory, self._scene, self._subpixel = memory, scene, subpixel
        self._known: dict[str, Floats] = {}
        self._fine: Refined | None = None
        self._seen: Outlines | None = None

    def __getitem__(self, name: str) -> Floats:
        if name not in self._known:
            for names, work in _WORK:
                if name in names and (self._subpixel or names is not _GREY):
                    self._bounded(name)
                    self._known |= work(self)
                    break
        return self._known[name]

    def _bounded(self, name: str) -> None:
        if name not in ALWAYS and not (self._subpixel and name in _GREY) and self.blobs.most_runs > MOST_RUNS:
            raise ToolFailed(
                f"{self.blobs.total} blobs of noise are too many to measure in a tool's time", "too_costly"
            )

    @property
    def pixels(self) -> Floats:
        """The pixels of each blob."""
        if "pixels" not in self._known:
            self._known["pixels"] = self.blobs.areas()
        return self._known["pixels"]

    @property
    def mask(self) -> NDArray[np.uint8] | None:
        """The mask (h, w) the blobs come from, where each can be traced on it: it holds little else, and none is cut from another."""
        return self._memory.mask if self._alone and self.blobs.corners else None

    def kept(self, chosen: NDArray[np.bool_]) -> Table:
        """Return the table of the chosen (n) blobs, with what is known of them."""
        return self if chosen.all() else self._with(self.blobs.kept(chosen), chosen)

    def ranked(self, order: NDArray[np.int64]) -> Table:
        """Return the table of some blobs, by their numbers, in that order."""
        return self._with(self.blobs.ranked(order), order)

    def _with(self, blobs: Blobs, which: NDArray[Any]) -> Table:
        table = Table(blobs, self._memory, self._scene, self._subpixel, self._alone)
        table._known = {name: values[which] for name, values in self._known.items()}
        if self._fine is not None:
            table._fine = self._fine.of(which, self.blobs.total)
        if self._seen is not None:
            table._seen = self._seen.of(which, self.blobs.total)
        return table

    # Work: each returns some measures of all blobs.

    def places(self) -> dict[str, Floats]:
        """Place by whole pixels."""
        (x, y), window = self.blobs.centres(), self._scene.window
        return {"x": x + window.x0, "y": y + window.y0}

    def pixel_areas(self) -> dict[str, Floats]:
        """Area by whole pixels."""
        return {"area": self.pixels}

    def boxes(self) -> dict[str, Floats]:
        """Upright bounding boxes."""
        left, top, width, height = self.blobs.boxes().astype(np.float64)
        return {
            "left": left + self._scene.window.x0,
            "top": top + self._scene.window.y0,
            "width": width,
            "height": height,
        }

    def moments(self) -> dict[str, Floats]:
        """The axes of the ellipse with the same second moments."""
        if self._subpixel:
            fine = self._refined()
            xx, xy, yy = fine.xx, fine.xy, fine.yy
        else:
            xx, xy, yy = self._pixel_moments()
        half, root = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        # No blob is thinner than a pixel, whose variance is a twelfth.
        elongation = np.sqrt((half + root) / np.maximum(half - root, 1 / 12 if not self._subpixel else 1e-3))
        return {
            "elongation": np.maximum(elongation, 1.0),
            "orientation_deg": np.degrees(np.arctan2(2 * xy, xx - yy)) / 2,
        }

    def _pixel_moments(self) -> tuple[Floats, Floats, Floats]:
        blobs, window = self.blobs, self._scene.window
        area = self.pixels
        where = self.places()
        rows, columns = blobs.runs.places()
        long = blobs.runs.lengths
        dx = columns + (long - 1) / 2 + window.x0 - where["x"][blobs.labels]
        dy = rows + window.y0 - where["y"][blobs.labels]
        xx = blobs.sums(long * (dx * dx + (long * long - 1) / 12)) / area + 1 / 12
        return xx, blobs.sums(long * dx * dy) / area, blobs.sums(long * dy * dy) / area + 1 / 12

    def hole_counts(self) -> dict[str, Floats]:
        """Holes by Euler's relation: runs that touch, less runs, and one."""
        blobs = self.blobs
        pairs = pairs_of(*touching(blobs.runs, blobs.corners))
        below, above = blobs.labels[pairs.below], blobs.labels[pairs.above]
        links = np.bincount(below[below == above], minlength=blobs.total)
        return {"hole_count": (links - np.bincount(blobs.labels, minlength=blobs.total) + 1).astype(np.float64)}

    def hole_areas(self) -> dict[str, Floats]:
        """Pixels that are enclosed."""
        blobs = self.blobs
        gaps, beside = holes_of(blobs.runs, self._memory.mask.shape[0], blobs.corners)
        return {"hole_area": np.bincount(blobs.labels[beside], gaps.lengths, blobs.total).astype(np.float64)}

    def greys(self) -> dict[str, Floats]:
        """What the grey values of the blobs' pixels are."""
        blobs, scene = self.blobs, self._scene
        picture = scene.picture.grey()
        rows, columns = blobs.runs.places()
        long = blobs.runs.lengths
        at = spread((rows + scene.window.y0) * picture.shape[1] + columns + scene.window.x0, long)
        values = picture.ravel()[at]
        begins = np.cumsum(long) - long
        low, high = np.full(blobs.total, np.inf), np.zeros(blobs.total)
        np.minimum.at(low, blobs.labels, np.minimum.reduceat(values, begins).astype(np.float64))
        np.maximum.at(high, blobs.labels, np.maximum.reduceat(values, begins).astype(np.float64))
        mean = blobs.sums(np.add.reduceat(values, begins, dtype=np.float64)) / self.pixels
        off = values - np.repeat(mean[blobs.labels], long)
        spread_of = np.sqrt(blobs.sums(np.add.reduceat(off * off, begins)) / self.pixels)
        return {"mean_grey": mean, "min_grey": low, "max_grey": high, "std_grey": spread_of}

    def borders(self) -> dict[str, Floats]:
        """Whether a blob touches the border of the region."""
        blobs, mask = self.blobs, self._scene.window.mask
        height, width = self._memory.mask.shape
        rows, columns = blobs.runs.places()
        past = columns + blobs.runs.lengths
        touches = (rows == 0) | (rows == height - 1) | (columns == 0) | (past == width)
        if mask is not None:
            core = cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
            long = blobs.runs.lengths
            at = spread(rows * width + columns, long)
            touches |= np.minimum.reduceat(core.ravel()[at], np.cumsum(long) - long) == 0
        result = np.zeros(blobs.total)
        result[blobs.labels[touches]] = 1.0
        return {"touches_border": result}

    def outlines(self) -> Outlines:
        """Return the smoothed outer outlines, in the mask's coordinates."""
        if self._subpixel:
            return self._refined().outlines
        if self._seen is None:
            cracks = cracks_of(self.blobs)
            cracks = outer_only(cracks, self.blobs, self["hole_count"] > 0)
            self._seen = smoothed(cracks, self._memory.stride, self.blobs.total, HALF, SMOOTHING_ROUNDS)
        return self._seen

    def rims(self) -> dict[str, Floats]:
        """Length and form of the outer outline."""
        if self._subpixel:
            fine = self._refined()
            return {"perimeter": fine.perimeter, "circularity": fine.circularity}
        seen = self.outlines()
        return {"perimeter": seen.lengths, "circularity": 4 * np.pi * seen.areas / np.maximum(seen.lengths, 1e-9) ** 2}

    def hulls(self) -> dict[str, Floats]:
        """How much of its convex hull an outline fills."""
        seen = self.outlines()
        around = areas_of(self._hulls(seen), self.blobs.total)
        return {"convexity": np.minimum(1.0, seen.areas / np.maximum(around, 1e-9))}

    def _hulls(self, seen: Outlines) -> Hulls:
        if len(seen.x) > MOST_POINTS:
            raise ToolFailed(
                f"{self.blobs.total} blobs have outlines too long for hulls in a tool's time", "too_costly"
            )
        return hulls(seen.x, seen.y, seen.labels, self.blobs.total)

    def turned_boxes(self) -> dict[str, Floats]:
        """The smallest turned box of an outline, and how much of it the outline fills."""
        seen = self.outlines()
        box = boxes_of(self._hulls(seen), self.blobs.total)
        return {
            "length": box.length,
            "breadth": box.breadth,
            "box_angle_deg": box.angle_deg,
            "rectangularity": np.minimum(1.0, seen.areas / np.maximum(box.length * box.breadth, 1e-9)),
        }

    def fine(self) -> dict[str, Floats]:
        """Area and place below a pixel, each with its standard deviation."""
        found, window = self._refined(), self._scene.window
        return {
            "area": found.area,
            "x": found.x + window.x0,
            "y": found.y + window.y0,
            "area_sigma": found.area_sigma,
            "position_sigma": found.position_sigma,
            "blur": found.blur,
        }

    def _refined(self) -> Refined:
        if self._fine is None:
            scene = self._scene
            near = near_pixels(self.blobs, self._memory, scene.grey(), scene.window.mask, scene.buffers)
            self._fine = refined(self.blobs, near, self["hole_count"] > 0)
        return self._fine


_GREY = frozenset({"area", "x", "y", "area_sigma", "position_sigma", "blur"})
_WORK = (
    (_GREY, Table.fine),
    (frozenset({"area"}), Table.pixel_areas),
    (frozenset({"x", "y"}), Table.places),
    (frozenset({"left", "top", "width", "height"}), Table.boxes),
    (frozenset({"elongation", "orientation_deg"}), Table.moments),
    (frozenset({"hole_count"}), Table.hole_counts),
    (frozenset({"hole_area"}), Table.hole_areas),
    (frozenset({"mean_grey", "min_grey", "max_grey", "std_grey"}), Table.greys),
    (frozenset({"touches_border"}), Table.borders),
    (frozenset({"perimeter", "circularity"}), Table.rims),
    (frozenset({"convexity"}), Table.hulls),
    (frozenset({"length", "breadth", "box_angle_deg", "rectangularity"}), Table.turned_boxes),
)
