"""calibration: what a pixel is in millimetres. Measure tools read its numbers themselves; here it is checked against the picture."""

from __future__ import annotations

import numpy as np

from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.plane import NoPlace, Plane
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import CalibrationTool


def prepare(tool: CalibrationTool, kit: Kit) -> Run:
    """Return the function that reports the scale in the picture's middle. Raises CannotBuild where the plane is seen edge on."""
    params = tool.params
    plane = plane_of(tool)
    if params.width is not None and params.height is not None and params.model == "camera":
        try:
            plane.scale((params.width - 1) / 2, (params.height - 1) / 2)
        except NoPlace:
            raise CannotBuild("the middle of the picture shows no point of its plane") from None

    def run(scene: Scene) -> Found:
        height, width = scene.picture.height, scene.picture.width
        if params.model == "camera" and (width, height) != (params.width, params.height):
            taught = f"{params.width} x {params.height}"
            raise ToolFailed(f"it was taught on pictures of {taught}, and this one has {width} x {height}")
        return Found({"mm_per_px": plane.scale((width - 1) / 2, (height - 1) / 2), "rms": params.rms})

    return run


def plane_of(tool: CalibrationTool) -> Plane:
    """Return the mapping a calibration tool means. Raises CannotBuild where its numbers mean none, or it was not taught."""
    if tool.params.model == "scale" and tool.params.mm_per_px is None:
        raise CannotBuild("no scale is taught yet")
    try:
        return Plane(tool.params)
    except np.linalg.LinAlgError:
        raise CannotBuild("its plane is seen edge on") from None
