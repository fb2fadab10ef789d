"""What an installed machine answers, in our own words: 56 requests in the order of one session, and the three kinds of event.

An expectation is a value (equal), a kind (TEXT, NUMBER, FLAG, …: a number is a number), a list of one (each element), or an object (these
fields and no others, unless wrapped in `AtLeast`). Statuses, field names, types and the words that carry meaning are the contract; the
texts of errors and messages are not, but for the one that clients compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.legacy.driver import BLOB, LOGGING, NOBODY, SOURCE, TOOLS, TRIGGER


class Kind(NamedTuple):
    """Any value of these Python types."""

    name: str
    types: tuple[type, ...]


TEXT = Kind("text", (str,))
NUMBER = Kind("number", (int, float))
FLAG = Kind("flag", (bool,))
OBJECT = Kind("object", (dict,))


@dataclass(frozen=True)
class AtLeast:
    """An object that has these fields; an addition of ours may stand beside them."""

    fields: dict[str, Any]


@dataclass(frozen=True)
class OneOf:
    """Any of these values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Exchange:
    """One request and what must come back. `results` test results must have been heard before it is sent."""

    what: str
    method: str
    path: str
    send: Any
    status: int | tuple[int, ...]
    answer: Any
    results: int = 0


def differences(actual: Any, expected: Any, place: str = "answer") -> list[str]:
    """Return what is not as expected, one line each; nothing when all is."""
    if isinstance(expected, Kind):
        flag_as_number = isinstance(actual, bool) and bool not in expected.types
        fits = isinstance(actual, expected.types) and not flag_as_number
        return [] if fits else [f"{place}: {actual!r} is no {expected.name}"]
    if isinstance(expected, OneOf):
        return [] if actual in expected.values else [f"{place}: {actual!r} is none of {expected.values}"]
    if isinstance(expected, AtLeast):
        return _fields(actual, expected.fields, place, exact=False)
    if isinstance(expected, dict):
        return _fields(actual, expected, place, exact=True)
    if isinstance(expected, list) and len(expected) == 1 and isinstance(expected[0], (Kind, AtLeast)):
        if not isinstance(actual, list):
            return [f"{place}: {actual!r} is no list"]
        return [line for at, item in enumerate(actual) for line in differences(item, expected[0], f"{place}[{at}]")]
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return [f"{place}: {actual!r} is no list of {len(expected)}"]
        pairs = enumerate(zip(actual, expected, strict=True))
        return [line for at, (one, other) in pairs for line in differences(one, other, f"{place}[{at}]")]
    same = actual == expected and isinstance(actual, bool) == isinstance(expected, bool)
    return [] if same else [f"{place}: {actual!r} is not {expected!r}"]


def _fields(actual: Any, expected: dict[str, Any], place: str, *, exact: bool) -> list[str]:
    if not isinstance(actual, dict):
        return [f"{place}: {actual!r} is no object"]
    lines = [f"{place}.{name}: missing" for name in expected if name not in actual]
    if exact:
        lines += [f"{place}.{name}: not expected" for name in actual if name not in expected]
    for name, value in expected.items():
        if name in actual:
            lines += differences(actual[name], value, f"{place}.{name}")
    return lines


DONE = {"success": True}
DONE_SAID = {"success": True, "message": TEXT}
REFUSED = {"success": False, "error": TEXT}
CONNECTION = OneOf(("connected", "disconnected", "connecting", "error"))
LOGGING_ON = {"enabled": True, "mode": "keep_last", "max_logs": 50, "policy": "ALL", "batch_size": 1, "batch_ms": 100}
SET_TOOLS = [TOOLS[0], {**BLOB, "th_min": 30}, TOOLS[2]]
NEW_TOOL = {
    "id": 2,
    "name": "outro",
    "type": "blob",
    "ROI": {"x": 0, "y": 0, "w": 10, "h": 10},
    "th_min": 1,
    "th_max": 2,
}


