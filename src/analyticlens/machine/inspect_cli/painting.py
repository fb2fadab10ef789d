"""Overlays painted on a picture, for people: where each tool looked, what it found, and what it said.

A small picture is enlarged, so that its labels can be read. Shapes keep their places between pixels. A verdict is never told by
its colour alone: it stands in words above the picture and on each region's label.
"""

from __future__ import annotations

import math
import os
import unicodedata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine import Inspection
from analyticlens.machine.recipe_files import Unusable
from analyticlens.protocol.overlay import Cross, Overlay, OverlayShape
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Point, Polygon, Rect, Ring
from analyticlens.protocol.words import Verdict

Canvas = NDArray[np.uint8]
Line = tuple[NDArray[np.float64], bool]

# Blue, green, red.
COLOURS: dict[Verdict | None, tuple[int, int, int]] = {
    "ok": (80, 200, 60),
    "nok": (60, 60, 235),
    "undecided": (40, 180, 240),
    "error": (210, 70, 210),
    None: (215, 195, 120),
}
TAUGHT = (150, 150, 150)
FOUND = (255, 235, 60)
DARK = (25, 25, 25)
LIGHT = (245, 245, 245)
FONT = cv2.FONT_HERSHEY_SIMPLEX
SIZE = 0.45
ROW = 18
# A picture narrower than this is enlarged by a whole number.
WIDE_ENOUGH = 640
LARGEST_SCALE = 8
# Fractions of a pixel in OpenCV's drawing.
SHIFT = 4
MOST_TOOLS = 12
# The contact sheet: how wide each picture of it is, and how many stand side by side.
SMALL = 320
# A picture that is much higher than wide is squeezed there.
HIGHEST = 960
ACROSS = 4


def painted(frame: NDArray[Any], found: Inspection) -> Canvas:
    """Return a picture (H, W) or (H, W, 3) of uint8 or uint16 with an inspection's overlay, in blue, green, red."""
    scale = min(LARGEST_SCALE, max(1, math.ceil(WIDE_ENOUGH / frame.shape[1])))
    canvas = np.repeat(np.repeat(_as_colour(frame), scale, axis=0), scale, axis=1)
    for overlay in sorted(found.overlay, key=lambda shape: ("taught", "region", "found").index(shape.role)):
        _draw(canvas, overlay, scale)
    _label(canvas, found, scale)
    return np.vstack([_banner(found, canvas.shape[1]), canvas])


def _as_colour(frame: NDArray[Any]) -> Canvas:
    """Return the frame in 8 bits and three channels; 16-bit levels are stretched to what is there, or all would be black."""
    if frame.dtype == np.uint16:
        brightest = max(int(frame.max()), 1)
        frame = (frame.astype(np.float32) * (255 / brightest)).astype(np.uint8)
    return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR).astype(np.uint8) if frame.ndim == 2 else frame.copy()


def _draw(canvas: Canvas, overlay: Overlay, scale: int) -> None:
    """Draw one shape, with a dark line under it so that it is seen on light and dark alike."""
    colour = {"taught": TAUGHT, "found": FOUND}.get(overlay.role, COLOURS[overlay.verdict])
    for points, closed in outlines(overlay.shape):
        places = [_places(points, scale)]
        for width, shade in ((3, DARK), (1, colour)):
            cv2.polylines(canvas, places, closed, shade, width, cv2.LINE_AA, SHIFT)


def _places(points: NDArray[np.float64], scale: int) -> NDArray[np.int32]:
    """Return points of the picture as OpenCV's places on the enlarged one."""
    enlarged = (points + 0.5) * scale - 0.5
    # Far outside is as good as farther: the drawing's whole numbers end somewhere.
    return np.rint(np.clip(enlarged, -1e5, 1e5) * (1 << SHIFT)).astype(np.int32)


