"""One number a pixel from colour: a channel, a weighted sum, or a part of HSV or CIELAB, in the picture's own depth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.bands import row_bands
from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import ToolFailed
from analyticlens.engine.lab import to_lab
from analyticlens.engine.levels import settle

# Fills its second array (h, w) from its first (h, w, 3), both of the same dtype and full scale.
Greying = Callable[[NDArray[Any], NDArray[Any], int, Buffers], None]
PLANES = {"blue": 0, "green": 1, "red": 2}
HSV = {"hue": 0, "saturation": 1, "value": 2}
LAB = {"lab_l": 0, "lab_a": 1, "lab_b": 2}
# What a grey picture cannot tell.
COLOURED = frozenset({"hue", "saturation", "lab_a", "lab_b"})


def greying(method: str, weights: tuple[float, float, float]) -> Greying:
    """Return the function that makes grey of colour; `weights` are those of blue, green, red for the method `weighted`."""
    if method == "luminance":
        return _luminance
    if method in PLANES:
        return partial(_plane, PLANES[method])
    if method in HSV:
        return partial(_hsv, HSV[method])
    if method in LAB:
        return partial(_lab, LAB[method])
    shares = np.array([weights]) / sum(weights) if method == "weighted" else np.full((1, 3), 1 / 3)
    return partial(_weighted, shares)


def grey_of_grey(method: str, source: NDArray[Any], target: NDArray[Any], full: int, buffers: Buffers) -> None:
    """Fill target (h, w) from a picture (h, w) that is grey already: as from three equal channels.

    Raises ToolFailed for what only colour has.
    """
    if method in COLOURED:
        raise ToolFailed("a grey picture has no colour")
    if method != "lab_l":
        np.copyto(target, source)
        return
    for band in row_bands(*source.shape):
        coloured = buffers.take("coloured", (*source[band.own].shape, 3), source.dtype)
        cv2.cvtColor(source[band.own], cv2.COLOR_GRAY2BGR, dst=coloured)
        _lab(LAB[method], coloured, target[band.own], full, buffers)


def _luminance(source: NDArray[Any], target: NDArray[Any], full: int, buffers: Buffers) -> None:
    cv2.cvtColor(source, cv2.COLOR_BGR2GRAY, dst=target)


def _plane(index: int, source: NDArray[Any], target: NDArray[Any], full: int, buffers: Buffers) -> None:
    cv2.extractChannel(source, index, dst=target)


def _weighted(
    shares: NDArray[np.float64], source: NDArray[Any], target: NDArray[Any], full: int, buffers: Buffers
) -> None:
    cv2.transform(source, shares, dst=target)


def _hsv(index: int, source: NDArray[Any], target: NDArray[Any], full: int, buffers: Buffers) -> None:
    # Degrees to levels: a whole turn is one level more than full scale, and 360 is 0 again.
    factor = (full + 1) / 360 if index == 0 else full
    for band in row_bands(*target.shape):
        colours = buffers.take("light", source[band.own].shape, np.float32)
        np.multiply(source[band.own], np.float32(1 / full), out=colours, dtype=np.float32)
        hsv = cv2.cvtColor(colours, cv2.COLOR_BGR2HSV, dst=buffers.take("xyz", colours.shape, np.float32))
        values = buffers.take("values", target[band.own].shape, np.float32)
        np.multiply(hsv[:, :, index], np.float32(factor), out=values)
        if index == 0:
            # Rounded up to a whole turn, it is none.
            np.mod(np.rint(values, out=values), np.float32(full + 1), out=values)
        settle(values, target[band.own], full)


def _lab(index: int, source: NDArray[Any], target: NDArray[Any], full: int, buffers: Buffers) -> None:
    # L 0 to 100 over all levels; a and b about the middle, a 255th of full scale for each unit, as 8-bit Lab is usually stored.
    factor, middle = (full / 100, 0.0) if index == 0 else (full / 255, 128 * full / 255)
    for band in row_bands(*target.shape):
        lab = to_lab(np.ascontiguousarray(source[band.own]), full, buffers)
        values = buffers.take("values", target[band.own].shape, np.float32)
        np.multiply(lab[:, :, index], np.float32(factor), out=values)
        np.add(values, np.float32(middle), out=values)
        settle(values, target[band.own], full)
