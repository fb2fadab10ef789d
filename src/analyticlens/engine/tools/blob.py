"""blob: connected regions between two grey levels, or outside them, counted, split, gated and measured."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.blobs.components import Blobs, MaskMemory, components, mask_memory
from analyticlens.engine.blobs.drawn import Outliner
from analyticlens.engine.blobs.runs import holes_of, spread
from analyticlens.engine.blobs.small import light_table
from analyticlens.engine.blobs.split import split
from analyticlens.engine.blobs.table import Table
from analyticlens.engine.edges import edge_picture
from analyticlens.engine.entities import FoundPoint
from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.levels import check_depth, cut, parted
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.tools.blur import blur_ms, smoother
from analyticlens.engine.tools.morphology import opener
from analyticlens.protocol.tools import BlobParams, BlobTool
from analyticlens.protocol.tools.blob import BY_GREY, EXTREMES, LISTS, OF_EACH, BlobGate

NAMES = tuple(feature.name for feature in OF_EACH)
GREYS = ("mean_grey", "min_grey", "max_grey", "std_grey")
# What can be gated before anything is weighed or followed, cheapest first.
CHEAP = (*("left", "top", "width", "height", "touches_border", "hole_count", "hole_area"), *GREYS)
OUTLINED = frozenset({"perimeter", "circularity"})
HULLED = frozenset({"convexity", "length", "breadth", "box_angle_deg", "rectangularity"})
# More runs than these, which only noise has, cannot be filled in a tool's time.
MOST_RUNS = 250_000
# Specks of a pixel: a picture of 12 megapixels full of them is still counted, unless nearly every second pixel is one.
MOST_BLOBS = 2_000_000
# What touching parts may have in pixels to be split in a tool's time, and in the time that weighing leaves.
MOST_SPLIT, MOST_SPLIT_WEIGHED = 300_000, 60_000
# Outlines are traced on the mask where it has at most so many times the blobs' own runs.
LITTLE_ELSE = 2


class Wanted(NamedTuple):
    """What a recipe asks of the blobs: `of_each` by name in the order pages show it, `extremes`, and `lists` of formulas."""

    of_each: tuple[str, ...]
    extremes: tuple[str, ...]
    lists: tuple[str, ...]


def prepare(tool: BlobTool, kit: Kit) -> Run:
    """Return the function that finds and measures blobs; places are in image coordinates.

    Raises CannotBuild where grey values cannot be weighed, or where a measure that only weighing gives is asked without it.
    """
    params = tool.params
    wanted = _wanted(tool, kit)
    _check(params, {*wanted.of_each, *(gate.feature for gate in params.gates), params.sort_by})
    smooth = smoother(params.pre_blur, params.pre_blur_ksize, params.pre_blur_sigma) if params.pre_blur else None
    tidy = opener(params.morph_open, params.morph_close, params.morph_kernel, "ellipse")
    if params.subpixel:
        # Worked out once, and not in the first frame's time.
        light_table()
    set_levels = ([] if params.use_otsu else [params.th_min]) + ([params.th_max] if params.use_range_threshold else [])
    outliner = Outliner(params.contour_chain, params.approx_epsilon_ratio, params.polygon_max_points)

    def run(scene: Scene) -> Found:
        grey = scene.grey()
        check_depth(scene.picture.depth, set_levels)
        if params.picture == "edge":
            grey = edge_picture(grey, scene.full, scene.buffers)
        if smooth is not None:
            grey = smooth(grey, scene.buffers.take("smooth", grey.shape, grey.dtype), lambda: scene.late)
        memory = _bright(grey, params, scene)
        tidy(memory.mask)
        if scene.window.mask is not None:
            cv2.bitwise_and(memory.mask, scene.window.mask, dst=memory.mask)
        blobs, alone = _blobs(memory, params, scene)
        table = _gated(Table(blobs, memory, scene, params.subpixel, alone), params)
        return _reported(table, params, wanted, scene, outliner)

    return run


def _wanted(tool: BlobTool, kit: Kit) -> Wanted:
    """Return what limits, the tool itself and the tools that compute with its measures ask for."""
    named = kit.named(tool)
    extremes = tuple(name for name in EXTREMES if name in named or EXTREMES[name][1] in tool.params.measure)
    each = named | set(tool.params.measure) | {LISTS[name] for name in named & LISTS.keys() - {"blob_areas"}}
    if tool.params.sort_by != "position":
        each.add(tool.params.sort_by)
    return Wanted(
        tuple(name for name in NAMES if name in each), extremes, tuple(name for name in LISTS if name in named)
    )


def _check(params: BlobParams, asked: set[str]) -> None:
    if params.subpixel and params.picture == "edge":
        raise CannotBuild("grey values are weighed on the grey picture, not on its edges")
    if (lost := sorted(asked & BY_GREY)) and not params.subpixel:
        raise CannotBuild(f"{lost[0]} is measured only where grey values are weighed")


def cost(tool: BlobTool, height: int, width: int) -> float:
    """Return the milliseconds that blobs can take on so many rows and columns.

    Three kinds of pictures take longest: white noise, of which nothing but areas and boxes is told; crowds that are just few enough to
    be filled and measured by their runs; and blobs just few enough for outlines, weighing and splitting.
    """
    params, million = tool.params, height * width / 1e6
    asked: set[str] = {*params.measure, *(gate.feature for gate in params.gates), params.sort_by}
    asked |= {limit.feature.split("_", 1)[-1] if limit.feature in EXTREMES else limit.feature for limit in tool.limits}
    measured = bool(asked & set(NAMES) - {"area", "x", "y"}) or params.exclude_border
    crowded = 5 * million + params.fill_holes * min(25 * million, 60) + measured * min(22 * million, 130)
    tame = 4 * million * (1 + params.fill_holes) + measured * min(25, 6 * million)
    if params.subpixel:
        tame += min(37, 25 * million) + min(100, 400 * million) + 25 * bool(asked & HULLED)
    elif asked & HULLED:
        tame += min(110, 600 * million)
    elif asked & OUTLINED:
        tame += min(95, 400 * million)
    if params.split:
        tame += 8 * million + min(22 if params.subpixel else 110, 370 * million)
    before = 2.5 * (params.morph_open + params.morph_close) * (params.morph_kernel / 3) ** 2
    before += 0.0 if params.pre_blur is None else blur_ms(params.pre_blur, params.pre_blur_ksize, 1) - 1
    before += 8.0 * (params.picture == "edge")
    return float(2 + max(16 * million, crowded, tame) + before * million)


def _bright(grey: NDArray[Any], params: BlobParams, scene: Scene) -> MaskMemory:
    """Return the mask (h, w) uint8 of what belongs to blobs by its level."""
    memory = mask_memory(scene.window.shape, scene.buffers)
    high = params.th_max if params.use_range_threshold else math.inf
    low: float | None = parted(grey, scene.window.mask) if params.use_otsu else params.th_min
    if low is None:
        # All alike: nothing is brighter than the rest, and nothing darker.
        memory.mask[:] = 0
        return memory
    if low > high:
        raise ToolFailed(f"Otsu's level {low:g} lies above the maximum level")
    mask = cut(grey, low, high, memory.mask)
    if params.polarity == "dark":
        cv2.bitwise_not(mask, dst=mask)
    if scene.window.mask is not None:
        # Also before opening and closing: what lies outside the region must neither bridge nor break what lies in it.
        cv2.bitwise_and(mask, scene.window.mask, dst=mask)
    return memory


def _blobs(memory: MaskMemory, params: BlobParams, scene: Scene) -> tuple[Blobs, bool]:
    """Return the blobs of a mask by their pixels, holes filled and touching parts split where asked, and whether the mask holds little
    else than them as they are."""
    corners = params.connectivity == "8"
    blobs = components(memory, corners, scene.buffers)
    if not blobs.total:
        return blobs, True
    if blobs.total > MOST_BLOBS:
        raise ToolFailed(f"{blobs.total} blobs of noise are too many to measure in a tool's time", "too_costly")
    if params.fill_holes and _filled(blobs, memory, scene):
        blobs = components(memory, corners, scene.buffers)
    before = blobs
    if params.area_min > 1:
        blobs = _sized(blobs, params.area_min, math.inf)
    if params.split and blobs.total:
        most = MOST_SPLIT_WEIGHED if params.subpixel else MOST_SPLIT
        blobs = split(blobs, memory, params.split_neck, most, scene.buffers)
        blobs = _sized(blobs, params.area_min, math.inf)
    if params.area_max < memory.mask.size:
        blobs = _sized(blobs, 0, params.area_max)
    apart = before.picture is not None or params.split
    return blobs, not apart and len(before.labels) <= LITTLE_ELSE * len(blobs.labels)


def _filled(blobs: Blobs, memory: MaskMemory, scene: Scene) -> bool:
    """Fill the holes of blobs in their mask and tell whether there were any."""
    if blobs.most_runs > MOST_RUNS:
        raise ToolFailed(f"{blobs.total} blobs of noise are too many to fill in a tool's time", "too_costly")
    gaps, _ = holes_of(blobs.runs, memory.mask.shape[0], blobs.corners)
    if not len(gaps.starts):
        return False
    before = scene.buffers.take("before filling", memory.mask.shape, np.uint8)
    np.copyto(before, memory.mask)
    memory.flat[1 + spread(gaps.starts, gaps.lengths)] = 255
    if scene.window.mask is not None:
        cv2.bitwise_and(memory.mask, scene.window.mask, dst=memory.mask)
    cv2.subtract(memory.mask, before, dst=before)
    memory.filled.append(before)
    return True


def _sized(blobs: Blobs, least: float, most: float) -> Blobs:
    """Return the blobs whose pixel count is least to most, both inclusive."""
    if not blobs.total:
        return blobs
    pixels = blobs.areas()
    return blobs.kept((pixels >= least) & (pixels <= most))


def _gated(table: Table, params: BlobParams) -> Table:
    """Return the blobs that pass every gate."""
    if params.exclude_border and table.blobs.total:
        table = table.kept(table["touches_border"] == 0)
    for gate in sorted(params.gates, key=_dear):
        if table.blobs.total:
            table = table.kept(_passes(table[gate.feature], gate))
    return table


def _dear(gate: BlobGate) -> int:
    return CHEAP.index(gate.feature) if gate.feature in CHEAP else len(CHEAP)


def _passes(values: NDArray[Any], gate: BlobGate) -> NDArray[np.bool_]:
    passes = np.ones(len(values), np.bool_)
    if gate.min is not None:
        passes &= values >= gate.min
    if gate.max is not None:
        passes &= values <= gate.max
    return passes


def _first(table: Table, params: BlobParams) -> Table:
    """Return the first `max_blobs` blobs in the order asked for; of equals the upper one is first."""
    heights = table.blobs.heights()
    if params.sort_by != "position":
        values = table[params.sort_by]
        keys = -values if params.sort_order == "descending" else values
        return table.ranked(np.lexsort((heights, keys))[: params.max_blobs])
    if table.blobs.total <= params.max_blobs and bool((heights[1:] > heights[:-1]).all()):
        return table
    return table.ranked(table.blobs.uppermost(params.max_blobs))


def _reported(table: Table, params: BlobParams, wanted: Wanted, scene: Scene, outliner: Outliner) -> Found:
    """Return the features, outlines and lists of the blobs that passed, listed up to `max_blobs` and counted beyond."""
    count = table.blobs.total
    features = {"blob_count": float(count), "total_area": 0.0, "roi_area": float(scene.window.area)}
    details: dict[str, Any] = {"image_modified": False, "roi_area": scene.window.area, "blobs": []}
    if not count:
        features["truncated"] = 0.0
        return Found(features, [], details, {name: np.zeros(0) for name in ("blob_areas", *wanted.lists)})
    areas = table["area"]
    total = float(areas.sum())
    features |= {"total_area": total, "largest_area": float(areas.max()), "smallest_area": float(areas.min())}
    features["mean_area"] = total / count
    features |= {name: _extreme(table, *EXTREMES[name]) for name in wanted.extremes}
    lists = {name: table[LISTS[name]] for name in ("blob_areas", *wanted.lists)}
    first = _first(table, params)
    beyond = count - first.blobs.total
    features["truncated"] = float(beyond)
    features |= {name: float(first[name][0]) for name in wanted.of_each}
    blobs = details["blobs"] = _listed(first, wanted.of_each)
    shapes = outliner.draw(first.blobs, blobs, (scene.window.x0, scene.window.y0), table.mask)
    if beyond:
        details["truncated"] = beyond
    place = FoundPoint(float(first["x"][0]), float(first["y"][0]), _sigma(first, params))
    return Found(features, shapes, details, lists, entity=place)


def _sigma(table: Table, params: BlobParams) -> float:
    return float(table["position_sigma"][0]) if params.subpixel else math.nan


def _extreme(table: Table, end: str, name: str) -> float:
    return float(table[name].min() if end == "smallest" else table[name].max())


def _listed(table: Table, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return area, rounded centroid [x, y] and bounding box [x, y, w, h] of each blob, and its measures asked for."""
    centres = np.rint(np.array((table["x"], table["y"])).T).astype(int).tolist()
    boxes = np.array([table[name] for name in ("left", "top", "width", "height")]).T.astype(int).tolist()
    listed = [
        {"area": area, "centroid": centre, "bounding_box": box, "contour": [], "contours": []}
        for area, centre, box in zip(table["area"].tolist(), centres, boxes, strict=True)
    ]
    for name in names:
        for blob, value in zip(listed, table[name].tolist(), strict=True):
            blob[name] = value
    return listed
