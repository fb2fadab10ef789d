"""How steep grey levels are along x and y: central differences."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.typed import floats


def slopes(picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the derivatives (h, w) of a picture across x and y, in grey levels a pixel; its rim is continued by its own pixels."""
    kernel, one = np.array([-0.5, 0, 0.5], np.float32), np.ones(1, np.float32)
    across = cv2.sepFilter2D(picture, cv2.CV_32F, kernel, one, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(picture, cv2.CV_32F, one, kernel, borderType=cv2.BORDER_REPLICATE)
    return floats(across), floats(down)
