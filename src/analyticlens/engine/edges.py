"""The edge picture: how steep the grey values are at each pixel."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers


def edge_picture(grey: NDArray[Any], full: int, buffers: Buffers) -> NDArray[Any]:
    """Return the gradient magnitude (h, w) in the dtype of grey, at most full scale: a sharp step of n grey levels has n on both sides.

    The border is continued by its own pixels, so that the picture's rim is no edge.
    """
    across, down, size = (buffers.take(name, grey.shape, np.float32) for name in ("across", "down", "steepness"))
    cv2.Sobel(grey, cv2.CV_32F, 1, 0, dst=across, ksize=3, scale=0.25, borderType=cv2.BORDER_REPLICATE)
    cv2.Sobel(grey, cv2.CV_32F, 0, 1, dst=down, ksize=3, scale=0.25, borderType=cv2.BORDER_REPLICATE)
    cv2.magnitude(across, down, magnitude=size)
    np.rint(size, out=size)
    np.minimum(size, np.float32(full), out=size)
    out = buffers.take("edge", grey.shape, grey.dtype)
    np.copyto(out, size, casting="unsafe")
    return out
