"""Plates: drawn parts that move in x and y, some with a hole too few or too many, or a stain.

A vertical arrow finds the upper edge and a horizontal one the left edge; both offsets move the regions of the later tools. The second
arrow itself is moved by the first one's offset before it looks.

How sure the verdicts are, measured on 3,200 pictures: edges have a strength of 30 to 39 (10 is wanted) and are found within 0.07 px; a
hole has 594 to 635 pixels (250 to 1,200 count), a stain 168 to 649 (60 are enough), a clean plate none; the darkest pixel of a clean
plate is 167 (a stain begins at 150).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial

import cv2
import numpy as np

from analyticlens.demo.station import (
    SHIFT,
    DemoStation,
    Drawn,
    Picture,
    Truth,
    deal,
    fixed,
    jpeg,
    paint_box,
    paint_disc,
    rounded,
    through_a_camera,
)
from analyticlens.protocol.limits import Limit
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Arrow, Point, Rect
from analyticlens.protocol.tools import (
    BlobParams,
    BlobTool,
    GrayscaleTool,
    IntensityTool,
    LocateParams,
    LocateTool,
    Reference,
)

WIDTH, HEIGHT = 752, 480
# The plate where it was taught, and its holes as offsets from its upper left corner.
LEFT, TOP, PLATE_W, PLATE_H = 226, 140, 300, 200
HOLES = ((40, 40), (260, 40), (40, 160), (260, 160))
SPARE_PLACES = ((150, 40), (150, 160), (40, 100), (260, 100))
HOLE_R = 14
TABLE, PLATE, HOLE = 40, 185, 45
# How far the arrows reach: a plate within it is found and judged.
REACH_X, REACH_Y = 50, 40


def _down(x: float, top: float, bottom: float) -> Arrow:
    return Arrow(p0=Point(x=x, y=top), p1=Point(x=x, y=bottom), width=21)


def _right(y: float, left: float, right: float) -> Arrow:
    return Arrow(p0=Point(x=left, y=y), p1=Point(x=right, y=y), width=21)


def _edge(x: float, y: float, angle_deg: float) -> LocateParams:
    return LocateParams(
        threshold_mode="fixed",
        threshold=10,
        polarity="dark_to_light",
        edge_select="first",
        reference=Reference(x=x, y=y, angle_deg=angle_deg),
        apply_transform=True,
    )


RECIPE = Recipe(
    tools=(
        GrayscaleTool(id=1, name="Cinza"),
        LocateTool(id=2, name="Borda superior", region=_down(316, 60, 330), params=_edge(316, TOP - 0.5, 90)),
        LocateTool(id=3, name="Borda esquerda", region=_right(210, 120, 330), params=_edge(LEFT - 0.5, 210, 0)),
        BlobTool(
            id=4,
            name="Furos",
            region=Rect(x=LEFT + 10, y=TOP + 10, w=PLATE_W - 20, h=PLATE_H - 20),
            params=BlobParams(th_min=0, th_max=90, area_min=250, area_max=1200),
            limits=(Limit(feature="blob_count", min=len(HOLES), max=len(HOLES)),),
        ),
        BlobTool(
            id=5,
            name="Manchas",
            region=Rect(x=LEFT + 75, y=TOP + 65, w=PLATE_W - 150, h=PLATE_H - 130),
            params=BlobParams(th_min=0, th_max=150, area_min=60, morph_open=1, morph_kernel=3),
            limits=(Limit(feature="blob_count", max=0),),
        ),
        IntensityTool(
            id=6, name="Luz", judge=False, region=Rect(x=LEFT + 75, y=TOP + 65, w=PLATE_W - 150, h=PLATE_H - 130)
        ),
    )
)


@dataclass(frozen=True)
class Stain:
    """A dark ellipse; `at` is its centre from the plate's upper left corner."""

    at: tuple[float, float]
    radii: tuple[float, float]
    grey: int


