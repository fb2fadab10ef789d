"""Overlays on pictures: every shape where it is, every verdict in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from analyticlens.engine import Inspection, inspect, prepare
from analyticlens.machine.inspect_cli.painting import outlines, painted
from analyticlens.protocol.overlay import Overlay, OverlayShape
from analyticlens.protocol.recipe import Recipe

SHAPES: dict[str, dict[str, Any]] = {
    "rect": {"shape": "rect", "x": 20, "y": 30, "w": 40, "h": 20, "angle": 30},
    "circle": {"shape": "circle", "cx": 50, "cy": 60, "r": 25},
    "ellipse": {"shape": "ellipse", "cx": 50, "cy": 60, "rx": 30, "ry": 10, "angle": 45},
    "ring": {"shape": "ring", "cx": 50, "cy": 60, "inner": 10, "outer": 20},
    "part of a ring": {"shape": "ring", "cx": 50, "cy": 60, "inner": 10, "outer": 20, "start": 10, "sweep": 90},
    "arrow": {"shape": "arrow", "p0": {"x": 10, "y": 10}, "p1": {"x": 70, "y": 50}, "width": 9},
    "polygon": {"shape": "polygon", "points": [[10, 10], [60, 20], [30, 70]]},
    "cross": {"shape": "cross", "at": {"x": 40, "y": 40}, "angle_deg": 30},
}


def overlay(shape: dict[str, Any]) -> Overlay:
    return Overlay.model_validate({"tool_id": 1, "role": "found", "shape": shape})


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("size", [(90, 100), (700, 900)])
def test_every_shape_is_drawn(name: str, size: tuple[int, int]) -> None:
    frame = np.full(size, 90, np.uint8)
    bare = painted(frame, Inspection("ok"))
    drawn = painted(frame, Inspection("ok", overlay=(overlay(SHAPES[name]),)))
    assert (drawn != bare).any(axis=2).sum() > 20


def test_there_is_a_drawing_for_every_kind_of_shape() -> None:
    schema = TypeAdapter(OverlayShape).json_schema()
    kinds = set(schema["discriminator"]["mapping"])
    assert kinds == {str(shape["shape"]) for shape in SHAPES.values()}


def test_a_rectangle_goes_round_its_pixels() -> None:
    ((points, closed),) = outlines(overlay({"shape": "rect", "x": 10, "y": 20, "w": 30, "h": 8}).shape)
    assert closed
    np.testing.assert_allclose(points, [(9.5, 19.5), (39.5, 19.5), (39.5, 27.5), (9.5, 27.5)])


def test_shapes_turn_from_x_towards_y() -> None:
    ((points, _),) = outlines(overlay({"shape": "ellipse", "cx": 0, "cy": 0, "rx": 10, "ry": 1, "angle": 90}).shape)
    assert points[0] == pytest.approx((0, 10), abs=1e-9)


def test_what_lies_far_outside_harms_nothing() -> None:
    frame = np.zeros((40, 60), np.uint8)
    far = overlay({"shape": "circle", "cx": 99_000, "cy": -99_000, "r": 99_000})
    assert painted(frame, Inspection("ok", overlay=(far,))).shape[1] == 8 * 60


def test_the_verdict_and_the_tools_stand_above_the_picture_in_words() -> None:
    region = {"shape": "rect", "x": 1, "y": 1, "w": 30, "h": 20}
    tool = {
        "id": 1,
        "name": "Inspeção",
        "type": "blob",
        "region": region,
        "limits": [{"feature": "blob_count", "min": 1}],
    }
    frame = np.zeros((90, 700, 3), np.uint8)
    drawn = painted(frame, inspect(frame, prepare(Recipe.model_validate({"tools": [tool]}))))
    first, second = drawn[:18], drawn[18 : len(drawn) - 90]
    assert (first.max(axis=2) > 150).sum() > 100
    assert (second.max(axis=2) > 150).sum() > 100


def test_the_frame_is_not_written_into() -> None:
    frame = np.full((400, 700, 3), 80, np.uint8)
    before = frame.copy()
    painted(frame, Inspection("nok", message="x", overlay=(overlay(SHAPES["circle"]),)))
    np.testing.assert_array_equal(frame, before)
