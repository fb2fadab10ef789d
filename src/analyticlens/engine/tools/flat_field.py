"""flat_field: each pixel is divided by what it saw of an even white surface, less what it saw of darkness."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import settle
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.stored import as_png, stored_picture
from analyticlens.protocol.tools import FlatFieldTool


class Field(NamedTuple):
    """new = gain * old + offset for each pixel, (H, W) or (H, W, 3) float32, in the depth of the taught pictures.

    `limited` tells where more gain was needed than allowed.
    """

    gain: NDArray[np.float32]
    offset: NDArray[np.float32]
    limited: NDArray[np.bool_]
    dtype: Any


def prepare(tool: FlatFieldTool, kit: Kit) -> Run:
    """Return the function that evens out a window. Raises CannotBuild where taught pictures are missing, unlike or dark.

    The taught pictures stand still: wherever the region moves, each pixel of the sensor has its own correction.
    """
    params = tool.params
    if params.bright is None:
        raise CannotBuild("its bright picture is not taught")
    bright = stored_picture(kit, params.bright, "bright picture")
    dark = np.zeros_like(bright) if params.dark is None else stored_picture(kit, params.dark, "dark picture")
    field = _field(bright, dark, params.max_gain)

    def run(scene: Scene) -> Found:
        window = scene.window
        source = window.of(scene.picture.data)
        if source.dtype != field.dtype:
            raise ToolFailed(f"the taught pictures are {field.dtype}, this one is {source.dtype}")
        gain = taught_part(field.gain, scene, "bright picture", "gain")
        offset = taught_part(field.offset, scene, "bright picture", "offset")
        exact = scene.buffers.take("exact", source.shape, np.float32)
        target = scene.picture.room(window, 1 if source.ndim == 2 else 3)
        cv2.multiply(source, gain, dst=exact, dtype=cv2.CV_32F)
        cv2.add(exact, offset, dst=exact)
        clipped = scene.buffers.take("clipped", source.shape, np.bool_)
        np.greater(exact, np.float32(scene.full + 0.5), out=clipped)
        below = scene.buffers.take("below", source.shape, np.bool_)
        np.logical_or(clipped, np.less(exact, np.float32(-0.5), out=below), out=clipped)
        settle(exact, target, scene.full)
        features = {
            "gain_max": _most(gain, window.mask),
            "limited": _share(window.of(field.limited), window.mask),
            "clipped": _share(clipped, window.mask),
        }
        scene.picture.accept(window, target)
        return Found(features, details={"image_modified": True})

    return run


def cost(tool: FlatFieldTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on one channel of so many rows and columns."""
    return 1 + 8 * height * width / 1e6


def taught_part(taught: NDArray[Any], scene: Scene, what: str, room: str) -> NDArray[Any]:
    """Return the window's part of a taught picture, with as many channels as the working picture has: in `room` where it must be spread.

    Raises ToolFailed where the two do not belong together: another size, colour where the picture is grey, another depth.
    """
    picture = scene.picture
    if taught.shape[:2] != (picture.height, picture.width):
        height, width = taught.shape[:2]
        raise ToolFailed(f"its {what} is {width}x{height}, this picture {picture.width}x{picture.height}")
    if taught.ndim == 3 and picture.is_grey:
        raise ToolFailed(f"its {what} is in colour, this picture is grey")
    if taught.dtype != np.float32 and taught.dtype != picture.data.dtype:
        raise ToolFailed(f"its {what} is {taught.dtype}, this picture {picture.data.dtype}")
    part = scene.window.of(taught)
    if taught.ndim == 3 or picture.is_grey:
        return part
    return cv2.cvtColor(part, cv2.COLOR_GRAY2BGR, dst=scene.buffers.take(room, (*part.shape, 3), part.dtype))


def _field(bright: NDArray[Any], dark: NDArray[Any], max_gain: float) -> Field:
    """Return the correction that brings the bright picture to its own mean, each channel to its own."""
    if bright.shape != dark.shape or bright.dtype != dark.dtype:
        raise CannotBuild("its bright and dark pictures are not of one size and kind")
    signal = bright.astype(np.float64) - dark
    mean = signal.mean(axis=(0, 1))
    if np.any(mean <= 0):
        raise CannotBuild("its bright picture is no brighter than its dark one")
    limited = signal * max_gain < mean
    gain = np.where(limited, max_gain, mean / np.maximum(signal, 1e-9))
    any_limited = limited if limited.ndim == 2 else limited.any(axis=2)
    return Field(gain.astype(np.float32), (-gain * dark).astype(np.float32), any_limited, bright.dtype)


def _most(gain: NDArray[np.float32], mask: NDArray[Any] | None) -> float:
    """Return the largest gain of the region's pixels."""
    return float(gain.max() if mask is None else gain[mask > 0].max())


def _share(flags: NDArray[np.bool_], mask: NDArray[Any] | None) -> float:
    """Return the share of the region's pixels, over all channels, that are flagged."""
    return float(np.mean(flags if mask is None else flags[mask > 0]))


def teach_flat_field(
    bright: NDArray[Any], dark: NDArray[Any] | None = None, *, id: int = 1, name: str = "flat_field", **fields: Any
) -> tuple[FlatFieldTool, dict[str, bytes]]:
    """Return a flat_field tool taught from a picture of an even white surface and one with the lens covered, and the bytes it names.

    Both are (H, W) grey or (H, W, 3) blue, green, red, uint8 or uint16; of several exposures give the mean. `fields` are the tool's
    others (`region`, `max_gain` …). Raises CannotBuild where they do not fit together.
    """
    _field(bright, np.zeros_like(bright) if dark is None else dark, 1)
    named = dict(as_png(picture) for picture in (bright, dark) if picture is not None)
    params = {"bright": as_png(bright)[0], "dark": None if dark is None else as_png(dark)[0]}
    params |= {key: fields.pop(key) for key in ("max_gain",) if key in fields}
    tool = FlatFieldTool.model_validate({"id": id, "name": name, "params": params, **fields})
    return tool, named
