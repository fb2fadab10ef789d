"""Coins: count the coins on a real photograph (24 of them), and on crops of it that hold fewer.

The light on the photograph is uneven: near the upper left corner the table is as bright as a coin. The recipe smooths, takes one level,
opens, and counts what has the area of a coin; the bright corner is larger than any coin. So a crop holds that corner whole or not at
all, and it cuts no coin.

How sure the count is: with the light 1.5 % up or down (pictures vary by 1 %), coins are 1,050 to 3,050 pixels, the bright corner more
than 4,200, and what is left of its thin places after opening less than 100. The gate 700 to 3,500 lies far from all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, partial
from importlib import resources

import cv2
import numpy as np

from analyticlens.demo.station import DemoStation, Drawn, Picture, Truth, as_picture, deal, jpeg, rounded
from analyticlens.protocol.limits import Limit
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.tools import (
    BlobParams,
    BlobTool,
    BlurParams,
    BlurTool,
    GrayscaleTool,
    MorphologyParams,
    MorphologyTool,
    ThresholdParams,
    ThresholdTool,
)

WIDTH, HEIGHT = 384, 303

# The box of every coin, made by hand on the photograph: left, top, right, bottom, in pixels, just round the rim.
COINS: tuple[tuple[int, int, int, int], ...] = (
    (22, 33, 67, 74), (80, 38, 120, 74), (132, 28, 179, 74), (191, 29, 240, 73), (255, 33, 297, 72), (305, 16, 365, 72),
    (24, 103, 67, 145), (83, 107, 122, 145), (133, 109, 174, 145), (185, 104, 227, 144), (245, 94, 296, 144),
    (317, 105, 357, 145),
    (25, 177, 63, 217), (80, 174, 124, 217), (134, 178, 174, 217), (188, 169, 237, 217), (250, 171, 297, 217),
    (315, 155, 380, 218),
    (18, 232, 75, 288), (92, 244, 136, 287), (144, 235, 202, 287), (219, 239, 269, 288), (275, 238, 327, 288),
    (335, 246, 381, 289),
)  # fmt: skip
ALL = len(COINS)
# Where the table is as bright as a coin; a crop may shave this much off it without making it as small as a coin.
BRIGHT_CORNER = (0, 0, 218, 56)
SHAVED = 2

RECIPE = Recipe(
    tools=(
        GrayscaleTool(id=1, name="Cinza"),
        BlurTool(id=2, name="Suavização", params=BlurParams(method="median", ksize=7)),
        ThresholdTool(id=3, name="Nível", params=ThresholdParams(mode="binary", th_min=114)),
        MorphologyTool(id=4, name="Abertura", params=MorphologyParams(open=1, kernel=11)),
        BlobTool(
            id=5,
            name="Moedas",
            params=BlobParams(th_min=128, area_min=700, area_max=3500),
            limits=(Limit(feature="blob_count", min=ALL, max=ALL),),
        ),
    )
)


@cache
def photograph() -> Picture:
    """Return the photograph, (303, 384) uint8 grey."""
    data = resources.files("analyticlens.demo").joinpath("pictures/coins.png").read_bytes()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None or picture.shape != (HEIGHT, WIDTH):
        raise ValueError("the coins photograph of this package is damaged")
    return picture.astype(np.uint8, copy=False)


Box = tuple[int, int, int, int]


def _inside(box: Box, crop: Box, margin: int) -> bool:
    left, top, right, bottom = crop
    return box[0] - margin >= left and box[1] - margin >= top and box[2] + margin < right and box[3] + margin < bottom


def _outside(box: Box, crop: Box, margin: int) -> bool:
    left, top, right, bottom = crop
    return box[2] + margin < left or box[0] - margin >= right or box[3] + margin < top or box[1] - margin >= bottom


def coins_in(crop: Box) -> int | None:
    """Return how many coins the crop (left, top, right, bottom; right and bottom excluded) holds; None if it cuts one or the corner."""
    corner_whole = crop[0] <= SHAVED and crop[1] <= SHAVED and crop[2] > BRIGHT_CORNER[2] and crop[3] > BRIGHT_CORNER[3]
    if not corner_whole and not _outside(BRIGHT_CORNER, crop, 0):
        return None
    inside = [_inside(coin, crop, margin=1) for coin in COINS]
    if all(whole or _outside(coin, crop, margin=2) for coin, whole in zip(COINS, inside, strict=True)):
        return sum(inside)
    return None


def _whole(rng: np.random.Generator) -> Box:
    left, top, right = (int(v) for v in rng.integers(0, (SHAVED + 1, SHAVED + 1, 2)))
    return left, top, WIDTH - right, HEIGHT - int(rng.integers(0, 11))


def _crop(rng: np.random.Generator) -> Box:
    while True:
        left, right = np.sort(rng.integers(0, WIDTH + 1, 2))
        top, bottom = np.sort(rng.integers(0, HEIGHT + 1, 2))
        crop = (int(left), int(top), int(right), int(bottom))
        if right - left >= 100 and bottom - top >= 80 and (coins_in(crop) or ALL) < ALL:
            return crop


def _seen(crop: Box, gain: float, noise_seed: int) -> bytes:
    left, top, right, bottom = crop
    rng = np.random.default_rng(noise_seed)
    part = photograph()[top:bottom, left:right] * np.float32(gain)
    noisy = part + rng.normal(0, 1.5, part.shape).astype(np.float32)
    return jpeg(as_picture(noisy))


def draw(rng: np.random.Generator, n: int) -> Iterable[Drawn]:
    """Yield n pictures with their truth: the whole photograph or a crop, a little brighter or darker, with a camera's noise."""
    for kind in deal(rng, {"whole": 5, "crop": 3}, n):
        crop = _whole(rng) if kind == "whole" else _crop(rng)
        gain = rounded(rng.uniform(0.99, 1.01))
        noise_seed = int(rng.integers(2**31))
        count = coins_in(crop)
        if count is None:
            raise ValueError(f"the crop {crop} cuts a coin")
        truth = Truth(
            kind=kind,
            verdict="ok" if count == ALL else "nok",
            reason=None if count == ALL else "limit",
            parameters={"crop": list(crop), "gain": gain, "noise_seed": noise_seed, "coins": count},
            features={"Moedas": {"blob_count": count}},
        )
        yield Drawn(truth, partial(_seen, crop, gain, noise_seed))


STATION = DemoStation(
    machine_id="vm_001",
    name="Moedas",
    description="Conta as 24 moedas de uma fotografia real; recortes com menos moedas são reprovados.",
    folder="parts",
    recipe=RECIPE,
    draw=draw,
    resolution=(WIDTH, HEIGHT),
)
