"""golden: a part compared with the mean and spread of good ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.build import built
from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.pattern.frame import Frame, frame_of, placed
from analyticlens.engine.pattern.golden import Defects, Golden, Light, aligner, defects, sampled
from analyticlens.engine.pattern.similarity import Similarity
from analyticlens.engine.pose import Pose, turned
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.stored import stored_grey
from analyticlens.protocol.overlay import OverlayShape
from analyticlens.protocol.regions import Arrow, Polygon
from analyticlens.protocol.tools import GoldenTool

MAX_OUTLINES = 64
MAX_POINTS = 60
# Milliseconds at most, of which some are those of the alignment, and for each pixel.
BASE_MS = 25.0
PIXEL_MS = 1.5e-4


class Comparison:
    """A golden tool with all that is worked out before the first picture."""

    def __init__(self, tool: GoldenTool, kit: Kit) -> None:
        params = self.params = tool.params
        if params.mean is None or params.spread is None:
            raise CannotBuild("no good picture is taught yet")
        mean, spread = (
            stored_grey(kit, name, what) for name, what in ((params.mean, "mean"), (params.spread, "spread"))
        )
        if mean.shape != spread.shape:
            raise CannotBuild("its mean and its spread differ in size")
        height, width = mean.shape
        self.everywhere = tool.region is None
        assert not isinstance(tool.region, Arrow)
        if tool.region is not None and (size := placed(tool.region)[1:]) != (width, height):
            raise CannotBuild(f"its mean is {width}x{height} and its region {size[0]}x{size[1]}: teach it again")
        self.frame = Frame(Pose(), width, height) if tool.region is None else frame_of(tool.region, tool.exclude)
        values = mean.astype(np.float32) / np.float32(params.steps)
        self.golden = Golden(values, spread.astype(np.float32) / np.float32(params.steps), self.frame.mask)
        self._tolerance = self.golden.tolerance(params.jitter)
        self._aligner = aligner(values, self.frame.mask, params.max_angle > 0) if params.max_shift > 0 else None

    def run(self, scene: Scene) -> Found:
        """Return what differs in a scene."""
        if self.everywhere and (scene.picture.height, scene.picture.width) != self.golden.shape:
            height, width = self.golden.shape
            raise ToolFailed(f"it was taught on pictures of {width}x{height}")
        grey = scene.picture.grey()
        taught = self.frame.pose.then(scene.pose)
        pose = self._aligned(grey, taught)
        if pose is None:
            message = f"the part does not lie within {self.params.max_shift:g} px and {self.params.max_angle:g} deg of its region"
            return Found(status="not_found", reason="not_found", message=message)
        seen = sampled(grey, pose, self.golden.shape, scene.buffers)
        strange = self.golden.strange(seen, self.golden.light(seen), scene.full)
        if strange:
            return Found(status="not_found", reason="not_found", message=strange)
        z, light = self.golden.differences(seen, self._tolerance, scene.buffers)
        held = self._held(scene, pose)
        found = defects(
            z, held, self.params.threshold, self.params.grow, self.params.min_area, scene.buffers, MAX_OUTLINES
        )
        return _found(found, pose, taught, self.frame, light)

    def _aligned(self, grey: NDArray[Any], taught: Pose) -> Pose | None:
        """Return the motion from the frame into the picture as the part lies, or None where it lies too far off or nowhere."""
        if self._aligner is None:
            return taught
        centre = self.frame.centre
        x, y = taught.apply(*centre)
        found = self._aligner.align(grey, Similarity(x, y, math.atan2(taught.sin, taught.cos)))
        if found is None or math.hypot(found.x - x, found.y - y) > self.params.max_shift:
            return None
        angle = math.degrees(found.angle)
        if abs(turned(angle - taught.angle_deg)) > self.params.max_angle:
            return None
        return Pose.carry(centre, (found.x, found.y), angle)

    def _held(self, scene: Scene, pose: Pose) -> NDArray[np.uint8] | None:
        """Return the frame's pixels (h, w) that belong to the region and lie in the picture, None for all of them."""
        held = self.frame.mask
        ends = [pose.apply(x, y) for x in (0, self.frame.width - 1) for y in (0, self.frame.height - 1)]
        right, bottom = scene.picture.width - 0.5, scene.picture.height - 0.5
        if all(-0.5 <= x <= right and -0.5 <= y <= bottom for x, y in ends):
            return held
        columns, rows = np.arange(self.frame.width), np.arange(self.frame.height)[:, None]
        x = pose.cos * columns - pose.sin * rows + pose.dx
        y = pose.sin * columns + pose.cos * rows + pose.dy
        inside = (x >= -0.5) & (x <= right) & (y >= -0.5) & (y <= bottom)
        mask = np.where(inside, 255, 0).astype(np.uint8)
        return mask if held is None else np.minimum(mask, held)


def prepare(tool: GoldenTool, kit: Kit) -> Run:
    """Return the function that aligns a part with the good ones and measures where it differs."""
    return Comparison(tool, kit).run


def cost(tool: GoldenTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most on so many rows and columns."""
    return BASE_MS + PIXEL_MS * height * width


def _found(found: Defects, pose: Pose, taught: Pose, frame: Frame, light: Light) -> Found:
    (x, y), (tx, ty) = pose.apply(*frame.centre), taught.apply(*frame.centre)
    features = {
        "defect_count": float(len(found.areas)),
        "defect_area": float(found.areas.sum()),
        "largest_defect": float(found.areas.max(initial=0)),
        "peak_z": found.peak,
        "offset_x": x - tx,
        "offset_y": y - ty,
        "offset_angle_deg": turned(pose.angle_deg - taught.angle_deg),
        "gain": light.gain,
        "offset": light.offset,
    }
    shapes: list[OverlayShape] = [
        built(Polygon, shape="polygon", points=tuple(pose.apply(float(u), float(v)) for u, v in _few(outline)))
        for outline in found.outlines
    ]
    details = {"image_modified": False, "defect_areas": found.areas[:MAX_OUTLINES].tolist()}
    return Found(features, shapes, details, {"defect_areas": found.areas})


def _few(outline: NDArray[Any]) -> NDArray[Any]:
    """Return an outline's points (n, 2), every n-th where they are many."""
    return outline[:: max(1, math.ceil(len(outline) / MAX_POINTS))]
