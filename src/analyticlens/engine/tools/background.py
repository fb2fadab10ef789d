"""background: what changes slowly, or was there without parts, is taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import HOLDS
from analyticlens.engine.medians import LARGEST
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.stored import as_png, stored_picture
from analyticlens.engine.tools.blur import blur_ms, smoother
from analyticlens.engine.tools.flat_field import taught_part
from analyticlens.protocol.tools import BackgroundParams, BackgroundTool

# Fills its second array from its first: the background of a picture.
Estimate = Callable[[NDArray[Any], NDArray[Any], Scene], None]
# Milliseconds a million pixels, 16 bits and the widest window.
MS_MORPH = 25.0
MORPHS = ("opening", "closing")
# A Gaussian is found on a picture on which it is still so many pixels wide, at most so many times smaller.
SMOOTH, MOST_REDUCED = 5.0, 8
# Up to this side OpenCV is quicker, which looks at every pixel of a window's row and column.
SMALL = 15


def prepare(tool: BackgroundTool, kit: Kit) -> Run:
    """Return the function that takes the background from a window, each channel by itself.

    Pixels outside its bounding rectangle have no influence. Raises CannotBuild where the taught picture is missing or a median is too wide.
    """
    params = tool.params
    taught = _taught(params, kit)
    estimate = None if taught is not None else _estimate(params)

    def run(scene: Scene) -> Found:
        window = scene.window
        source = window.of(scene.picture.data)
        if taught is not None:
            background = taught_part(taught, scene, "taught picture", "background")
        else:
            assert estimate is not None
            background = scene.buffers.take("background", source.shape, source.dtype)
            estimate(source, background, scene)
        target = scene.picture.room(window, 1 if source.ndim == 2 else 3)
        _take_away(source, background, params.keep, scene.full, target)
        features = _measured(target, window.mask)
        scene.picture.accept(window, target)
        return Found(features, details={"image_modified": True})

    return run


def cost(tool: BackgroundTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on one channel of so many rows and columns."""
    params = tool.params
    pixels = height * width / 1e6
    if params.method == "taught":
        return 1 + 6 * pixels
    reduce = _reduce(params)
    small, size = pixels / reduce**2, _reduced(params, reduce)
    if params.method in MORPHS:
        return 1 + 12 * pixels + MS_MORPH * small
    return 1 + 12 * pixels + blur_ms(params.method, size, small)


def _taught(params: BackgroundParams, kit: Kit) -> NDArray[Any] | None:
    if params.method != "taught":
        return None
    if params.picture is None:
        raise CannotBuild("its picture without parts is not taught")
    return stored_picture(kit, params.picture, "taught picture")


def _reduce(params: BackgroundParams) -> int:
    """Return how many times smaller the picture is on which the background is found.

    What a wide Gaussian leaves has no detail: on a picture so much smaller that it is still SMOOTH pixels wide it is the same to within
    a grey level.
    """
    if params.reduce > 1 or params.method != "gaussian":
        return params.reduce
    return max(1, min(MOST_REDUCED, int(_sigma(params.size) / SMOOTH)))


def _reduced(params: BackgroundParams, reduce: int) -> int:
    """Return the window's side on the smaller picture: odd, at least 3."""
    return max(3, round(params.size / reduce) | 1)


def _sigma(size: int) -> float:
    """Return the standard deviation that OpenCV gives a Gaussian of that side."""
    return 0.3 * ((size - 1) * 0.5 - 1) + 0.8


