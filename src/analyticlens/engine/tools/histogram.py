"""histogram: how the grey levels of a region are distributed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import check_depth, histogram, percentiles
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import PERCENTILES, HistogramTool


def prepare(tool: HistogramTool, kit: Kit) -> Run:
    """Return the function that measures a region's histogram, each level of the picture's own depth by itself."""
    params = tool.params
    set_levels = [level for level in (params.low, params.high) if level is not None]

    def run(scene: Scene) -> Found:
        grey, window = scene.grey(), scene.window
        check_depth(scene.picture.depth, set_levels)
        counts = histogram(grey, window.mask, scene.full)
        first = math.ceil(params.low or 0)
        levels = percentiles(counts, list(PERCENTILES.values()))
        past = len(counts) if params.high is None else math.floor(params.high) + 1
        features = {
            **_moments(counts, window.area),
            **{name: float(level) for name, level in zip(PERCENTILES, levels, strict=True)},
            "mode": float(np.argmax(counts)),
            "entropy": _entropy(counts, window.area),
            "level_count": float(np.count_nonzero(counts)),
            "share_between": float(counts[first:past].sum()) / window.area,
            "share_black": float(counts[0]) / window.area,
            "share_white": float(counts[-1]) / window.area,
            "area": float(window.area),
        }
        low, high = features["p5"], features["p95"]
        if high + low > 0:
            features["contrast"] = (high - low) / (high + low)
        return Found(features, details={"image_modified": False, "roi_area": window.area})

    return run


def cost(tool: HistogramTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on so many rows and columns of 16 bits."""
    return 5 + 4.5 * height * width / 1e6


def _moments(counts: NDArray[np.float64], total: int) -> dict[str, float]:
    """Return mean and standard deviation, and the skewness of what is not all one level."""
    used = np.flatnonzero(counts)
    weights = counts[used] / total
    mean = float(weights @ used)
    away = used - mean
    variance = float(weights @ away**2)
    moments = {"mean": mean, "std": math.sqrt(variance)}
    if len(used) > 1:
        moments["skewness"] = float(weights @ away**3) / math.sqrt(variance) ** 3
    return moments


def _entropy(counts: NDArray[np.float64], total: int) -> float:
    """Return Shannon's entropy of the levels in bits: 0 for one level, 8 for 256 equally common ones."""
    shares = counts[counts > 0] / total
    return max(0.0, -float(shares @ np.log2(shares)))
