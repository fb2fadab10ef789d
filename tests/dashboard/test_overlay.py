"""Overlays become drawings: where the shapes lie, how they look, where the badges stand."""

from __future__ import annotations

import re

import pytest

from dashboard.overlay import Drawing, drawing

RECT = {"tool_id": 7, "role": "region", "shape": {"shape": "rect", "x": 10, "y": 20, "w": 30, "h": 40}}
TOOLS = [{"id": 3, "status": "ok"}, {"id": 7, "status": "ok", "verdict": "nok"}]


def drawn(*overlay: object) -> Drawing:
    made = drawing(100, 50, overlay, TOOLS)
    assert made is not None
    return made


def numbers_of(path: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", path)]


def test_a_rectangle_covers_its_pixels_whole() -> None:
    assert numbers_of(drawn(RECT).lines[0].path) == [10, 20, 40, 20, 40, 60, 10, 60]


def test_a_rectangle_turned_by_a_quarter_keeps_its_centre() -> None:
    turned = {**RECT, "shape": {**RECT["shape"], "angle": 90}}  # type: ignore[dict-item]
    corners = numbers_of(drawn(turned).lines[0].path)
    assert sum(corners[::2]) / 4 == pytest.approx(25)
    assert sum(corners[1::2]) / 4 == pytest.approx(40)
    assert max(corners[::2]) - min(corners[::2]) == pytest.approx(40)


def test_a_regions_look_is_its_tools_verdict() -> None:
    assert drawn(RECT).lines[0].look == "region nok"


def test_regions_are_drawn_over_what_was_found() -> None:
    cross = {"tool_id": 3, "role": "found", "shape": {"shape": "cross", "at": {"x": 5, "y": 5}}}
    assert [line.look for line in drawn(RECT, cross).lines] == ["found", "found", "region nok"]


@pytest.mark.parametrize(("count", "look"), [(3, "defect"), (0, "found")])
def test_what_was_found_is_a_defect_only_where_there_is_too_much_of_it(count: int, look: str) -> None:
    outline = {"tool_id": 7, "role": "found", "shape": {"shape": "polygon", "points": [[0, 0], [5, 0], [5, 5]]}}
    limit = {"feature": "blob_count", "min": 1, "max": 2}
    tool = {"id": 7, "status": "ok", "verdict": "nok", "features": {"blob_count": count}, "limits": [limit]}
    made = drawing(100, 50, [outline], [tool])
    assert made is not None
    assert made.lines[0].look == look


def test_a_failing_region_is_drawn_over_its_neighbours() -> None:
    calm = {**RECT, "tool_id": 3}
    assert [line.look for line in drawn(RECT, calm).lines] == ["region", "region nok"]


def test_an_arrow_has_a_shaft_and_a_head() -> None:
    ends = {"p0": {"x": 0, "y": 10}, "p1": {"x": 40, "y": 10}}
    arrow = {"tool_id": 3, "role": "region", "shape": {"shape": "arrow", **ends}}
    shaft, head = drawn(arrow).lines
    assert numbers_of(shaft.path) == [0.5, 10.5, 40.5, 10.5]
    assert numbers_of(head.path)[2:4] == [40.5, 10.5]
    assert shaft.look == "datum"


def test_a_badge_names_the_tools_place_in_the_recipe() -> None:
    badge = drawn(RECT).badges[0]
    assert (badge.number, badge.verdict) == (2, "nok")


def test_badges_at_one_place_stand_side_by_side() -> None:
    first, second = drawn(RECT, {**RECT, "tool_id": 3}).badges
    assert float(second.left[:-1]) - float(first.left[:-1]) == pytest.approx(5, abs=0.1)


def test_a_badge_stays_inside_the_picture() -> None:
    outside = {**RECT, "shape": {**RECT["shape"], "x": -500, "y": 900}}  # type: ignore[dict-item]
    badge = drawn(outside).badges[0]
    assert 0 <= float(badge.left[:-1]) <= 95
    assert 0 <= float(badge.top[:-1]) <= 94


def test_what_is_no_overlay_is_left_out() -> None:
    assert drawn(RECT, {"tool_id": 1}, "<script>", None).lines[0].look == "region nok"


def test_without_a_size_nothing_is_drawn() -> None:
    assert drawing(0, 0, [RECT], TOOLS) is None
