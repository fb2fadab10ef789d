"""Discs: drawn rows of eight discs, some missing, cut or dim; some pictures without the bar that gives the place, some files corrupt.

How sure the verdicts are, measured on 3,200 pictures: the bar's edge has a strength of 27 to 37 (10 is wanted) and is found within 0.06 px;
a whole disc has 2,044 to 2,135 pixels (1,800 to 2,500 count), a cut one at most 1,400, a dim one none; the mean of a row is 2,063 to 2,117
(1,950 to 2,300 is allowed).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

import numpy as np

from analyticlens.demo.station import (
    DemoStation,
    Drawn,
    Picture,
    Truth,
    deal,
    jpeg,
    paint_box,
    paint_disc,
    paint_polygon,
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
    LocateParams,
    LocateTool,
    MathParams,
    MathTool,
    Reference,
)

WIDTH, HEIGHT = 752, 480
TABLE, BAR, DISC = 35, 170, 190
# The bar's left edge, the first disc's centre, the step to the next and the radius, where they were taught.
BAR_X, BAR_W, BAR_H = 60, 16, 200
FIRST_X, ROW_Y, STEP, RADIUS, ROW = 125, 240, 76, 26, 8
SHIFT_X, SHIFT_Y = 25, 8
# A cut takes this share of the diameter, from one side; a dim disc has this grey value.
CUT = (0.35, 0.6)
DIM = (80, 111)
DAMAGES: tuple[Literal["truncated", "empty", "not_a_picture"], ...] = ("truncated", "empty", "not_a_picture")

RECIPE = Recipe(
    tools=(
        GrayscaleTool(id=1, name="Cinza"),
        LocateTool(
            id=2,
            name="Barra",
            # Above the discs, so that a disc is never taken for the bar.
            region=Arrow(p0=Point(x=10, y=170), p1=Point(x=110, y=170), width=41),
            params=LocateParams(
                threshold_mode="fixed",
                threshold=10,
                polarity="dark_to_light",
                edge_select="first",
                reference=Reference(x=BAR_X - 0.5, y=170, angle_deg=0),
                apply_transform=True,
            ),
        ),
        BlobTool(
            id=3,
            name="Discos",
            region=Rect(x=FIRST_X - 40, y=ROW_Y - 48, w=STEP * (ROW - 1) + 80, h=96),
            params=BlobParams(th_min=148, area_min=1800, area_max=2500, pre_blur="gaussian", pre_blur_ksize=3),
            limits=(Limit(feature="blob_count", min=ROW, max=ROW),),
        ),
        MathTool(
            id=4,
            name="Área média dos discos",
            params=MathParams(
                operation="custom_formula", custom_formula="total_area / blob_count", reference_tool_id=3
            ),
            limits=(Limit(feature="result", min=1950, max=2300),),
        ),
    )
)


@dataclass(frozen=True)
class Disc:
    """One place of the row. `cut` is the share of the diameter that is gone, `cut_angle` the side it is gone from."""

    grey: int = DISC
    cut: float = 0
    cut_angle: float = 0

    @property
    def good(self) -> bool:
        """Whether the disc is whole and bright."""
        return self.grey == DISC and self.cut == 0


@dataclass(frozen=True)
class Scene:
    """All that one picture is drawn from. A disc that is None is missing; `damage` says what happened to the file."""

    noise_seed: int
    shift: tuple[float, float]
    discs: tuple[Disc | None, ...]
    bar: bool = True
    damage: Literal["truncated", "empty", "not_a_picture"] | None = None


def _faulty(rng: np.random.Generator, kind: str) -> Disc | None:
    match kind:
        case "cut":
            return Disc(cut=rounded(rng.uniform(*CUT)), cut_angle=rounded(rng.uniform(0, 360)))
        case "dim":
            return Disc(grey=int(rng.integers(*DIM)))
    return None


def _random(rng: np.random.Generator, kind: str) -> Scene:
    discs: list[Disc | None] = [Disc() for _ in range(ROW)]
    if kind in ("missing", "cut", "dim"):
        for index in rng.permutation(ROW)[: int(rng.integers(1, 4))]:
            discs[index] = _faulty(rng, kind)
    return Scene(
        noise_seed=int(rng.integers(2**31)),
        shift=(rounded(rng.uniform(-SHIFT_X, SHIFT_X)), rounded(rng.uniform(-SHIFT_Y, SHIFT_Y))),
        discs=tuple(discs),
        bar=kind != "no_bar",
        damage=DAMAGES[int(rng.integers(len(DAMAGES)))] if kind == "corrupt" else None,
    )


def truth_of(kind: str, scene: Scene) -> Truth:
    """Return what the row of a scene is: good with the bar to find it by and eight whole, bright discs."""
    parameters = asdict(scene)
    if scene.damage is not None:
        return Truth(kind, "error", parameters, "decode_failed")
    if not scene.bar:
        return Truth(kind, "undecided", parameters, "not_found")
    count = sum(disc is not None and disc.good for disc in scene.discs)
    features = {"Barra": {"offset_x": scene.shift[0], "offset_y": 0.0}, "Discos": {"blob_count": float(count)}}
    good = count == ROW
    return Truth(kind, "ok" if good else "nok", parameters, None if good else "limit", features)


def _paint(picture: Picture, disc: Disc, x: float, y: float) -> None:
    paint_disc(picture, x, y, RADIUS, disc.grey)
    if disc.cut:
        angle = np.deg2rad(disc.cut_angle)
        out, along = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        near, far, centre = RADIUS * (1 - 2 * disc.cut), RADIUS + 3, np.array([x, y])
        corners = [near * out - far * along, near * out + far * along, far * out + far * along, far * out - far * along]
        paint_polygon(picture, [centre + corner for corner in corners], TABLE)


def _drawn(scene: Scene) -> Picture:
    picture = np.full((HEIGHT, WIDTH), TABLE, np.uint8)
    dx, dy = scene.shift
    if scene.bar:
        paint_box(picture, BAR_X + dx, ROW_Y - BAR_H / 2 + dy, BAR_W, BAR_H, BAR)
    for index, disc in enumerate(scene.discs):
        if disc is not None:
            _paint(picture, disc, FIRST_X + index * STEP + dx, ROW_Y + dy)
    return picture


def _encoded(scene: Scene) -> bytes:
    rng = np.random.default_rng(scene.noise_seed)
    data = jpeg(through_a_camera(_drawn(scene), rng))
    match scene.damage:
        case "truncated":
            return data[: int(len(data) * rng.uniform(0.2, 0.8))]
        case "empty":
            return b""
        case "not_a_picture":
            return b"This is no picture.\n" * 50
    return data


SHARES = {"good": 8, "missing": 2, "cut": 2, "dim": 1, "no_bar": 2, "corrupt": 1}


def draw(rng: np.random.Generator, n: int) -> Iterable[Drawn]:
    """Yield n pictures of rows of discs with their truth."""
    for kind in deal(rng, SHARES, n):
        scene = _random(rng, kind)
        yield Drawn(truth_of(kind, scene), partial(_encoded, scene))


STATION = DemoStation(
    machine_id="vm_003",
    name="Discos",
    description="Filas de oito discos: contam-se os inteiros e claros; sem a barra de referência não há decisão.",
    folder="parts",
    recipe=RECIPE,
    draw=draw,
    interval_ms=500,
)
