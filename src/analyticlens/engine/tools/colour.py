"""colour: the mean colour of a region in CIELAB, the nearest of the taught colours, and how much of the region is near one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.bands import row_bands
from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.lab import ciede2000, to_lab
from analyticlens.engine.levels import depth_of
from analyticlens.engine.regions import AreaRegion, Window, whole, window
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import ColourTool, TaughtColour

# Each temporary of the formula is then 64 KiB: all of them stay in the cache.
BAND_PIXELS = 1 << 14
# Milliseconds a million pixels: into Lab twice, and the formula once.
MS_LAB, MS_DIFFERENCE = 2 * 16.0, 80.0


def prepare(tool: ColourTool, kit: Kit) -> Run:
    """Return the function that measures a region's colour against the taught ones, in single precision, each pixel by itself."""
    params = tool.params
    taught = np.array([(colour.l, colour.a, colour.b) for colour in params.colours], np.float64).reshape(-1, 3)

    def run(scene: Scene) -> Found:
        if scene.picture.is_grey:
            raise ToolFailed("a grey picture has no colour")
        part = scene.window.of(scene.picture.data)
        step = params.step if _meets(scene.window, params.step) else 1
        mean, spread, count = _mean(part, scene.window, step, scene.full, scene.buffers)
        features = _place(mean, spread) | {"area": float(scene.window.area)}
        if not len(taught):
            return Found(features)
        features |= _nearest(mean, taught, params.expected)
        wanted = taught[(params.expected or int(features["nearest"])) - 1]
        near = _near(part, scene.window, step, scene.full, scene.buffers, wanted, params.tolerance)
        return Found(features | {"share": near / count})

    return run


def cost(tool: ColourTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, of so many rows and columns."""
    pixels = math.ceil(height / tool.params.step) * math.ceil(width / tool.params.step)
    return 1 + pixels / 1e6 * (MS_LAB + (MS_DIFFERENCE if tool.params.colours else 0))


def teach_colour(
    frame: NDArray[Any], region: AreaRegion | None = None, *, name: str = "colour", bits: int | None = None
) -> TaughtColour:
    """Return the mean colour of a region (None: of all) of a good picture (H, W, 3) blue, green, red, uint8 or uint16 of so many `bits`.

    Raises ValueError where the picture is grey or the region does not lie wholly inside it.
    """
    if frame.ndim != 3:
        raise ValueError("a grey picture has no colour")
    height, width = frame.shape[:2]
    buffers = Buffers()
    area = whole(height, width) if region is None else window(region, height, width, buffers, "taught")
    if area is None or not area.area:
        raise ValueError("the region does not lie inside the picture")
    mean, _, _ = _mean(area.of(frame), area, 1, depth_of(frame.dtype, bits).full, buffers)
    lightness, a, b = mean.tolist()
    return TaughtColour(name=name, l=min(max(lightness, 0), 100), a=a, b=b)


def _meets(area: Window, step: int) -> bool:
    """Tell whether stepping over rows and columns meets any pixel of the region."""
    return area.mask is None or bool(area.mask[::step, ::step].any())


def _pixels(part: NDArray[Any], area: Window, step: int, full: int, buffers: Buffers) -> Iterator[NDArray[np.float32]]:
    """Yield L, a, b (3, n) of the region's pixels, band by band."""
    coarse = part[::step, ::step]
    mask = None if area.mask is None else area.mask[::step, ::step]
    for band in row_bands(coarse.shape[0], coarse.shape[1], pixels=BAND_PIXELS):
        lab = to_lab(np.ascontiguousarray(coarse[band.own]), full, buffers)
        chosen = lab.reshape(-1, 3) if mask is None else lab[mask[band.own] > 0]
        if len(chosen):
            planes = buffers.take("planes", (3, len(chosen)), np.float32)
            np.copyto(planes, chosen.T)
            yield planes


def _mean(
    part: NDArray[Any], area: Window, step: int, full: int, buffers: Buffers
) -> tuple[NDArray[np.float64], float, int]:
    """Return the mean L, a, b, the root mean square distance from it, and the number of pixels."""
    total, squares, count = np.zeros(3), np.zeros(3), 0
    for planes in _pixels(part, area, step, full, buffers):
        total += planes.sum(axis=1, dtype=np.float64)
        squares += np.einsum("ij,ij->i", planes, planes, dtype=np.float64)
        count += planes.shape[1]
    mean = total / count
    return mean, math.sqrt(max(0.0, float((squares / count - mean**2).sum()))), count


def _place(mean: NDArray[np.float64], spread: float) -> dict[str, float]:
    lightness, a, b = mean.tolist()
    place = {"l": lightness, "a": a, "b": b, "chroma": math.hypot(a, b), "spread": spread}
    # A neutral colour has no hue: half a unit is what 8-bit rounding makes of one.
    return place | ({"hue_deg": math.degrees(math.atan2(b, a)) % 360} if place["chroma"] >= 0.5 else {})


def _nearest(mean: NDArray[np.float64], taught: NDArray[np.float64], expected: int) -> dict[str, float]:
    """Return which taught colour is nearest, how far it is, and how much farther the next one; the first of equals."""
    differences = ciede2000(mean[:, None], taught.T)
    order = np.argsort(differences, kind="stable")
    features = {"nearest": float(order[0] + 1), "delta_e": float(differences[order[0]])}
    if len(order) > 1:
        features["margin"] = float(differences[order[1]] - differences[order[0]])
    if expected:
        features["delta_e_expected"] = float(differences[expected - 1])
    return features


def _near(
    part: NDArray[Any],
    area: Window,
    step: int,
    full: int,
    buffers: Buffers,
    wanted: NDArray[np.float64],
    tolerance: float,
) -> int:
    """Return how many of the pixels lie within the tolerance of a colour."""
    colour = wanted.astype(np.float32)[:, None]
    planes = _pixels(part, area, step, full, buffers)
    return sum(int(np.count_nonzero(ciede2000(plane, colour) <= tolerance)) for plane in planes)
