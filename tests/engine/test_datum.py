"""datum: regions that follow drawn parts wherever they move and turn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import Layer, disc, rectangle, render_pattern
from analyticlens.engine import Inspection, inspect, prepare
from analyticlens.engine.pattern.teach import teach_match
from analyticlens.engine.pose import Pose
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Rect, Ring
from analyticlens.protocol.strict import plain as as_json
from tests.engine.drawing import Picture, arrow, limit, look, plain, recipe, rect
from tests.engine.test_moving import locates
from tests.engine.test_moving import part as bright_corner

# A plate of 150 x 100 with two discs and, elsewhere, a small bright one that later tools look at; in the plate's own coordinates.
PLATE = (0.0, 0.0, 150.0, 100.0)
DISCS = ((-45.0, -5.0, 14.0), (40.0, -8.0, 12.0))
MARK = (20.0, 25.0, 9.0)
TAUGHT = (170.0, 130.0)
SIZE = (340, 260)


def part(x: float = TAUGHT[0], y: float = TAUGHT[1], turn: float = 0.0) -> Picture:
    """Return a picture of the plate with its origin at (x, y), turned."""
    layers = [Layer(rectangle(*PLATE), 120.0), *(Layer(disc(*d), 40.0) for d in DISCS), Layer(disc(*MARK), 220.0)]
    picture = render_pattern(layers, SIZE, x=x, y=y, angle_deg=turn, ground=30.0)
    return expose(picture, np.random.default_rng(0), contrast=120)


def at(place: tuple[float, ...], x: float = TAUGHT[0], y: float = TAUGHT[1], turn: float = 0.0) -> tuple[float, float]:
    """Return where a place of the plate lies in the picture."""
    return Pose.carry((0, 0), (x, y), turn).apply(*place[:2])


def circle(where: tuple[float, float, float], reach: float = 11, **more: Any) -> dict[str, Any]:
    x, y = at(where)
    ring = {"shape": "ring", "cx": x, "cy": y, "inner": max(0, where[2] - reach), "outer": where[2] + reach}
    return {"type": "circle", "region": ring} | more


def line(middle: tuple[float, float], across: float, length: float = 50, **more: Any) -> dict[str, Any]:
    """Return a line tool on a rim of the plate: searched in a direction, over a length."""
    x, y = at(middle)
    dx, dy = (15 * f(math.radians(across)) for f in (math.cos, math.sin))
    return {"type": "line", "region": arrow((x - dx, y - dy), (x + dx, y + dy), length)} | more


LINES = (line((0, -50), 90, 130), line((75, 0), 0, 84))


def datum(
    kind: str, first: int, second: int | None, where: tuple[float, float], angle: float, **more: Any
) -> dict[str, Any]:
    x, y = at(where)
    reference = {"x": x, "y": y, "angle_deg": angle}
    return {"type": "datum", "params": {"kind": kind, "first": first, "second": second, "reference": reference} | more}


def mark(**more: Any) -> dict[str, Any]:
    """Return the circle tool on the mark; as a ring it says where it looked."""
    return circle(MARK, 7) | more


def looked(inspection: Inspection, number: int) -> tuple[float, float, float]:
    """Return centre and start of the ring where a tool looked."""
    shape = next(s.shape for s in inspection.overlay if s.tool_id == number and s.role == "region")
    assert isinstance(shape, Ring)
    return shape.cx, shape.cy, shape.start


TWO_LINES = (*LINES, datum("two_lines", 1, 2, (75, -50), 0))
TWO_DISCS = (
    circle(DISCS[0]),
    circle(DISCS[1]),
    datum("two_points", 1, 2, DISCS[0][:2], math.degrees(math.atan2(-3, 85))),
)
LINE_POINT = (LINES[0], circle(DISCS[0]), datum("line_point", 1, 2, (-45, -50), 0))


@pytest.mark.parametrize("tools", [TWO_LINES, TWO_DISCS, LINE_POINT], ids=["two lines", "two discs", "line and point"])
def test_a_region_follows_to_a_hundredth_of_a_pixel(tools: Any, rng: np.random.Generator) -> None:
    prepared = prepare(recipe(*tools, mark()))
    away = []
    for _ in range(8):
        x, y = TAUGHT + rng.uniform(-6, 6, 2)
        # Along the grid and without noise all rows of an edge are rounded alike, and no method sees it nearer than to 0.02 px.
        turn = float(rng.uniform(0.5, 4) * rng.choice([-1, 1]))
        inspection = inspect(part(x, y, turn), prepared)
        pose, seen = inspection.tools[2].features, inspection.tools[3]
        assert pose["offset_angle_deg"] == pytest.approx(turn, abs=0.01)
        cx, cy, start = looked(inspection, 4)
        away.append(math.dist((cx, cy), at(MARK, x, y, turn)))
        assert start == pytest.approx(turn, abs=0.01)
        assert (seen.features["x"], seen.features["y"]) == pytest.approx(at(MARK, x, y, turn), abs=0.01)
    assert max(away) < 0.02
    assert np.mean(away) < 0.01


def test_where_nothing_moved_nothing_moves() -> None:
    inspection = look(part(), *TWO_LINES, mark())
    found = inspection.tools[2].features
    for offset in ("offset_x", "offset_y", "offset_angle_deg"):
        assert found[offset] == pytest.approx(0, abs=0.005)


def test_without_turning_regions_only_shift() -> None:
    tools = (*LINES, datum("two_lines", 1, 2, (75, -50), 0, rotate=False))
    inspection = look(part(TAUGHT[0] + 4, TAUGHT[1] - 3, 3), *tools, mark())
    found = inspection.tools[2].features
    cx, cy, start = looked(inspection, 4)
    taught = at(MARK)
    assert start == 0
    assert (cx, cy) == pytest.approx((taught[0] + found["offset_x"], taught[1] + found["offset_y"]), abs=1e-9)


def test_the_worked_example_with_a_datum() -> None:
    """The part moved by (10, 50): two rims make the corner, and the rectangle at (100, 100) is used at (110, 150)."""
    upright = {"type": "line", "region": arrow((300, 60), (300, 240), 60)}
    level = {"type": "line", "region": arrow((120, 280), (280, 280), 60)}
    corner = {"x": 199.5, "y": 149.5, "angle_deg": 0}
    pose = {"type": "datum", "params": {"kind": "two_lines", "first": 1, "second": 2, "reference": corner}}
    inspection = look(
        bright_corner(10, 50), upright, level, pose, {"type": "intensity", "region": rect(100, 100, 40, 30)}
    )
    found = inspection.tools[2].features
    assert (found["offset_x"], found["offset_y"]) == pytest.approx((10, 50), abs=0.02)
    used = [s.shape for s in inspection.overlay if s.role == "region"][-1]
    assert isinstance(used, Rect)
    assert (used.x, used.y) == pytest.approx((110, 150), abs=0.02)


def test_after_data_that_moved_everything_a_datum_adds_only_what_is_left() -> None:
    """The locates of the worked example move regions by (10, 50); a datum on the corner then finds nothing left to move."""
    upright = {"type": "line", "region": arrow((300, 120), (300, 180), 60)}
    level = {"type": "line", "region": arrow((170, 280), (230, 280), 60)}
    corner = {"x": 199.5, "y": 149.5, "angle_deg": 0}
    pose = {"type": "datum", "params": {"kind": "two_lines", "first": 3, "second": 4, "reference": corner}}
    last = {"type": "intensity", "region": rect(100, 100, 40, 30)}
    inspection = look(bright_corner(10, 50), *locates(), upright, level, pose, last)
    found = inspection.tools[4].features
    assert (found["x"], found["y"]) == pytest.approx((209.5, 199.5), abs=0.02)
    assert (found["offset_x"], found["offset_y"]) == pytest.approx((0, 0), abs=0.03)
    used = [s.shape for s in inspection.overlay if s.role == "region"][-1]
    assert isinstance(used, Rect)
    assert (used.x, used.y) == pytest.approx((110, 150), abs=0.03)


def test_the_pose_of_a_locate_that_itself_moves_regions_counts_once() -> None:
    pose = {
        "type": "datum",
        "params": {"kind": "tool", "first": 1, "reference": {"x": 300, "y": 149.5, "angle_deg": 90}},
    }
    inspection = look(
        bright_corner(10, 50), locates()[0], pose, {"type": "intensity", "region": rect(100, 100, 40, 30)}
    )
    used = [s.shape for s in inspection.overlay if s.role == "region"][-1]
    assert isinstance(used, Rect)
    assert (used.x, used.y) == pytest.approx((100, 150), abs=0.03)


def matched(*tools: dict[str, Any], **params: Any) -> tuple[Recipe, dict[str, bytes]]:
    """Return a recipe whose first tool is a match on the plate, taught on the still part."""
    x, y = at((0, 0))
    region = Rect(x=x - 80, y=y - 55, w=161, h=111)
    match, blobs = teach_match(part(), region, angle_min=-30, angle_max=30, apply_transform=True, **params)
    return Recipe.model_validate({"tools": [as_json(match), *recipe_tools(*tools)]}), blobs


def recipe_tools(*tools: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": i, "name": f"{tool['type']} {i}"} | tool for i, tool in enumerate(tools, 2)]


@pytest.mark.parametrize("turn", [-25.0, 14.0])
def test_match_then_lines_then_datum(turn: float) -> None:
    """A match brings the lines' search to a part that turned far; the datum refines, and later regions follow both, once."""
    rims = list(LINES)
    pose = datum("two_lines", 2, 3, (75, -50), 0)
    whole, blobs = matched(*rims, pose, mark())
    x, y = TAUGHT[0] + 7.3, TAUGHT[1] - 5.1
    inspection = inspect(part(x, y, turn), prepare(whole, blobs))
    assert [tool.status for tool in inspection.tools] == ["ok"] * 5, inspection.tools
    refined = inspection.tools[3].features
    assert (refined["x"], refined["y"]) == pytest.approx(at((75, -50), x, y, turn), abs=0.01)
    assert refined["angle_deg"] == pytest.approx(turn, abs=0.01)
    assert math.hypot(refined["offset_x"], refined["offset_y"]) < 0.1
    cx, cy, start = looked(inspection, 5)
    assert (cx, cy) == pytest.approx(at(MARK, x, y, turn), abs=0.01)
    assert start == pytest.approx(turn, abs=0.01)


