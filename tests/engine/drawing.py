"""Pictures with exactly known truth, and recipes in few words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine import Inspection, inspect, prepare
from analyticlens.protocol.recipe import Recipe

Picture = NDArray[Any]


def plain(height: int = 120, width: int = 160, level: int = 60, dtype: Any = np.uint8) -> Picture:
    """Return a picture (height, width) of one grey level."""
    return np.full((height, width), level, dtype)


def colour(grey: Picture) -> Picture:
    """Return a grey picture as three equal channels."""
    return np.repeat(grey[:, :, None], 3, axis=2)


def boxes(
    *places: tuple[int, int, int, int], low: int = 60, high: int = 180, shape: tuple[int, int] = (120, 160)
) -> Picture:
    """Return bright rectangles x, y, w, h on a dark picture: each has exactly w * h bright pixels."""
    picture = np.full(shape, low, np.uint8)
    for x, y, w, h in places:
        picture[y : y + h, x : x + w] = high
    return picture


def half_plane(
    at: tuple[float, float],
    angle_deg: float,
    *,
    shape: tuple[int, int] = (97, 97),
    blur: float = 1.0,
    levels: tuple[float, float] = (60, 180),
    noise: float = 0,
    rng: np.random.Generator | None = None,
) -> Picture:
    """Return an edge through a point whose normal, from dark to light, has a direction; its light rises as a Gaussian's integral."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    angle = math.radians(angle_deg)
    distance = (columns - at[0]) * math.cos(angle) + (rows - at[1]) * math.sin(angle)
    rise = np.vectorize(math.erf)(distance / blur / math.sqrt(2))
    picture = levels[0] + (levels[1] - levels[0]) * (1 + rise) / 2
    if rng is not None:
        picture = picture + rng.normal(0, noise, shape)
    rounded: Picture = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return rounded


def rect(x: float, y: float, w: float, h: float, angle: float = 0) -> dict[str, Any]:
    """Return a rectangle as a region."""
    return {"shape": "rect", "x": x, "y": y, "w": w, "h": h, "angle": angle}


def arrow(p0: tuple[float, float], p1: tuple[float, float], width: float = 1) -> dict[str, Any]:
    """Return an arrow as a region."""
    return {"shape": "arrow", "p0": {"x": p0[0], "y": p0[1]}, "p1": {"x": p1[0], "y": p1[1]}, "width": width}


def limit(feature: str, low: float | None = None, high: float | None = None, guard: float = 0) -> dict[str, Any]:
    """Return a limit."""
    return {"feature": feature, "min": low, "max": high, "guard": guard}


def recipe(*tools: dict[str, Any]) -> Recipe:
    """Return a recipe of tools numbered from 1 and named after their kinds unless they say otherwise."""
    named = [{"id": i, "name": f"{tool['type']} {i}"} | tool for i, tool in enumerate(tools, 1)]
    return Recipe.model_validate({"tools": named})


def look(picture: Picture, *tools: dict[str, Any]) -> Inspection:
    """Return what a picture is by these tools."""
    return inspect(picture, prepare(recipe(*tools)))


def measured(picture: Picture, *tools: dict[str, Any]) -> dict[str, float]:
    """Return the features of the last of these tools, which must have done its work."""
    outcome = look(picture, *tools).tools[-1]
    assert outcome.status == "ok", outcome
    return outcome.features
