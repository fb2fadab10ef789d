"""Result objects in the words of the old wire."""

from __future__ import annotations

from typing import Any

import pytest

from analyticlens.protocol.limits import Limit
from analyticlens.protocol.oldwire import (
    pass_fail,
    region_used_to_wire,
    result_to_wire,
    summary_to_wire,
    tool_from_wire,
)
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Rect, Region
from analyticlens.protocol.words import Verdict

BLOB = tool_from_wire({"id": 2, "name": "placa", "type": "blob", "ROI": {"x": 1, "y": 2, "w": 3, "h": 4}}, 1)
ARROW: dict[str, Any] = {"p0": {"x": 0, "y": 5}, "p1": {"x": 90, "y": 5}}
TAUGHT = {"x": 40, "y": 5, "angle_deg": 0}
LOCATE = tool_from_wire({"id": 4, "name": "borda", "type": "locate", "arrow": ARROW, "reference": TAUGHT}, 1)
MATH = tool_from_wire(
    {"id": 5, "name": "razao", "type": "math", "operation": "blob_density", "reference_tool_id": 2}, 1
)


def outcome(kind: str = "blob", **fields: Any) -> ToolOutcome:
    """Return the outcome of a tool of this kind."""
    return ToolOutcome.model_validate({"id": 2, "name": "placa", "type": kind, "status": "ok", "ms": 1.5, **fields})


@pytest.mark.parametrize(
    ("verdict", "word"), [("ok", True), ("nok", False), ("undecided", False), ("error", False), (None, None)]
)
def test_only_ok_passes_and_what_does_not_judge_is_null(verdict: Verdict | None, word: bool | None) -> None:
    assert pass_fail(verdict) is word


def test_what_every_result_says() -> None:
    result = result_to_wire(outcome(verdict="nok"), {"image_modified": True}, BLOB)
    common = ("tool_id", "tool_name", "tool_type", "status", "image_modified", "pass_fail", "processing_time_ms")
    assert [result[name] for name in common] == [2, "placa", "blob", "success", True, False, 1.5]
    assert result["ROI"] == {"shape": "rect", "rect": {"x": 1, "y": 2, "w": 3, "h": 4}}
    assert "error" not in result


def test_the_roi_is_the_one_really_used() -> None:
    used = {"shape": "rect", "rect": {"x": 11, "y": 52, "w": 3, "h": 4}}
    assert result_to_wire(outcome(), {"ROI": used}, BLOB)["ROI"] == used


@pytest.mark.parametrize(
    ("region", "shape", "numbers"),
    [
        (Rect(x=0, y=0, w=752, h=480), "rect", {"x": 0, "y": 0, "w": 752, "h": 480}),
        (Rect(x=1.5, y=2, w=3, h=4, angle=5), "rect", {"x": 1.5, "y": 2, "w": 3, "h": 4, "angle": 5}),
        (Circle(cx=100, cy=80, r=40), "circle", {"cx": 100, "cy": 80, "r": 40}),
        (Ellipse(cx=1.5, cy=2, rx=3, ry=4, angle=5), "ellipse", {"cx": 1.5, "cy": 2, "rx": 3, "ry": 4, "angle": 5}),
        (Arrow.model_validate(ARROW), "arrow", ARROW),
    ],
)
def test_a_used_region_names_its_shape(region: Region, shape: str, numbers: dict[str, Any]) -> None:
    assert region_used_to_wire(region) == {"shape": shape, shape: numbers}


@pytest.mark.parametrize("status", ["error", "not_found", "roi_outside"])
def test_a_tool_that_could_not_work_says_why(status: str) -> None:
    result = result_to_wire(outcome(status=status, verdict="undecided", message="no edge"), {}, BLOB)
    assert (result["status"], result["error"], result["pass_fail"]) == ("error", "no edge", False)


def test_limits_are_told_as_tests() -> None:
    limits = [
        Limit(feature="total_area", min=5, max=9),
        Limit(feature="blob_count", min=1),
        Limit(feature="mean_area", max=2),
    ]
    features = {"total_area": 7.5, "blob_count": 1.0}
    tests = result_to_wire(outcome(limits=limits, features=features, verdict="undecided"), {}, BLOB)["test_results"]
    assert tests == {
        "total_area_test": {"passed": True, "min": 5, "max": 9, "actual": 7.5},
        "blob_count_test": {"passed": True, "min": 1, "max": None, "actual": 1},
        "mean_area_test": {"passed": False, "min": None, "max": 2, "actual": None},
        "overall_pass": False,
    }


def test_a_value_in_a_guard_band_does_not_pass_over_all() -> None:
    limits = [Limit(feature="blob_count", min=1, guard=0.5)]
    told = outcome(limits=limits, features={"blob_count": 1}, verdict="undecided")
    assert result_to_wire(told, {}, BLOB)["test_results"]["overall_pass"] is False


def test_a_locate_tool_tells_edges_result_and_offset() -> None:
    features = {"x": 50, "y": 5, "angle_deg": 1, "offset_x": 10, "offset_y": 0, "offset_angle_deg": 1, "edge_count": 1}
    edge = {"x": 50, "y": 5, "angle_deg": 1, "polarity": "dark_to_light", "strength": 9, "t": 0.5}
    result = result_to_wire(outcome("locate", features=features), {"edges": [edge]}, LOCATE)
    assert (result["edges"], result["edge_count"], result["reference"]) == ([edge], 1, TAUGHT)
    assert result["result"] == {"x": 50, "y": 5, "angle_deg": 1}
    assert result["offset"] == {"x": 10, "y": 0, "angle_deg": 1}


def test_a_locate_tool_that_found_nothing_has_no_result() -> None:
    result = result_to_wire(outcome("locate", status="not_found", features={"edge_count": 0}), {}, LOCATE)
    assert (result["edges"], result["edge_count"], result["result"], result["offset"]) == ([], 0, None, None)


def test_a_math_tool_tells_operation_and_result() -> None:
    result = result_to_wire(outcome("math", features={"result": 0.25}), {}, MATH)
    told = ("operation", "formula", "reference_tool_id", "result")
    assert [result[name] for name in told] == ["blob_density", "", 2, 0.25]


def test_the_summary_counts() -> None:
    results: list[dict[str, Any]] = [
        {"status": "success", "pass_fail": None, "processing_time_ms": 1.0},
        {"status": "success", "pass_fail": True, "processing_time_ms": 2.0},
        {"status": "error", "pass_fail": False, "processing_time_ms": 0.5},
    ]
    assert summary_to_wire(results, False, 5.0) == {
        "total_tools": 3,
        "successful_tools": 2,
        "failed_tools": 1,
        "pass_fail_tools": 2,
        "passed_tests": 1,
        "overall_pass": False,
        "total_processing_time_ms": 5.0,
        "tools_processing_time_ms": 3.5,
        "overhead_time_ms": 1.5,
    }
