"""threshold: grey becomes black and white."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import check_depth, cut, parted
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.tools.blur import blur_ms
from analyticlens.protocol.tools import ThresholdParams, ThresholdTool


def prepare(tool: ThresholdTool, kit: Kit) -> Run:
    """Return the function that makes a window black (0) and white (full scale) and measures the white share."""
    params = tool.params

    def run(scene: Scene) -> Found:
        window, grey = scene.window, scene.grey()
        if params.mode == "otsu" and parted(grey, window.mask) is None:
            message = "the region has one grey level only: there is nothing to part"
            return Found(status="not_found", reason="not_found", message=message)
        white = scene.buffers.take("white", window.shape, np.uint8)
        features = _adaptive(grey, params, scene, white) if _is_adaptive(params) else _cut(grey, params, scene, white)
        if params.invert:
            cv2.bitwise_not(white, dst=white)
        target = scene.picture.room(window, 1)
        if target.dtype == np.uint8:
            np.copyto(target, white)
        else:
            np.multiply(white > 0, target.dtype.type(scene.full), out=target)
        scene.picture.accept(window, target)
        if window.mask is not None:
            cv2.bitwise_and(white, window.mask, dst=white)
        return Found({"share_on": cv2.countNonZero(white) / window.area} | features, details={"image_modified": True})

    return run


def cost(tool: ThresholdTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on so many rows and columns."""
    pixels = height * width / 1e6
    if not _is_adaptive(tool.params):
        return 3 + 5 * pixels
    method = "mean" if tool.params.mode == "adaptive_mean" else "gaussian"
    return 10 * pixels + blur_ms(method, tool.params.window, pixels)


def _is_adaptive(params: ThresholdParams) -> bool:
    return params.mode in ("adaptive_mean", "adaptive_gaussian")


def _cut(grey: NDArray[Any], params: ThresholdParams, scene: Scene, white: NDArray[Any]) -> dict[str, float]:
    """Fill white (h, w) uint8 with 255 from one level, or between two; return the level."""
    set_levels = {"binary": [params.th_min], "range": [params.th_min, params.th_max], "otsu": []}[params.mode]
    check_depth(scene.picture.depth, set_levels)
    low = params.th_min
    if params.mode == "otsu":
        low = float(parted(grey, scene.window.mask) or 0) + params.offset
    cut(grey, low, params.th_max if params.mode == "range" else math.inf, white)
    return {"level": low}


def _adaptive(grey: NDArray[Any], params: ThresholdParams, scene: Scene, white: NDArray[Any]) -> dict[str, float]:
    """Fill white (h, w) uint8 with 255 where grey lies above the mean about it by more than the offset. It has no single level."""
    side = (params.window, params.window)
    exact = np.float64 if params.mode == "adaptive_mean" else np.float32
    local, above = (scene.buffers.take(name, grey.shape, exact) for name in ("local", "above"))
    if params.mode == "adaptive_mean":
        # In sums instead of means, which are whole numbers: no pixel is lost by rounding.
        pixels = params.window**2
        cv2.boxFilter(grey, cv2.CV_64F, side, dst=local, normalize=False, borderType=cv2.BORDER_REPLICATE)
        np.multiply(grey, float(pixels), out=above, dtype=np.float64)
        level = params.offset * pixels
    else:
        np.copyto(above, grey)
        cv2.GaussianBlur(above, side, 0, dst=local, borderType=cv2.BORDER_REPLICATE)
        np.copyto(above, grey)
        # A flat part is not above itself by what rounding leaves of a mean.
        level = params.offset + scene.full * 2.0**-18
    np.subtract(above, local, out=above)
    np.multiply(above > exact(level), np.uint8(255), out=white)
    return {}
