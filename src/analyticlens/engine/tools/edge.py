"""edge: how much of a region is edge, and the contours its edges make.

Canny's edges (J. Canny, "A Computational Approach to Edge Detection", IEEE PAMI 8(6), 1986), or all pixels that are steep enough. Slopes
are taken in single precision, so that 16-bit pictures lose nothing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.build import built
from analyticlens.engine.contours import (
    CONTINUED_MS,
    FLATTEST,
    Contours,
    Slopes,
    continued,
    contours,
    noise_slope,
    slopes,
    thin_edges,
)
from analyticlens.engine.errors import ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import check_depth
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.tools.blur import blur_ms
from analyticlens.protocol.overlay import OverlayShape
from analyticlens.protocol.regions import Polygon
from analyticlens.protocol.tools import EdgeParams, EdgeTool

# So many contours are drawn, the longest ones, each with so many points at most.
DRAWN, POINTS = 16, 200
# So many pixels of Canny's lines can be followed in a tool's time: a third of 2 megapixels.
MOST_EDGES = 700_000


def prepare(tool: EdgeTool, kit: Kit) -> Run:
    """Return the function that measures edges and contours; where there are none, the counts and lengths are 0."""
    params = tool.params

    def run(scene: Scene) -> Found:
        window = scene.window
        grey = continued(scene.grey(), window.mask, params.ksize // 2 + 1, scene.buffers)
        if params.threshold_mode == "fixed":
            check_depth(scene.picture.depth, [params.high])
        found = slopes(grey, params.ksize, params.sigma, scene.buffers)
        low, high = _levels(params, found, window.mask)
        edges = _edges(params, found, low, high, scene)
        if params.method == "canny" and cv2.countNonZero(edges) > MOST_EDGES:
            raise ToolFailed("so many pixels are edge that there is no time to follow them", "too_costly")
        lines = contours(edges, params.method == "canny", scene.buffers)
        features = _measured(lines, found.size, params.min_length, window.area)
        shapes = _drawn(lines, params.min_length, (window.x0, window.y0))
        return Found(features | {"level": high, "area": float(window.area)}, shapes, {"roi_area": window.area})

    return run


def cost(tool: EdgeTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, on so many rows and columns."""
    pixels = height * width / 1e6
    # A region may be curved, or be turned by a datum.
    more = CONTINUED_MS if tool.region is not None else 0.0
    return 4 + (75 + more) * pixels + blur_ms("gaussian", tool.params.ksize, pixels)


def _levels(params: EdgeParams, found: Slopes, mask: NDArray[np.uint8] | None) -> tuple[float, float]:
    """Return the slopes an edge goes on down to, and must reach."""
    if params.threshold_mode == "fixed":
        return params.low, params.high
    high = max(params.adaptive_k * noise_slope(found.size, mask), FLATTEST)
    return high / 2, high


def _edges(params: EdgeParams, found: Slopes, low: float, high: float, scene: Scene) -> NDArray[np.uint8]:
    """Return the edges of the region (h, w), 255 or 0."""
    if params.method == "canny":
        edges = thin_edges(found, low, high, scene.buffers)
    else:
        edges = scene.buffers.take("edges", found.size.shape, np.uint8)
        # A flat region is no edge even where no slope at all is asked for.
        least = max(high, float(np.finfo(np.float32).tiny))
        np.multiply(found.size >= np.float32(least), np.uint8(255), out=edges)
    if scene.window.mask is not None:
        cv2.bitwise_and(edges, scene.window.mask, dst=edges)
    return edges


def _measured(lines: Contours, size: NDArray[np.float32], least: float, area: int) -> dict[str, float]:
    """Return the measures of the contours that are long enough."""
    counted = lines.lengths >= least
    pixels = lines.pixels[counted[lines.owners]]
    lengths = lines.lengths[counted]
    features = {
        "edge_density": len(pixels) / area,
        "edge_pixels": float(len(pixels)),
        "contour_count": float(len(lengths)),
        "longest_contour": float(lengths.max(initial=0)),
        "total_length": float(lengths.sum()),
    }
    if len(pixels):
        strength = size.ravel()[pixels]
        features["mean_strength"] = float(strength.mean(dtype=np.float64))
        features["max_strength"] = float(strength.max())
    return features


def _drawn(lines: Contours, least: float, origin: tuple[int, int]) -> list[OverlayShape]:
    """Return the longest contours as closed outlines, in image coordinates."""
    order = np.argsort(-lines.lengths, kind="stable")[:DRAWN]
    shapes: list[OverlayShape] = []
    for number in order[lines.lengths[order] >= least].tolist():
        x, y, w, h = lines.boxes[number].tolist()
        own = (lines.labels[y : y + h, x : x + w] == number + 1).astype(np.uint8)
        outlines, _ = cv2.findContours(
            own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(origin[0] + x, origin[1] + y)
        )
        points = cv2.approxPolyDP(outlines[0], 0.75, True).reshape(-1, 2)
        if len(points) > POINTS:
            points = points[np.linspace(0, len(points) - 1, POINTS).astype(int)]
        shapes.append(built(Polygon, shape="polygon", points=tuple(map(tuple, points.astype(float).tolist()))))
    return shapes
