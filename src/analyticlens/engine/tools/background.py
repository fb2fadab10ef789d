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
MORPHS = {"opening": cv2.MORPH_OPEN, "closing": cv2.MORPH_CLOSE}


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
    small, size = pixels / params.reduce**2, _reduced(params)
    if params.method in MORPHS:
        return 1 + 12 * pixels + (2 + 0.2 * size) * small
    return 1 + 12 * pixels + blur_ms(params.method, size, small)


def _taught(params: BackgroundParams, kit: Kit) -> NDArray[Any] | None:
    if params.method != "taught":
        return None
    if params.picture is None:
        raise CannotBuild("its picture without parts is not taught")
    return stored_picture(kit, params.picture, "taught picture")


def _reduced(params: BackgroundParams) -> int:
    """Return the window's side on the smaller picture: odd, at least 3."""
    return max(3, round(params.size / params.reduce) | 1)


def _estimate(params: BackgroundParams) -> Estimate:
    """Return the function that finds the background, on a smaller picture where that is asked for."""
    filtering = _filter(params, _reduced(params))

    def find(source: NDArray[Any], target: NDArray[Any], scene: Scene) -> None:
        height, width = source.shape[:2]
        small = (max(1, width // params.reduce), max(1, height // params.reduce))
        if params.reduce == 1:
            filtering(source, target, scene)
            return
        shape = (small[1], small[0], *source.shape[2:])
        less, found = (scene.buffers.take(name, shape, source.dtype) for name in ("less", "found"))
        cv2.resize(source, small, dst=less, interpolation=cv2.INTER_AREA)
        filtering(less, found, scene)
        cv2.resize(found, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)

    return find


def _filter(params: BackgroundParams, size: int) -> Estimate:
    if params.method in MORPHS:
        element = np.ones((size, size), np.uint8)
        operation = MORPHS[params.method]
        return lambda source, target, scene: _morph(source, target, operation, element)
    if params.method == "median" and size > LARGEST:
        raise CannotBuild(f"a median of {size} is too wide; up to {LARGEST} is possible, or more with Reduce")
    smooth = smoother(params.method, size, 0)
    return lambda source, target, scene: _smooth(smooth, source, target, scene)


def _morph(source: NDArray[Any], target: NDArray[Any], operation: int, element: NDArray[Any]) -> None:
    cv2.morphologyEx(source, operation, element, dst=target)


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