def status(state: str, mode: str, trigger: tuple[str, int], logging: dict[str, Any], camera: int = 0) -> dict[str, Any]:
    """Return the status object of a machine in this state."""
    kind, interval = trigger
    waiting = state == "running" and kind == "trigger"
    return {
        "machine_id": "vm_001",
        "status": state,
        "mode": mode,
        "connection_status": CONNECTION,
        "error_msg": "",
        "timestamp": TEXT,
        "source_config": {**SOURCE, "camera_id": camera},
        "trigger_config": {"type": kind, "interval_ms": interval},
        "trigger_info": {"type": kind, "interval_ms": interval, "waiting_for_trigger": waiting},
        "logging_config": logging,
        "logging_buffer_size": NUMBER,
        "logs_count": NUMBER,
        "source_available": True,
    }


def _get(what: str, path: str, answer: Any, results: int = 0) -> Exchange:
    return Exchange(what, "GET", path, None, 200, answer, results)


def _put(what: str, path: str, send: Any, code: int = 200) -> Exchange:
    return Exchange(what, "PUT", path, send, code, DONE if code == 200 else REFUSED)


def _control(
    what: str, command: str, params: Any = None, *, code: int = 200, answer: Any = None, results: int = 0
) -> Exchange:
    send = {"command": command, "params": params or {}}
    settled = answer if answer is not None else DONE if code == 200 else REFUSED
    return Exchange(what, "POST", "/api/control", send, code, settled, results)


def _told(number: int, name: str, action: str, total: int) -> dict[str, Any]:
    return {"success": True, "tool_id": number, "tool_name": name, "action": action, "total_tools": total}


def _clear_error(code: int = 200) -> Exchange:
    return Exchange("clear the error", "DELETE", "/api/error", None, code, DONE_SAID if code == 200 else REFUSED)


_FOLDER = {"type": "pasta", "folder_path": "./test_images"}

EXCHANGES: list[Exchange] = [
    _get("a fresh machine", "/api/status", status("idle", "TESTE", ("continuous", 500), LOGGING)),
    _get("no error", "/api/error", {"status": "idle", "error_msg": ""}),
    _clear_error(404),
    _get("source", "/api/source_config", SOURCE),
    _get("trigger", "/api/trigger_config", TRIGGER),
    _get("no tools yet", "/api/inspection_config", {}),
    _get("logging", "/api/logging_config", {**LOGGING, "buffer_size": NUMBER}),
    _put("folder as source", "/api/source_config", _FOLDER),
    _put("logging on", "/api/logging_config", LOGGING_ON),
    _put("a policy nobody knows", "/api/logging_config", {"policy": "SOME"}, 500),
    _put("three tools", "/api/inspection_config", {"tools": SET_TOOLS}),
    _get("the tools as they were sent", "/api/inspection_config", {"tools": SET_TOOLS}),
    _put("by trigger", "/api/trigger_config", {"type": "trigger", "interval_ms": 500}),
    _get("trigger reads back", "/api/trigger_config", {"type": "trigger", "interval_ms": 500}),
    _put("a trigger nobody knows", "/api/trigger_config", {"type": "sometimes"}, 500),
    _put("too fast", "/api/trigger_config", {"type": "continuous", "interval_ms": 20}, 500),
    _control("trigger while stopped", "trigger", code=400),
    _control("start", "start_inspection"),
    _control("start again", "start_inspection", answer={"success": True, "message": "Inspeção já está rodando"}),
    _get("running", "/api/status", status("running", "TESTE", ("trigger", 500), LOGGING_ON)),
    _control("trigger", "trigger", answer=DONE_SAID),
    _get("after one", "/api/status", status("running", "TESTE", ("trigger", 500), LOGGING_ON), results=1),
    _control("change a tool", "config_tool", BLOB, answer=_told(2, "placa", "updated", 3)),
    _control("a new tool whose id is taken", "config_tool", NEW_TOOL, answer=_told(4, "outro", "added", 4)),
    _control("a tool without name", "config_tool", {"id": 9}, code=500),
    _control("no tool at all", "config_tool", code=400),
    _control("delete a tool", "delete_tool", {"id": 4}, answer=_told(4, "outro", "deleted", 3)),
    _control("delete an unknown tool", "delete_tool", {"id": 77}, code=500),
    _control("delete without id", "delete_tool", code=400),
    _control("delete with a bad id", "delete_tool", {"id": "x"}, code=400),
    _put("continuous", "/api/trigger_config", {"type": "continuous", "interval_ms": 200}),
    _control("trigger while continuous", "trigger", code=400),
    _control("stop", "stop_inspection", results=3),
    _get("stopped", "/api/status", status("idle", "TESTE", ("continuous", 200), LOGGING_ON)),
    _control("to RUN", "change_mode", {"mode": "RUN"}, answer={"success": True, "new_mode": "RUN"}),
    _control("a mode nobody knows", "change_mode", {"mode": "FAST"}, code=400),
    _control("a command nobody knows", "dance", code=400),
    _get("in RUN", "/api/status", status("idle", "RUN", ("continuous", 200), LOGGING_ON)),
    _control("start in RUN", "start_inspection"),
    _control("stop again", "stop_inspection"),
    _put("a camera that is not there", "/api/source_config", {"type": "camera", "camera_id": 999}, 500),
    _get("the error is told", "/api/error", {"status": "error", "error_msg": TEXT}),
    _control("start with an error", "start_inspection", code=400),
    _clear_error(),
    _put("the folder again", "/api/source_config", _FOLDER),
    _put("a source nobody knows", "/api/source_config", {"type": "telescope"}, 500),
    _clear_error(),
    _put("the folder once more", "/api/source_config", _FOLDER),
    Exchange("set an error", "POST", "/api/error", {"error_msg": "teste"}, 200, DONE_SAID),
    Exchange("set an empty error", "POST", "/api/error", {"error_msg": ""}, 400, REFUSED),
    _clear_error(),
    Exchange(
        "send logs where nobody is",
        "POST",
        "/api/logs/sync",
        {"django_url": NOBODY},
        200,
        {"success": True, "uploaded": 0, "failed": NUMBER, "remaining": NUMBER, "before": NUMBER},
    ),
    _control(
        "clear the logs",
        "clear_logs",
        answer={"success": True, "removed": NUMBER, "errors": 0, "remaining": 0},
    ),
    _get("the end", "/api/status", status("idle", "RUN", ("continuous", 200), LOGGING_ON, camera=999)),
    Exchange("not JSON", "POST", "/api/control", b"{", (400, 500), REFUSED),
    Exchange("no body", "POST", "/api/control", b"", (400, 500), REFUSED),
]

