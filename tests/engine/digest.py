"""What every kind of tool finds on every sort of picture, as JSON: run under one OpenCV and another, and compared.

PYTHONPATH=.venv/other-opencv python -m tests.engine.digest
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import disc, marks, render, render_pattern
from analyticlens.engine import Inspection, RecipeRefused, inspect, prepare
from analyticlens.engine.teach import Teacher, arrow, rect, ring
from analyticlens.engine.tools import TOOLS
from analyticlens.protocol.tools import TOOL_CLASSES
from tests.engine.samples import NAMED, pictures, plain_tool, recipe_with

SEED = 7


def digest() -> dict[str, Any]:
    """Return OpenCV's version, and status and features of each kind on each picture."""
    cv2.setNumThreads(1)
    told: dict[str, Any] = {"opencv": cv2.__version__}
    several = pictures(SEED)
    for kind in sorted(kind for kind in TOOLS if not TOOL_CLASSES[kind].foreign):
        recipe = recipe_with(plain_tool(kind))
        assert recipe is not None
        try:
            prepared = prepare(recipe, NAMED)
        except RecipeRefused:
            # It needs a program that is not here.
            continue
        for name, picture in several.items():
            told[f"{kind} on {name}"] = _said(inspect(picture, prepared))
    return told | {f"taught {name}": said for name, said in _taught()}


def _taught() -> Iterator[tuple[str, Any]]:
    """Yield what tools find that were taught on one picture and look at another, each in what it is best at."""
    rng = np.random.default_rng(SEED)
    plate = marks(rng)
    good, other = (
        expose(render_pattern(plate, (160, 120), x=80 + dx, y=60 + dy, angle_deg=turn), rng, snr=40)
        for dx, dy, turn in ((0, 0, 0), (6.3, -4.6, 3.1))
    )
    teacher = Teacher(good).match("Plate", region=rect(44, 32, 73, 57), apply_transform=True)
    teacher.add("locate", "Rim", region=arrow((30, 60), (60, 60), 15))
    teacher.add("intensity", "Middle", region=rect(70, 50, 20, 20), follow=["Plate"])
    for index in range(3):
        yield f"plate {index}", _said(inspect(other, teacher.prepare()), index)
    hole = expose(render(disc(80.3, 59.6, 30.2), (160, 120)), rng, snr=40)
    round_ = Teacher(hole).add("circle", region=ring(80, 60, 20, 40)).add("blob", th_min=120)
    for index in range(2):
        yield f"disc {index}", _said(round_.inspect(), index)


def _said(inspection: Inspection, index: int = -1) -> dict[str, Any]:
    outcome = inspection.tools[index]
    return {"type": outcome.type, "status": outcome.status, "features": outcome.features, "texts": outcome.texts}


if __name__ == "__main__":
    json.dump(digest(), sys.stdout)
