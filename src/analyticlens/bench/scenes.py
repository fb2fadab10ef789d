"""Drawn parts for the figures: eight discs over most of the picture, and a plate whose rims a locate tool finds."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.protocol.recipe import Recipe

SIZES = {"752x480": (752, 480), "1920x1080": (1920, 1080)}
LEVEL = 110
EDGE_LEAST = 15.0
# Where the plate's corner stands in the taught picture, and the line searches for its rims, as shares of the picture's sides.
CORNER = (0.15, 0.15)
REACH = 0.05


def frames(size: tuple[int, int], count: int, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Return pictures (H, W, 3) of one part, moved a little in each: plate 70 on 30, discs 180, blur, noise of 2 grey levels."""
    return [_frame(size, rng.integers(-8, 9, 2), rng) for _ in range(count)]


def _frame(size: tuple[int, int], shift: NDArray[Any], rng: np.random.Generator) -> NDArray[np.uint8]:
    grey = drawn(size, (int(shift[0]), int(shift[1])))
    colour = np.repeat(grey[:, :, None], 3, axis=2) + rng.normal(0, 2, (*grey.shape, 3))
    return np.clip(np.rint(colour), 0, 255).astype(np.uint8)


def drawn(size: tuple[int, int], shift: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the part (H, W), moved by columns and rows, blurred and without noise."""
    width, height = size
    grey = np.full((height, width), 30, np.uint8)
    left, top = int(CORNER[0] * width) + shift[0], int(CORNER[1] * height) + shift[1]
    right, bottom = int(0.95 * width), int(0.95 * height)
    grey[top:bottom, left:right] = 70
    radius = height // 16
    for row in (0.32, 0.8):
        for column in (0.25, 0.45, 0.65, 0.85):
            centre = (int(column * width) + shift[0], int(row * height) + shift[1])
            cv2.circle(grey, centre, radius, 180, -1)
    return cv2.GaussianBlur(grey, (5, 5), 1.0).astype(np.uint8)


def region(size: tuple[int, int]) -> dict[str, Any]:
    """Return the region of the blobs where they follow a datum: it holds all eight wherever the part moves."""
    width, height = size
    return {
        "shape": "rect",
        "x": int(0.17 * width),
        "y": int(0.2 * height),
        "w": int(0.76 * width),
        "h": int(0.7 * height),
    }


def arrows(size: tuple[int, int]) -> list[dict[str, Any]]:
    """Return the search lines across the plate's left and upper rim, 9 pixels wide."""
    (width, height), span = size, int(REACH * size[0])
    left, top = int(CORNER[0] * width), int(CORNER[1] * height)
    along_x = {"p0": {"x": left - span, "y": height // 2}, "p1": {"x": left + span, "y": height // 2}}
    along_y = {"p0": {"x": width // 2, "y": top - span}, "p1": {"x": width // 2, "y": top + span}}
    return [{"shape": "arrow", "width": 9, **ends} for ends in (along_x, along_y)]


def recipe(size: tuple[int, int], locates: int, math: bool) -> Recipe:
    """Return gray + so many locate tools + blob (+ math) for the drawn part."""
    tools: list[dict[str, Any]] = [{"id": 1, "name": "grey", "type": "grayscale"}]
    taught = [(int(CORNER[0] * size[0]), size[1] // 2, 0), (size[0] // 2, int(CORNER[1] * size[1]), 90)]
    for number in range(locates):
        x, y, angle = taught[number]
        params = {
            "threshold_mode": "fixed",
            "threshold": EDGE_LEAST / 2,
            "apply_transform": True,
            "polarity": "dark_to_light",
        }
        params["reference"] = {"x": x - 0.5 * (number == 0), "y": y - 0.5 * (number == 1), "angle_deg": angle}
        tools.append(
            {
                "id": 2 + number,
                "name": f"rim {number}",
                "type": "locate",
                "region": arrows(size)[number],
                "params": params,
            }
        )
    blob: dict[str, Any] = {"id": 8, "name": "discs", "type": "blob", "params": {"th_min": LEVEL, "area_min": 50}}
    blob["limits"] = [{"feature": "blob_count", "min": 8, "max": 8}]
    tools.append(blob | ({"region": region(size)} if locates else {}))
    if math:
        tools.append({"id": 9, "name": "share", "type": "math"})
    return Recipe.model_validate({"tools": tools})
