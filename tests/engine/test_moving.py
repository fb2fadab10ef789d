"""Regions that follow what was found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from analyticlens.engine import inspect, prepare
from analyticlens.protocol.regions import Rect
from tests.engine.drawing import Picture, arrow, limit, look, plain, recipe, rect

# The corner of a bright part in the taught picture: rims at x = 199.5 and y = 149.5.
CORNER = (200, 150)


def part(dx: int = 0, dy: int = 0) -> Picture:
    """Return a picture (400, 500) of a bright part moved by so many pixels, with a dark mark of 20 x 10 at (260, 200) of the taught one."""
    picture = plain(400, 500, 40)
    x, y = CORNER[0] + dx, CORNER[1] + dy
    picture[y:, x:] = 160
    picture[200 + dy : 210 + dy, 260 + dx : 280 + dx] = 40
    return picture


def locates(**second: Any) -> list[dict[str, Any]]:
    """Return the two locate tools of the worked example: one along an upright arrow, then one along a level arrow."""
    upright = {"reference": {"x": 300, "y": 149.5, "angle_deg": 90}, "apply_transform": True}
    level = {"reference": {"x": 199.5, "y": 250, "angle_deg": 0}, "apply_transform": True}
    return [
        {"type": "locate", "region": arrow((300, 60), (300, 240), 5), "params": upright},
        {"type": "locate", "region": arrow((120, 250), (280, 250), 5), "params": level} | second,
    ]


def test_the_worked_example() -> None:
    inspection = look(part(10, 50), *locates(), {"type": "intensity", "region": rect(100, 100, 40, 30)})
    first, second, _ = inspection.tools
    assert (first.features["offset_x"], first.features["offset_y"]) == pytest.approx((0, 50), abs=0.02)
    assert (second.features["offset_x"], second.features["offset_y"]) == pytest.approx((10, 0), abs=0.02)
    looked = [shape.shape for shape in inspection.overlay if shape.role == "region"]
    used = looked[2]
    assert isinstance(used, Rect)
    assert (used.x, used.y) == pytest.approx((110, 150), abs=0.03)
    assert inspection.details[3]["ROI"]["rect"] == pytest.approx({"x": 110, "y": 150, "w": 40, "h": 30}, abs=0.03)


def test_a_region_stays_on_a_part_that_moves(rng: np.random.Generator) -> None:
    mark = {
        "type": "blob",
        "region": rect(255, 195, 30, 20),
        "params": {"th_min": 0, "th_max": 100},
        "limits": [limit("total_area", 200, 200)],
    }
    prepared = prepare(recipe(*locates(), mark))
    for dx, dy in rng.integers(-60, 60, (20, 2)).tolist():
        inspection = inspect(part(dx, dy), prepared)
        assert inspection.verdict == "ok", (dx, dy, inspection.message)


def test_a_tool_follows_only_what_it_says() -> None:
    inspection = look(part(10, 50), *locates(), {"type": "intensity", "region": rect(100, 100, 40, 30), "follow": [1]})
    roi = inspection.details[3]["ROI"]["rect"]
    assert (roi["x"], roi["y"]) == pytest.approx((100, 150), abs=0.02)


def test_an_empty_list_follows_nothing() -> None:
    inspection = look(
        part(10, 50), *locates(follow=[]), {"type": "intensity", "region": rect(100, 100, 40, 30), "follow": []}
    )
    assert inspection.details[3]["ROI"]["rect"] == {"x": 100, "y": 100, "w": 40, "h": 30}


def test_without_apply_transform_nobody_follows() -> None:
    quiet = [tool | {"params": tool["params"] | {"apply_transform": False}} for tool in locates()]
    inspection = look(part(10, 50), *quiet, {"type": "intensity", "region": rect(100, 100, 40, 30)})
    assert inspection.details[3]["ROI"]["rect"] == {"x": 100, "y": 100, "w": 40, "h": 30}


def turned_part(angle: float) -> Picture:
    """Return a dark half plane whose rim goes through (150, 120) with its normal in a direction, and a bright disc of radius 9.

    The disc's centre is 60 along the normal and 40 across it from that point.
    """
    rows, columns = np.mgrid[:240, :320].astype(float)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along = (columns - 150) * cos + (rows - 120) * sin
    across = (rows - 120) * cos - (columns - 150) * sin
    light = 40 + 80 * np.clip(along + 0.5, 0, 1) + 100 * np.clip(9.5 - np.hypot(along - 60, across - 40), 0, 1)
    picture: Picture = np.rint(light).astype(np.uint8)
    return picture


@pytest.mark.parametrize("angle", [-12, -5, 3, 11])
def test_a_turning_datum_turns_what_follows(angle: float) -> None:
    datum = {
        "type": "locate",
        "region": arrow((120, 120), (180, 120), 31),
        "params": {"reference": {"x": 150, "y": 120, "angle_deg": 0}, "rotate": True, "polarity": "dark_to_light"},
    }
    box = rect(199, 149, 23, 23)
    disc = {"type": "blob", "region": box, "params": {"th_min": 170}, "follow": [1]}
    inspection = look(turned_part(angle), datum, disc)
    assert inspection.tools[0].features["offset_angle_deg"] == pytest.approx(angle, abs=0.2)
    assert inspection.details[2]["ROI"]["rect"]["angle"] == pytest.approx(angle, abs=0.2)
    assert inspection.tools[1].features["total_area"] == pytest.approx(math.pi * 81, rel=0.05)


def test_without_rotate_a_turn_moves_no_angle() -> None:
    datum = {
        "type": "locate",
        "region": arrow((120, 120), (180, 120), 31),
        "params": {"reference": {"x": 150, "y": 120, "angle_deg": 0}, "apply_transform": True},
    }
    inspection = look(turned_part(8), datum, {"type": "intensity", "region": rect(190, 150, 20, 20)})
    assert "angle" not in inspection.details[2]["ROI"]["rect"]


def test_a_moved_region_is_shown_beside_the_taught_one() -> None:
    inspection = look(part(10, 50), *locates(), {"type": "intensity", "region": rect(100, 100, 40, 30)})
    roles = [shape.role for shape in inspection.overlay if shape.tool_id == 3]
    assert roles == ["taught", "region"]


def test_moved_out_of_the_picture_is_outside() -> None:
    tool = {"type": "intensity", "region": rect(470, 380, 30, 20), "limits": [limit("mean", 0)]}
    inspection = look(part(10, 50), *locates(), tool)
    assert inspection.tools[2].status == "roi_outside"
    assert (inspection.verdict, inspection.reason) == ("undecided", "roi_outside")


def test_what_follows_a_lost_datum_says_which() -> None:
    tool = {"type": "intensity", "region": rect(100, 100, 40, 30), "limits": [limit("mean", 0)]}
    inspection = look(plain(400, 500), *locates(), tool)
    outcome = inspection.tools[2]
    assert (outcome.status, outcome.reason) == ("not_found", "datum_not_found")
    assert "locate 1" in outcome.message
    assert inspection.verdict == "undecided"