WHOLE = {"shape": "rect", "rect": {"x": 0, "y": 0, "w": 752, "h": 480}}
COMMON = {"tool_name": TEXT, "status": "success", "image_modified": FLAG, "processing_time_ms": NUMBER, "ROI": WHOLE}
GREY_RESULT = AtLeast({**COMMON, "tool_id": 1, "tool_type": "grayscale", "image_modified": True, "pass_fail": None})
BLOB_RESULT = AtLeast(
    {
        **COMMON,
        "tool_id": 2,
        "tool_type": "blob",
        "pass_fail": False,
        "blobs": [
            AtLeast(
                {
                    "area": NUMBER,
                    "centroid": [NUMBER, NUMBER],
                    "bounding_box": [NUMBER, NUMBER, NUMBER, NUMBER],
                    "contour": Kind("list", (list,)),
                    "contours": Kind("list", (list,)),
                }
            )
        ],
        "blob_count": 1,
        "total_area": NUMBER,
        "roi_area": 360960,
        "test_results": {
            "total_area_test": {"passed": False, "min": 50000, "max": 51000, "actual": NUMBER},
            "blob_count_test": {"passed": True, "min": 1, "max": 1, "actual": 1},
            "overall_pass": False,
        },
    }
)
MATH_RESULT = AtLeast(
    {
        **COMMON,
        "tool_id": 3,
        "tool_type": "math",
        "pass_fail": None,
        "reference_tool_id": 2,
        "operation": "area_ratio",
        "formula": "",
        "result": NUMBER,
    }
)
EVENTS: dict[str, dict[str, Any]] = {
    "connected": {"machine_id": "vm_001", "status": "idle", "mode": "TESTE"},
    "status_update": {"machine_id": "vm_001", "status": "idle", "mode": "TESTE", "timestamp": TEXT},
    "test_result": {
        "aprovados": NUMBER,
        "reprovados": NUMBER,
        "frame": NUMBER,
        "time": TEXT,
        "tools": Kind("list", (list,)),
        "result": [GREY_RESULT, BLOB_RESULT, MATH_RESULT],
        "timestamp": TEXT,
        "source_type": "pasta",
        "mode": "TESTE",
        "image_base64": TEXT,
        "mime": "image/jpeg",
        "resolution": [752, 480],
    },
}
