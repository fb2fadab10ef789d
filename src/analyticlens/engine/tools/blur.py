"""blur: smoothing by a Gaussian, a median, a plain mean, or a bilateral filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import check_depth, settle
from analyticlens.engine.medians import LARGEST_DEEP, median
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import BlurTool

# Tells whether time is over.
Late = Callable[[], bool]
# Milliseconds a million 16-bit pixels take: for each pixel of the kernel's side, or of its area, or once. A kernel wider than a
# processor's nearest memory costs more than its side.
MS_WIDE_GAUSSIAN = 0.0018
MS_GAUSSIAN, MS_BILATERAL, MS_MEAN, MS_MEDIAN, MS_SMALL_MEDIAN = 0.7, 0.8, 3.0, 60.0, 4.0


def smoother(method: str, ksize: int, sigma: float) -> Callable[..., NDArray[Any]]:
    """Return a function that smooths its first array into its second, of the same shape and dtype, and returns it.

    Sigma 0 takes the spread from the kernel. A third argument may tell whether time is over: a wide median of a 16-bit picture then
    raises ToolFailed.
    """

    def gaussian(source: NDArray[Any], target: NDArray[Any], late: Late = lambda: False) -> NDArray[Any]:
        return cv2.GaussianBlur(source, (ksize, ksize), sigma, dst=target)

    def mean(source: NDArray[Any], target: NDArray[Any], late: Late = lambda: False) -> NDArray[Any]:
        return cv2.blur(source, (ksize, ksize), dst=target)

    def middle(source: NDArray[Any], target: NDArray[Any], late: Late = lambda: False) -> NDArray[Any]:
        median(source, ksize, target, late)
        return target

    return {"gaussian": gaussian, "mean": mean, "median": middle}[method]


def prepare(tool: BlurTool, kit: Kit) -> Run:
    """Return the function that smooths a window; pixels outside its bounding rectangle have no influence."""
    params = tool.params
    bilateral = params.method == "bilateral"
    smooth = None if bilateral else smoother(params.method, params.ksize, params.sigma)

    def run(scene: Scene) -> Found:
        source = scene.window.of(scene.picture.data)
        target = scene.picture.room(scene.window, 1 if scene.picture.is_grey else 3)
        if smooth is None:
            _bilateral(source, target, tool, scene)
        else:
            smooth(source, target, lambda: scene.late)
        scene.picture.accept(scene.window, target)
        return Found(details={"image_modified": True})

    return run


def _bilateral(source: NDArray[Any], target: NDArray[Any], tool: BlurTool, scene: Scene) -> None:
    """Fill target by the bilateral filter of Tomasi and Manduchi; 16 bits in single precision, which OpenCV has it for."""
    params, depth = tool.params, scene.picture.depth
    check_depth(depth, [0, params.sigma_grey])
    spread = params.sigma or 0.15 * params.ksize + 0.35
    if source.dtype == np.uint8:
        cv2.bilateralFilter(source, params.ksize, params.sigma_grey, spread, dst=target)
        return
    exact = scene.buffers.take("exact", source.shape, np.float32)
    smooth = scene.buffers.take("smooth", source.shape, np.float32)
    np.copyto(exact, source)
    cv2.bilateralFilter(exact, params.ksize, params.sigma_grey, spread, dst=smooth)
    settle(smooth, target, depth.full)


def blur_ms(method: str, ksize: int, megapixels: float) -> float:
    """Return the milliseconds a blur of one channel can take at most (a median of 16 bits: of a picture that is not all noise)."""
    each = {
        "gaussian": 1 + MS_GAUSSIAN * ksize + MS_WIDE_GAUSSIAN * ksize**2,
        "mean": MS_MEAN,
        "bilateral": 4 + MS_BILATERAL * ksize**2,
        "median": MS_SMALL_MEDIAN if ksize <= LARGEST_DEEP else MS_MEDIAN,
    }
    return 1 + each[method] * megapixels


def cost(tool: BlurTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on one channel of so many rows and columns."""
    return blur_ms(tool.params.method, tool.params.ksize, height * width / 1e6)
