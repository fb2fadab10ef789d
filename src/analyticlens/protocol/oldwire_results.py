"""Results in the words of the old wire: one object a tool, and the summary of an inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analyticlens.protocol.oldwire_regions import plain_number, region_used_to_wire
from analyticlens.protocol.oldwire_tools import BLOB_TESTS
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Region
from analyticlens.protocol.strict import plain
from analyticlens.protocol.tools import LocateTool, MathTool, Tool
from analyticlens.protocol.words import Verdict

_COUNTS = {"blob_count", "edge_count"}


def pass_fail(verdict: Verdict | None) -> bool | None:
    """Return the old wire's word for a tool's verdict: null when it does not count; a tool that could not judge did not pass."""
    return None if verdict is None else verdict == "ok"


def result_to_wire(outcome: ToolOutcome, details: Mapping[str, Any], tool: Tool) -> dict[str, Any]:
    """Return one tool's result object.

    details is what the engine kept of the tool for the old wire: `blobs`, `edges`, `ROI` (the region really used), `image_modified`.
    A tool that could not do its work has status "error" and says why.
    """
    result: dict[str, Any] = {
        "tool_id": outcome.id,
        "tool_name": outcome.name,
        "tool_type": outcome.type,
        "status": "success" if outcome.status == "ok" else "error",
        "image_modified": bool(details.get("image_modified", False)),
        "pass_fail": pass_fail(outcome.verdict),
        "processing_time_ms": outcome.ms,
        "ROI": details["ROI"] if "ROI" in details else _taught(tool.region),
    }
    if outcome.status != "ok":
        result["error"] = outcome.message or outcome.reason or outcome.status
    # A plug-in names its features itself: none may stand in the place of what every result says.
    result.update({key: value for key, value in _measures(outcome, details, tool).items() if key not in result})
    if outcome.texts:
        result["texts"] = dict(outcome.texts)
    return result


def _taught(region: Region | None) -> dict[str, Any] | None:
    return None if region is None else region_used_to_wire(region)


def _measures(outcome: ToolOutcome, details: Mapping[str, Any], tool: Tool) -> dict[str, Any]:
    """Return what this kind of tool measured; the other features of our own follow under their names."""
    if outcome.type == "blob":
        return _blob(outcome, details)
    if isinstance(tool, LocateTool):
        return _locate(outcome, details, tool)
    if isinstance(tool, MathTool):
        return _math(outcome, tool)
    return {**_numbers(outcome), **_tests(outcome)}


def _blob(outcome: ToolOutcome, details: Mapping[str, Any]) -> dict[str, Any]:
    features = outcome.features
    measured = {
        "blobs": list(details.get("blobs", ())),
        "blob_count": int(features.get("blob_count", 0)),
        "total_area": features.get("total_area", 0.0),
        "roi_area": features.get("roi_area", 0.0),
    }
    tests = _tests(outcome)
    return {**_numbers(outcome), **measured, "test_results": tests.get("test_results", {})}


def _locate(outcome: ToolOutcome, details: Mapping[str, Any], tool: LocateTool) -> dict[str, Any]:
    features = outcome.features
    reference = tool.params.reference
    return {
        "edges": list(details.get("edges", ())),
        "edge_count": int(features.get("edge_count", 0)),
        "reference": details.get("reference", None if reference is None else plain(reference)),
        "result": _place(features, ("x", "y", "angle_deg")),
        "offset": _place(features, ("offset_x", "offset_y", "offset_angle_deg")),
        **_tests(outcome),
    }


def _math(outcome: ToolOutcome, tool: MathTool) -> dict[str, Any]:
    return {
        "operation": tool.params.operation,
        "formula": tool.params.custom_formula if tool.params.operation == "custom_formula" else "",
        "reference_tool_id": tool.params.reference_tool_id,
        "result": outcome.features.get("result"),
        **_tests(outcome),
    }


def _place(features: Mapping[str, float], names: tuple[str, str, str]) -> dict[str, float] | None:
    """Return {x, y, angle_deg} from three features; None when the tool found nothing."""
    if any(name not in features for name in names):
        return None
    return dict(zip(("x", "y", "angle_deg"), (features[name] for name in names), strict=True))


def _numbers(outcome: ToolOutcome) -> dict[str, Any]:
    return {name: plain_number(value) if name in _COUNTS else value for name, value in outcome.features.items()}


def _tests(outcome: ToolOutcome) -> dict[str, Any]:
    """Return `test_results`, one a limit under the old test's name where there was one; nothing where nothing is tested."""
    if not outcome.limits:
        return {}
    names = {test.feature: test.flag for test in BLOB_TESTS}
    tests: dict[str, Any] = {}
    for limit in outcome.limits:
        value = outcome.features.get(limit.feature)
        inside = (
            value is not None
            and (limit.min is None or value >= limit.min)
            and (limit.max is None or value <= limit.max)
        )
        ends = {"min": limit.min, "max": limit.max, "actual": value}
        if limit.feature in _COUNTS:
            ends = {key: None if end is None else plain_number(end) for key, end in ends.items()}
        tests[names.get(limit.feature, f"{limit.feature}_test")] = {"passed": inside, **ends}
    tests["overall_pass"] = (
        outcome.status == "ok" and outcome.verdict in (None, "ok") and all(t["passed"] for t in tests.values())
    )
    return {"test_results": tests}


def summary_to_wire(results: Sequence[Mapping[str, Any]], approved: bool, total_ms: float) -> dict[str, Any]:
    """Return the `inspection_summary` of an inspection's result objects; total_ms is the time from frame to verdict."""
    judged = [result["pass_fail"] for result in results if result["pass_fail"] is not None]
    tools_ms = sum(float(result["processing_time_ms"]) for result in results)
    done = sum(result["status"] == "success" for result in results)
    return {
        "total_tools": len(results),
        "successful_tools": done,
        "failed_tools": len(results) - done,
        "pass_fail_tools": len(judged),
        "passed_tests": sum(judged),
        "overall_pass": approved,
        "total_processing_time_ms": total_ms,
        "tools_processing_time_ms": tools_ms,
        "overhead_time_ms": max(0.0, total_ms - tools_ms),
    }