def test_a_datum_of_a_match_that_moves_nothing_itself() -> None:
    x, y = TAUGHT[0] + 7.3, TAUGHT[1] - 5.1
    whole, blobs = matched(datum("tool", 1, None, (0, 0), 0), mark())
    quiet = whole.tools[0].model_dump(mode="json")
    quiet["params"]["apply_transform"] = False
    recipe_ = Recipe.model_validate({"tools": [quiet, *(t.model_dump(mode="json") for t in whole.tools[1:])]})
    inspection = inspect(part(x, y, 20), prepare(recipe_, blobs))
    cx, cy, start = looked(inspection, 3)
    assert (cx, cy) == pytest.approx(at(MARK, x, y, 20), abs=0.03)
    assert start == pytest.approx(20, abs=0.03)


def test_what_follows_only_the_datum_follows_what_it_adds() -> None:
    """As with locates: a list of what is followed is taken at its word."""
    last = {"type": "intensity", "region": rect(100, 100, 40, 30), "follow": [2]}
    pose = {
        "type": "datum",
        "params": {"kind": "tool", "first": 1, "reference": {"x": 300, "y": 149.5, "angle_deg": 90}},
    }
    inspection = look(bright_corner(10, 50), locates()[0], pose, last)
    used = [s.shape for s in inspection.overlay if s.role == "region"][-1]
    assert isinstance(used, Rect)
    assert (used.x, used.y) == pytest.approx((100, 100), abs=0.03)
    alone = look(bright_corner(10, 50), locates()[0], pose | {"follow": []}, last)
    used = [s.shape for s in alone.overlay if s.role == "region"][-1]
    assert isinstance(used, Rect)
    assert (used.x, used.y) == pytest.approx((100, 150), abs=0.03)


