"""A camera: exact grey levels become the pixels of a frame, with uneven light, noise, few bits, and JPEG."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# What an exact level, given on the scale of 8 bits, is multiplied by.
GAIN = {8: 1.0, 12: 16.0, 16: 257.0}


def expose(
    image: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    snr: float | None = None,
    contrast: float = 120.0,
    bits: int = 8,
    shading: float = 0.0,
    jpeg: int | None = None,
) -> NDArray[Any]:
    """Return a frame (H, W) of exact levels (H, W) given on the scale 0 to 255.

    snr: `contrast` over the noise's standard deviation; None is without noise. bits: 8 gives uint8; 12 gives uint16 of 16 times
    the levels, at most 4095; 16 gives uint16 of 257 times the levels. shading: the light changes by so much to either side of the
    middle, along a direction drawn by rng (0.2 is +-20 %). jpeg: the quality of a JPEG in between (8 bits only).
    """
    light = image * _uneven(image.shape, shading, rng) if shading else image
    levels = light if snr is None else light + rng.normal(0, contrast / snr, image.shape)
    full = 2**bits - 1
    frame: NDArray[Any] = np.clip(np.rint(levels * GAIN[bits]), 0, full).astype(np.uint8 if bits == 8 else np.uint16)
    if jpeg is None:
        return frame
    _, packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, jpeg])
    decoded = cv2.imdecode(packed, cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    return decoded


def _uneven(shape: tuple[int, ...], shading: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a plane of factors from 1 - shading to 1 + shading over the picture's diagonal."""
    height, width = shape
    direction = rng.uniform(0, 2 * math.pi)
    y, x = np.mgrid[:height, :width]
    along = (x - (width - 1) / 2) * math.cos(direction) + (y - (height - 1) / 2) * math.sin(direction)
    plane: NDArray[np.float64] = 1 + shading * along / (math.hypot(height, width) / 2)
    return plane
