"""focus: how sharp a region is, whatever its brightness.

The mean square of the gradient (J. M. Tenenbaum, "Accommodation in computer vision", 1970; E. Krotkov, "Focusing", 1987) or the variance
of the Laplacian (J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000), divided by the square of the mean
grey value, so that twice the light gives the same sharpness.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.contours import CONTINUED_MS, continued
from analyticlens.engine.kit import Kit
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.tools.blur import blur_ms
from analyticlens.protocol.tools import FocusTool


def prepare(tool: FocusTool, kit: Kit) -> Run:
    """Return the function that measures sharpness in grey levels squared, and the same normalised by brightness."""
    params = tool.params
    raw_of = _tenengrad if params.method == "tenengrad" else _laplacian

    def run(scene: Scene) -> Found:
        window = scene.window
        grey = continued(scene.grey(), window.mask, params.ksize // 2 + 1, scene.buffers)
        exact = scene.buffers.take("exact", grey.shape, np.float32)
        np.copyto(exact, grey)
        if params.ksize > 1:
            smooth = scene.buffers.take("smooth", grey.shape, np.float32)
            side = (params.ksize, params.ksize)
            exact = cv2.GaussianBlur(exact, side, params.sigma, dst=smooth, borderType=cv2.BORDER_REPLICATE)
        mean = cv2.mean(grey, mask=window.mask)[0]
        raw = raw_of(exact, window.mask, scene.buffers)
        features = {"raw": raw, "mean": mean}
        if mean <= 0:
            return Found(features, status="not_found", reason="not_found", message="the region is black")
        return Found(features | {"sharpness": raw / mean**2}, details={"roi_area": window.area})

    return run


def cost(tool: FocusTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on so many rows and columns."""
    pixels = height * width / 1e6
    # A region may be curved, or be turned by a datum.
    more = CONTINUED_MS if tool.region is not None else 0.0
    return (7 + more) * pixels + blur_ms("gaussian", tool.params.ksize, pixels)


def _tenengrad(exact: NDArray[Any], mask: NDArray[Any] | None, buffers: Buffers) -> float:
    """Return the mean square of the gradient, in grey levels a pixel."""
    across, down = (buffers.take(name, exact.shape, np.float32) for name in ("across", "down"))
    cv2.Sobel(exact, cv2.CV_32F, 1, 0, dst=across, ksize=3, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    cv2.Sobel(exact, cv2.CV_32F, 0, 1, dst=down, ksize=3, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    cv2.multiply(across, across, dst=across)
    cv2.multiply(down, down, dst=down)
    return float(cv2.mean(cv2.add(across, down, dst=across), mask=mask)[0])


def _laplacian(exact: NDArray[Any], mask: NDArray[Any] | None, buffers: Buffers) -> float:
    """Return the variance of the Laplacian (four neighbours less four times the pixel)."""
    bent = buffers.take("across", exact.shape, np.float32)
    cv2.Laplacian(exact, cv2.CV_32F, dst=bent, ksize=1, borderType=cv2.BORDER_REPLICATE)
    _, spread = cv2.meanStdDev(bent, mask=mask)
    return float(spread[0, 0]) ** 2
