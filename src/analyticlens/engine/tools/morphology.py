"""morphology: shrinking, growing, opening and closing of bright shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
from numpy.typing import NDArray

from analyticlens.engine.kit import Kit
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import MorphologyParams, MorphologyTool

SHAPES = {"rect": cv2.MORPH_RECT, "ellipse": cv2.MORPH_ELLIPSE, "cross": cv2.MORPH_CROSS}
OPERATIONS = {
    "erode": cv2.MORPH_ERODE,
    "dilate": cv2.MORPH_DILATE,
    "top_hat": cv2.MORPH_TOPHAT,
    "black_hat": cv2.MORPH_BLACKHAT,
    "gradient": cv2.MORPH_GRADIENT,
}
# Milliseconds one shrinking or growing of a million 16-bit pixels takes by an element with a flat side (rect, cross), and round.
MS_FLAT, MS_ROUND = 0.08, 0.02


def opener(open_times: int, close_times: int, kernel: int, shape: str) -> Callable[[NDArray[Any]], None]:
    """Return a function that opens, then closes an array (h, w) or (h, w, 3) in place, each so many times."""
    element = cv2.getStructuringElement(SHAPES[shape], (kernel, kernel))

    def tidy(picture: NDArray[Any]) -> None:
        if open_times:
            cv2.morphologyEx(picture, cv2.MORPH_OPEN, element, dst=picture, iterations=open_times)
        if close_times:
            cv2.morphologyEx(picture, cv2.MORPH_CLOSE, element, dst=picture, iterations=close_times)

    return tidy


def prepare(tool: MorphologyTool, kit: Kit) -> Run:
    """Return the function that changes a window's shapes; pixels outside its bounding rectangle have no influence."""
    params = tool.params
    change = _operation(params)

    def run(scene: Scene) -> Found:
        target = scene.picture.room(scene.window, 1 if scene.picture.is_grey else 3)
        target[...] = scene.window.of(scene.picture.data)
        change(target)
        scene.picture.accept(scene.window, target)
        return Found(details={"image_modified": True})

    return run


def _operation(params: MorphologyParams) -> Callable[[NDArray[Any]], None]:
    if params.operation == "open_close":
        return opener(params.open, params.close, params.kernel, params.shape)
    element = cv2.getStructuringElement(SHAPES[params.shape], (params.kernel, params.kernel))

    def change(picture: NDArray[Any]) -> None:
        cv2.morphologyEx(picture, OPERATIONS[params.operation], element, dst=picture, iterations=params.iterations)

    return change


def cost(tool: MorphologyTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on one channel of so many rows and columns."""
    params = tool.params
    if params.operation == "open_close":
        passes = 2 * (params.open + params.close)
    else:
        passes = params.iterations * (1 if params.operation in ("erode", "dilate") else 2)
    each = MS_ROUND * params.kernel**2 if params.shape == "ellipse" else MS_FLAT * params.kernel
    return 1 + (2 + passes * (1 + each)) * height * width / 1e6
