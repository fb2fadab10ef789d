"""grayscale: colour becomes grey."""

from __future__ import annotations

import cv2

from analyticlens.engine.channels import grey_of_grey, greying
from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import share_above, stretch
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import GrayscaleTool


def prepare(tool: GrayscaleTool, kit: Kit) -> Run:
    """Return the function that turns a window grey by `method`, stretches it where asked, and measures it."""
    params = tool.params
    to_grey = greying(params.method, (params.weight_blue, params.weight_green, params.weight_red))

    def run(scene: Scene) -> Found:
        window = scene.window
        source = window.of(scene.picture.data)
        target = scene.picture.room(window, 1)
        if scene.picture.is_grey:
            grey_of_grey(params.method, source, target, scene.full, scene.buffers)
        else:
            to_grey(source, target, scene.full, scene.buffers)
        if params.normalize:
            stretch(target, window.mask, scene.full)
        features = {"mean": cv2.mean(target, mask=window.mask)[0]}
        if params.threshold is not None:
            depth = scene.picture.depth
            features["share_above"] = share_above(target, window, params.threshold, depth, scene.buffers)
        scene.picture.accept(window, target)
        return Found(features, details={"image_modified": True})

    return run


def cost(tool: GrayscaleTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on so many rows and columns."""
    slow = tool.params.method.startswith("lab") or tool.params.method in ("hue", "saturation", "value")
    return 1 + (25 if slow else 6) * height * width / 1e6