def _estimate(params: BackgroundParams) -> Estimate:
    """Return the function that finds the background, on a smaller picture where that is asked for, or as good."""
    reduce = _reduce(params)
    # A Gaussian found on a smaller picture unasked is as wide as it was asked for.
    sigma = _sigma(params.size) / reduce if reduce != params.reduce else 0.0
    filtering = _filter(params, _reduced(params, reduce), sigma)

    def find(source: NDArray[Any], target: NDArray[Any], scene: Scene) -> None:
        height, width = source.shape[:2]
        small = (max(1, width // reduce), max(1, height // reduce))
        if reduce == 1:
            filtering(source, target, scene)
            return
        shape = (small[1], small[0], *source.shape[2:])
        less, found = (scene.buffers.take(name, shape, source.dtype) for name in ("less", "found"))
        cv2.resize(source, small, dst=less, interpolation=cv2.INTER_AREA)
        filtering(less, found, scene)
        cv2.resize(found, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)

    return find


def _filter(params: BackgroundParams, size: int, sigma: float) -> Estimate:
    if params.method in MORPHS:
        erodes_first = params.method == "opening"
        return lambda source, target, scene: _morph(source, target, size, erodes_first)
    if params.method == "median" and size > LARGEST:
        raise CannotBuild(f"a median of {size} is too wide; up to {LARGEST} is possible, or more with Reduce")
    smooth = smoother(params.method, size, sigma)
    return lambda source, target, scene: _smooth(smooth, source, target, scene)


def _morph(source: NDArray[Any], target: NDArray[Any], size: int, erodes_first: bool) -> None:
    """Fill target by the opening of source with a square of that side, or by its closing."""
    if size <= SMALL:
        operation = cv2.MORPH_OPEN if erodes_first else cv2.MORPH_CLOSE
        cv2.morphologyEx(source, operation, np.ones((size, size), np.uint8), dst=target)
        return
    least = np.iinfo(source.dtype).max
    steps: list[tuple[Any, int]] = [(np.minimum, int(least)), (np.maximum, 0)]
    found = source
    for choose, outside in steps if erodes_first else steps[::-1]:
        for axis in (0, 1):
            found = _running(found, size, axis, choose, outside)
    np.copyto(target, found)


def _running(source: NDArray[Any], size: int, axis: int, choose: Any, outside: int) -> NDArray[Any]:
    """Return the least or greatest of the `size` pixels about each along an axis; `outside` the picture are pixels that never win.

    A window of twice the width is two of the width side by side: however wide it is, a few passes over the picture do.
    """
    reach = size // 2
    pad = [(0, 0)] * source.ndim
    pad[axis] = (reach, reach)
    found = np.pad(source, pad, constant_values=outside)
    length, wide = source.shape[axis], 1
    while 2 * wide <= size:
        found = choose(_cut(found, axis, 0, found.shape[axis] - wide), _cut(found, axis, wide, found.shape[axis]))
        wide *= 2
    rest = size - wide
    return np.asarray(choose(_cut(found, axis, 0, length), _cut(found, axis, rest, rest + length)))


def _cut(array: NDArray[Any], axis: int, first: int, past: int) -> NDArray[Any]:
    return array[first:past] if axis == 0 else array[:, first:past]


def _smooth(smooth: Callable[..., NDArray[Any]], source: NDArray[Any], target: NDArray[Any], scene: Scene) -> None:
    smooth(source, target, lambda: scene.late)


def _take_away(source: NDArray[Any], background: NDArray[Any], keep: str, full: int, target: NDArray[Any]) -> None:
    """Fill target with the difference, cut off at the ends of the scale."""
    if keep == "bright":
        cv2.subtract(source, background, dst=target)
    elif keep == "dark":
        cv2.subtract(background, source, dst=target)
    else:
        cv2.addWeighted(source, 1, background, -1, full // 2, dst=target)
        if full < HOLDS[source.dtype]:
            np.minimum(target, source.dtype.type(full), out=target)


def _measured(target: NDArray[Any], mask: NDArray[Any] | None) -> dict[str, float]:
    """Return mean and spread of what is left, over all channels."""
    means, spreads = cv2.meanStdDev(target, mask=mask)
    mean = float(means.mean())
    squares = float((spreads**2 + means**2).mean())
    return {"mean": mean, "std": max(0.0, squares - mean**2) ** 0.5}


def teach_background(
    picture: NDArray[Any], *, keep: str = "both", id: int = 1, name: str = "background", **fields: Any
) -> tuple[BackgroundTool, dict[str, bytes]]:
    """Return a background tool taught from a picture without parts, (H, W) or (H, W, 3), uint8 or uint16, and the bytes it names.

    `fields` are the tool's others (`region`, `follow` …).
    """
    taught, content = as_png(picture)
    params = {"method": "taught", "picture": taught, "keep": keep}
    return BackgroundTool.model_validate({"id": id, "name": name, "params": params, **fields}), {taught: content}
