"""A real photograph: 24 coins under uneven light, near one corner of which the table is as bright as a coin.

Where each coin lies was marked by hand (`demo.coins`). One level cannot part coins and table; a level of each place's own does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.accuracy.table import Row, Tally
from analyticlens.demo.coins import COINS, photograph
from analyticlens.engine import Prepared, inspect
from analyticlens.engine.teach import Teacher


def rows(seed: int, n: int) -> Iterator[Row]:
    """Yield how many coins are counted, and found where they are, as photographed and in other light."""
    rng = np.random.default_rng([seed, 24])
    as_it_is = [photograph()]
    for condition, pictures in (("coins as photographed", as_it_is), ("coins, other light, noise", _lit(rng, n))):
        tally = Tally()
        for picture in pictures:
            prepared = coins(float(rng.uniform(5, 8)))
            found = tally.timed(_centres, picture, prepared)
            tally.add(count=len(found) - len(COINS), found=_found(found) - len(COINS))
        for measure in ("count", "found"):
            yield tally.row("blob", condition, measure, "", worst=0, fails=0)


def coins(offset: float) -> Prepared:
    """Return the recipe that counts coins: brighter than their surroundings by so many grey levels, and as large as a coin."""
    teacher = Teacher(photograph())
    teacher.add("blur", method="median", ksize=7)
    teacher.add("threshold", mode="adaptive_mean", window=101, offset=offset)
    teacher.add("morphology", open=1, kernel=7)
    teacher.add("blob", "Coins", th_min=128, area_min=500, area_max=4500, limits={"blob_count": len(COINS)})
    return teacher.prepare()


def _lit(rng: np.random.Generator, n: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the photograph in light that is stronger or weaker, slopes by up to 15 % to either side, and with a camera's noise."""
    picture = photograph()
    height, width = picture.shape
    for _ in range(n):
        across, down = rng.uniform(-0.15, 0.15, 2)
        slope = 1 + across * np.linspace(-1, 1, width) + down * np.linspace(-1, 1, height)[:, None]
        seen = picture * slope * rng.uniform(0.75, 1.15) + rng.normal(0, 2, picture.shape)
        yield np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def _centres(picture: NDArray[np.uint8], prepared: Prepared) -> list[tuple[float, float]]:
    """Return the centres of what was counted."""
    details: dict[str, Any] = inspect(picture, prepared).details[4]
    return [tuple(blob["centroid"]) for blob in details["blobs"]]


def _found(centres: list[tuple[float, float]]) -> int:
    """Return in how many of the boxes drawn by hand exactly one centre lies."""
    return sum(
        sum(left <= x <= right and top <= y <= bottom for x, y in centres) == 1 for left, top, right, bottom in COINS
    )