def outlines(shape: OverlayShape) -> list[Line]:
    """Return a shape as lines: points (n, 2) as x, y in image coordinates, and whether the last joins the first."""
    match shape:
        case Rect():
            middle = (shape.x + (shape.w - 1) / 2, shape.y + (shape.h - 1) / 2)
            corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (shape.w / 2, shape.h / 2)
            return [(_turned(corners, shape.angle) + middle, True)]
        case Circle():
            return [(_arc(shape.cx, shape.cy, shape.r, shape.r), True)]
        case Ellipse():
            centre = np.array([shape.cx, shape.cy])
            return [(_turned(_arc(0, 0, shape.rx, shape.ry), shape.angle) + centre, True)]
        case Ring():
            return _ring(shape)
        case Arrow():
            return _arrow(shape)
        case Polygon():
            return [(np.array(shape.points, np.float64), True)]
        case Cross():
            return _cross(shape)


def _arc(cx: float, cy: float, rx: float, ry: float, start: float = 0, sweep: float = 360) -> NDArray[np.float64]:
    """Return points along an arc, dense enough for the eye."""
    count = int(np.clip(max(rx, ry) * abs(sweep) / 90, 12, 720))
    angle = np.radians(np.linspace(start, start + sweep, count + 1))
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def _turned(points: NDArray[np.float64], angle_deg: float) -> NDArray[np.float64]:
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    result: NDArray[np.float64] = points @ np.array([[c, s], [-s, c]])
    return result


def _ring(ring: Ring) -> list[Line]:
    outer = _arc(ring.cx, ring.cy, ring.outer, ring.outer, ring.start, ring.sweep)
    inner = _arc(ring.cx, ring.cy, ring.inner, ring.inner, ring.start, ring.sweep)
    if ring.sweep >= 360:
        return [(outer, True), (inner, True)]
    return [(np.concatenate([outer, inner[::-1]]), True)]


def _arrow(arrow: Arrow) -> list[Line]:
    """Return an arrow's shaft, its head, and the band it averages."""
    p0, p1 = _point(arrow.p0), _point(arrow.p1)
    along = (p1 - p0) / max(float(np.hypot(*(p1 - p0))), 1e-9)
    across = np.array([-along[1], along[0]])
    head = np.array([p1 - 8 * along + 4 * across, p1, p1 - 8 * along - 4 * across])
    lines: list[Line] = [(np.array([p0, p1]), False), (head, False)]
    if arrow.width > 2:
        side = across * arrow.width / 2
        lines.append((np.array([p0 - side, p1 - side, p1 + side, p0 + side]), True))
    return lines


def _cross(cross: Cross) -> list[Line]:
    """Return a cross, its longer arm along the direction of what was found."""
    arms = [np.array([(-6.0, 0.0), (10.0, 0.0)]), np.array([(0.0, -6.0), (0.0, 6.0)])]
    return [(_turned(arm, cross.angle_deg) + _point(cross.at), False) for arm in arms]


def _point(point: Point) -> NDArray[np.float64]:
    return np.array([point.x, point.y])


def _label(canvas: Canvas, found: Inspection, scale: int) -> None:
    """Write each tool's name and verdict beside its region, or beside the first thing it found, none over another."""
    taken: list[tuple[int, int, int, int]] = []
    for tool in found.tools:
        shapes = [shape for shape in found.overlay if shape.tool_id == tool.id and shape.role != "taught"]
        if not shapes:
            continue
        points = np.concatenate([_places(line, scale) for line, _ in outlines(shapes[0].shape)]) >> SHIFT
        x, y = points.min(axis=0).tolist()
        text = _plain(f"{tool.id} {tool.name}" + (f": {tool.verdict}" if tool.verdict else ""))
        width = cv2.getTextSize(text, FONT, SIZE, 1)[0][0] + 6
        box = _free(x, y - ROW, width, canvas.shape, taken)
        taken.append(box)
        _write(canvas, box, text, COLOURS[tool.verdict])


def _free(
    x: int, y: int, width: int, shape: tuple[int, ...], taken: list[tuple[int, int, int, int]]
) -> tuple[int, int, int, int]:
    """Return a box x, y, w, h for a label: inside the picture, and lower where another stands already."""
    x = int(np.clip(x, 0, max(shape[1] - width, 0)))
    y = int(np.clip(y, 0, max(shape[0] - ROW, 0)))
    while y + ROW <= shape[0] and any(
        x < a + w and a < x + width and y < b + h and b < y + ROW for a, b, w, h in taken
    ):
        y += ROW
    return x, min(y, max(shape[0] - ROW, 0)), width, ROW


