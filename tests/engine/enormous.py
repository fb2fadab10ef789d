"""Kinds of tools, named as arguments, on pictures of 12 and 50 million pixels, each in a process of its own; prints a line of JSON each.

Run with OPENCV_FOR_THREADS_NUM=1: a process that was copied has none of its parent's threads, and would wait for them.
"""

from __future__ import annotations

import json
import os
import resource
import sys

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine import RecipeRefused, inspect, prepare
from tests.engine.samples import NAMED, plain_tool, recipe_with
from tests.timing import least

SIDES = (3465, 7071)
# Quick enough to need no second try.
ENOUGH_MS = 500.0


def picture(side: int) -> NDArray[np.uint8]:
    """Return shapes over and over, (side, side) uint8."""
    rng = np.random.default_rng(5)
    tile = cv2.GaussianBlur(rng.integers(0, 256, (500, 500)).astype(np.uint8), (0, 0), 3.0)
    lively = cv2.normalize(tile, tile, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    whole = np.empty((side, side), np.uint8)
    for y in range(0, side, 500):
        for x in range(0, side, 500):
            part = whole[y : y + 500, x : x + 500]
            part[:] = lively[: part.shape[0], : part.shape[1]]
    return whole


def tell(kind: str, side: int) -> None:
    """Print what became of one kind: its status, the CPU milliseconds, and the memory it took in pictures."""
    frame, recipe = picture(side), recipe_with(plain_tool(kind))
    assert recipe is not None
    try:
        prepared = prepare(recipe, NAMED)
    except RecipeRefused:
        print(json.dumps({"kind": kind, "side": side, "status": "refused", "ms": 0, "pictures": 0}), flush=True)
        return
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = inspect(frame, prepared).tools[-1]
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / frame.nbytes
    said = {"kind": kind, "side": side, "status": outcome.status, "reason": outcome.reason}
    ms = least(lambda: inspect(frame, prepared), enough=ENOUGH_MS)
    print(json.dumps(said | {"ms": round(ms, 1), "pictures": round(taken, 2)}), flush=True)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        for pixels in SIDES:
            # A fresh process each, so that its memory is its own.
            child = os.fork()
            if child == 0:
                tell(each, pixels)
                os._exit(0)
            os.waitpid(child, 0)
