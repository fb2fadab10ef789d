"""normalize: grey levels are brought to one scale, and how far they were changed is told."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import histogram, percentiles, settle
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import NormalizeParams, NormalizeTool


def prepare(tool: NormalizeTool, kit: Kit) -> Run:
    """Return the function that makes a window grey and brings its levels to the scale asked for.

    A region of one level has no contrast that could be scaled: it is not_found, and what looks at the picture afterwards is undecided.
    """
    params = tool.params

    def run(scene: Scene) -> Found:
        window, grey = scene.window, scene.grey()
        counts = histogram(grey, window.mask, scene.full)
        mean, std = _moments(counts)
        features = {"mean_before": mean, "std_before": std}
        if std == 0:
            message = "the region has one grey level only: there is no contrast to scale"
            return Found(features, status="not_found", reason="not_found", message=message)
        target = scene.picture.room(window, 1)
        if params.mode == "local":
            _local(grey, params, scene, target)
            ends = histogram(target, window.mask, scene.full)[[0, -1]]
            features["clipped"] = float(ends.sum()) / window.area
        else:
            low, gain, out = _line(counts, mean, std, params, scene.full)
            features["gain"] = gain
            features["clipped"] = _mapped(grey, counts, (low, gain, out), target)
        scene.picture.accept(window, target)
        return Found(features, details={"image_modified": True})

    return run


def cost(tool: NormalizeTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on so many rows and columns."""
    return 5 + (15 if tool.params.mode == "local" else 10) * height * width / 1e6


def _moments(counts: NDArray[np.float64]) -> tuple[float, float]:
    used = np.flatnonzero(counts)
    shares = counts[used] / counts.sum()
    mean = float(shares @ used)
    return mean, math.sqrt(float(shares @ (used - mean) ** 2))


def _line(
    counts: NDArray[np.float64], mean: float, std: float, params: NormalizeParams, full: int
) -> tuple[float, float, float]:
    """Return the level `low`, the gain and the level `out` of new = out + gain (old - low)."""
    if params.mode == "mean_std":
        return mean, min(params.std * full / std, params.max_gain), params.mean * full
    ends = (0.0, 100.0) if params.mode == "min_max" else (params.low_percent, params.high_percent)
    low, high = percentiles(counts, ends)
    # Between two percentiles there may be one level alone: then it is cut in two there.
    return float(low), full / max(high - low, 1), 0.0


def _mapped(
    grey: NDArray[Any], counts: NDArray[np.float64], line: tuple[float, float, float], target: NDArray[Any]
) -> float:
    """Fill target by a straight line through the levels; return the share of the region's pixels that are cut off at an end."""
    low, gain, out = line
    full = len(counts) - 1
    exact = np.rint(out + gain * (np.arange(full + 1) - low))
    table = np.clip(exact, 0, full).astype(grey.dtype)
    if grey.dtype == np.uint8:
        cv2.LUT(grey, table, dst=target)
    else:
        np.take(table, grey, out=target)
    return float(counts[(exact < 0) | (exact > full)].sum() / counts.sum())


def _local(grey: NDArray[Any], params: NormalizeParams, scene: Scene, target: NDArray[Any]) -> None:
    """Fill target: the mean of each pixel's surroundings taken away, divided by the root mean square of what is left about it.

    As in N. Pinto, D. D. Cox, J. J. DiCarlo, "Why is Real-World Visual Object Recognition Hard?", 2008.
    """
    full = scene.full
    side = (params.window, params.window)
    local, away = (scene.buffers.take(name, grey.shape, np.float32) for name in ("local", "above"))
    cv2.boxFilter(grey, cv2.CV_32F, side, dst=local, borderType=cv2.BORDER_REPLICATE)
    cv2.subtract(grey, local, dst=away, dtype=cv2.CV_32F)
    squared = cv2.multiply(away, away, dst=scene.buffers.take("smooth", grey.shape, np.float32))
    cv2.boxFilter(squared, cv2.CV_32F, side, dst=local, borderType=cv2.BORDER_REPLICATE)
    spread = cv2.sqrt(local, dst=local)
    np.maximum(spread, np.float32(params.std * full / params.max_gain), out=spread)
    cv2.divide(away, spread, dst=away, scale=params.std * full)
    settle(np.add(away, np.float32(params.mean * full), out=away), target, full)