@dataclass(frozen=True)
class Scene:
    """All that one picture is drawn from. `plate` is the plate's upper left corner; None draws an empty table."""

    noise_seed: int
    plate: tuple[float, float] | None = None
    holes: tuple[tuple[int, int], ...] = ()
    stain: Stain | None = None


def _holes(rng: np.random.Generator, kind: str) -> tuple[tuple[int, int], ...]:
    if kind == "hole_missing":
        kept = sorted(rng.permutation(len(HOLES))[int(rng.integers(1, 3)) :])
        return tuple(HOLES[i] for i in kept)
    if kind == "hole_extra":
        return (*HOLES, SPARE_PLACES[int(rng.integers(len(SPARE_PLACES)))])
    return HOLES


def _stain(rng: np.random.Generator) -> Stain:
    at = rounded(rng.uniform(95, 205)), rounded(rng.uniform(82, 118))
    radii = rounded(rng.uniform(7, 14)), rounded(rng.uniform(7, 14))
    return Stain(at, radii, int(rng.integers(105, 126)))


def _random(rng: np.random.Generator, kind: str) -> Scene:
    noise_seed = int(rng.integers(2**31))
    if kind == "no_plate":
        return Scene(noise_seed)
    dx, dy = rng.uniform(-REACH_X, REACH_X), rng.uniform(-REACH_Y, REACH_Y)
    if kind == "low":  # still found by the first arrow, but its lower part lies below the picture
        dy = rng.uniform(160, 175)
    plate = (rounded(LEFT + dx), rounded(TOP + dy))
    return Scene(noise_seed, plate, _holes(rng, kind), _stain(rng) if kind == "stain" else None)


def truth_of(kind: str, scene: Scene) -> Truth:
    """Return what the plate of a scene is: good with just its four holes and no stain, where it can be judged."""
    parameters = asdict(scene)
    if scene.plate is None:
        return Truth(kind, "undecided", parameters, "not_found")
    left, top = scene.plate
    if top + PLATE_H > HEIGHT:
        return Truth(kind, "undecided", parameters, "roi_outside")
    good = sorted(scene.holes) == sorted(HOLES) and scene.stain is None
    features = {
        "Borda superior": {"offset_x": 0.0, "offset_y": top - TOP},
        "Borda esquerda": {"offset_x": left - LEFT, "offset_y": 0.0},
        "Furos": {"blob_count": float(len(scene.holes))},
    }
    return Truth(kind, "ok" if good else "nok", parameters, None if good else "limit", features)


def _drawn(scene: Scene) -> Picture:
    picture = np.full((HEIGHT, WIDTH), TABLE, np.uint8)
    if scene.plate is None:
        return picture
    left, top = scene.plate
    paint_box(picture, left, top, PLATE_W, PLATE_H, PLATE)
    for hole_x, hole_y in scene.holes:
        paint_disc(picture, left + hole_x, top + hole_y, HOLE_R, HOLE)
    if scene.stain is not None:
        (x, y), (rx, ry) = scene.stain.at, scene.stain.radii
        centre, axes = (fixed(left + x), fixed(top + y)), (fixed(rx), fixed(ry))
        cv2.ellipse(picture, centre, axes, 0, 0, 360, scene.stain.grey, -1, cv2.LINE_AA, SHIFT)
    return picture


def _encoded(scene: Scene) -> bytes:
    return jpeg(through_a_camera(_drawn(scene), np.random.default_rng(scene.noise_seed)))


SHARES = {"good": 9, "hole_missing": 2, "hole_extra": 1, "stain": 2, "no_plate": 1, "low": 1}


def draw(rng: np.random.Generator, n: int) -> Iterable[Drawn]:
    """Yield n pictures of plates with their truth."""
    for kind in deal(rng, SHARES, n):
        scene = _random(rng, kind)
        yield Drawn(truth_of(kind, scene), partial(_encoded, scene))


STATION = DemoStation(
    machine_id="vm_002",
    name="Chapas",
    description="Chapas que se deslocam: duas arestas dão a posição; contam-se os furos e procuram-se manchas.",
    folder="parts",
    recipe=RECIPE,
    draw=draw,
    interval_ms=800,
)
