"""intensity: statistics of the grey values in a region, exact to the pixel."""

from __future__ import annotations

import math

import cv2

from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import histogram, percentiles, share_above
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import PERCENTILES, IntensityTool


def prepare(tool: IntensityTool, kit: Kit) -> Run:
    """Return the function that measures mean, standard deviation, darkest, brightest and area.

    Where asked also the bright share; percentiles and the uncertainty of the mean where asked or where a limit or formula names one.
    """
    level = tool.params.threshold
    more = {"mean_sigma", *PERCENTILES}
    finer = tool.params.percentiles or bool(more & kit.named(tool))

    def run(scene: Scene) -> Found:
        grey, window = scene.grey(), scene.window
        mean, std = cv2.meanStdDev(grey, mask=window.mask)
        low, high, _, _ = cv2.minMaxLoc(grey, window.mask)
        features = {
            # The sum is a whole number: divided once it is right to the last digit, and 255 is not above 255.
            "mean": round(float(mean[0, 0]) * window.area) / window.area,
            "std": float(std[0, 0]),
            "min": float(low),
            "max": float(high),
            "area": float(window.area),
        }
        if level is not None:
            features["share_above"] = share_above(grey, window, level, scene.picture.depth, scene.buffers)
        if finer:
            # The mean of n pixels, each with a noise of its own, spreads by a root of n less than they do.
            features["mean_sigma"] = features["std"] / math.sqrt(window.area)
            counts = histogram(grey, window.mask, scene.full)
            levels = percentiles(counts, list(PERCENTILES.values()))
            features |= {name: float(level) for name, level in zip(PERCENTILES, levels, strict=True)}
        return Found(features, details={"image_modified": False, "roi_area": window.area})

    return run


def cost(tool: IntensityTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on so many rows and columns of 16 bits, percentiles among what is asked."""
    return 1 + 3.0 * height * width / 1e6