def _write(canvas: Canvas, box: tuple[int, int, int, int], text: str, colour: tuple[int, int, int]) -> None:
    x, y, w, h = box
    cv2.rectangle(canvas, (x, y), (x + w - 1, y + h - 1), DARK, -1)
    cv2.putText(canvas, text, (x + 3, y + h - 5), FONT, SIZE, colour, 1, cv2.LINE_AA)


def _banner(found: Inspection, width: int) -> Canvas:
    """Return what stands above the picture: the verdict with its reason, then each tool that judges or has no place in it."""
    lines = [(f"{found.verdict.upper()}  {found.message}", COLOURS[found.verdict])]
    placed = {shape.tool_id for shape in found.overlay}
    lines += [
        (_said(tool), COLOURS[tool.verdict] if tool.verdict else LIGHT)
        for tool in found.tools
        if tool.verdict or (tool.features and tool.id not in placed)
    ][:MOST_TOOLS]
    banner = np.full((ROW * len(lines) + 6, width, 3), DARK, np.uint8)
    for row, (text, colour) in enumerate(lines):
        cv2.putText(banner, _plain(text), (6, ROW * row + 16), FONT, SIZE, colour, 1, cv2.LINE_AA)
    return banner


def _said(tool: ToolOutcome) -> str:
    """Return a tool's name, verdict and most telling measures: those with limits, or else its first."""
    judged = [limit.feature for limit in tool.limits if limit.feature in tool.features]
    names = judged or list(tool.features)[:2]
    measures = ", ".join(f"{name} {tool.features[name]:.5g}" for name in names[:4])
    return f"{tool.id} {tool.name}: {tool.verdict or '-'}  {measures}"


def _plain(text: str) -> str:
    """Return a text in the letters OpenCV can draw: accents are left out."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def reduced(canvas: Canvas) -> Canvas:
    """Return a painted picture as small as a contact sheet wants it."""
    height = min(HIGHEST, max(1, round(canvas.shape[0] * SMALL / canvas.shape[1])))
    return cv2.resize(canvas, (SMALL, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def sheet(pictures: list[tuple[str, Verdict, Canvas]]) -> Canvas:
    """Return small pictures of one width side by side, each row as high as its highest, each with its name and verdict below."""
    gap, rows = 6, []
    for first in range(0, len(pictures), ACROSS):
        row = pictures[first : first + ACROSS]
        height = max(canvas.shape[0] for *_, canvas in row)
        strip = np.full((height + ROW + gap, ACROSS * (SMALL + gap) - gap, 3), DARK, np.uint8)
        for place, (name, verdict, canvas) in enumerate(row):
            left = place * (SMALL + gap)
            strip[: canvas.shape[0], left : left + SMALL] = canvas
            said = f"{_plain(name)[:30]}: {verdict}"
            cv2.putText(strip, said, (left + 4, canvas.shape[0] + 14), FONT, SIZE, COLOURS[verdict], 1, cv2.LINE_AA)
        rows.append(strip)
    return np.vstack(rows)


def write_picture(path: Path, canvas: Canvas) -> None:
    """Write a picture in the format its name's ending says. Raises Unusable."""
    ending = path.suffix.lower()
    options = [cv2.IMWRITE_JPEG_QUALITY, 90] if ending in (".jpg", ".jpeg") else []
    try:
        done, content = cv2.imencode(ending, canvas, options)
    except cv2.error:
        done = False
    if not done:
        raise Unusable(f"{shown(path)}: no picture is written under such a name")
    try:
        # Not by OpenCV, which cannot open a name that is no UTF-8.
        path.write_bytes(content.tobytes())
    except OSError as error:
        raise Unusable(f"{shown(path)}: {error.strerror or error}") from None


def shown(path: Path) -> str:
    """Return a file's name for people; bytes that are no letters are told as such."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