def test_without_its_sources_a_datum_is_lost_and_says_which() -> None:
    last = mark(limits=[limit("radius", 1, 99)])
    inspection = look(plain(SIZE[1], SIZE[0]), *TWO_DISCS, last)
    pose, follower = inspection.tools[2:]
    assert (pose.status, pose.reason, pose.features) == ("not_found", "measure_missing", {})
    assert "circle 1" in pose.message
    assert (follower.status, follower.reason) == ("not_found", "datum_not_found")
    assert inspection.verdict == "undecided"


def test_parallel_lines_make_no_place() -> None:
    tools = (line((0, -50), 90), line((0, 50), 90), datum("two_lines", 1, 2, (75, -50), 0))
    outcome = look(part(), *tools).tools[2]
    assert (outcome.status, outcome.message) == ("not_found", "the lines are nearly parallel")


def test_a_circle_alone_has_no_angle() -> None:
    outcome = look(part(), circle(DISCS[0]), datum("tool", 1, None, DISCS[0][:2], 0)).tools[1]
    assert (outcome.status, outcome.reason) == ("error", "tool_error")
    assert "finds no pose" in outcome.message


def test_the_pose_is_as_sure_as_its_sources() -> None:
    tools = look(part(), *TWO_LINES).tools
    one, other, pose = (tool.features for tool in tools)
    assert pose["angle_sigma"] == one["angle_sigma"]
    assert max(one["sigma"], other["sigma"]) / 2 < pose["sigma"] < 10 * max(one["sigma"], other["sigma"])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"kind": "two_lines", "first": 1}, "every other needs two"),
        ({"kind": "tool", "first": 1, "second": 2}, "needs no second"),
        ({"kind": "two_points", "first": 1, "second": 1}, "two different tools"),
    ],
)
def test_what_makes_no_sense_is_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        recipe(circle(DISCS[0]), circle(DISCS[1]), {"type": "datum", "params": params})
