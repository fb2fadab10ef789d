"""What the old wire says: the status object, a test result, the document of a result log."""

from __future__ import annotations

import base64
import uuid
from datetime import datetime
from typing import Any

from analyticlens.machine import clock
from analyticlens.machine.oldwire.alog import ResultLog
from analyticlens.machine.oldwire.logs import LogBook
from analyticlens.machine.station import ResultEvent, StationStatus
from analyticlens.protocol.oldwire import (
    logging_to_wire,
    recipe_to_wire,
    result_to_wire,
    source_to_wire,
    summary_to_wire,
    trigger_to_wire,
)
from analyticlens.protocol.records import ToolOutcome, VerdictBody
from analyticlens.protocol.tools import Tool
from analyticlens.protocol.words import wire_mode, wire_status


def iso_now() -> str:
    """Return the local wall clock as the old machines write it in a status: ISO 8601 without a zone."""
    return clock.wall().astimezone().replace(tzinfo=None).isoformat()


def local_text(wall: str) -> str:
    """Return an ISO 8601 time with zone as the old machines write it in a result: local, "YYYY-MM-DD HH:MM:SS"."""
    return datetime.fromisoformat(wall).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def state_message(status: StationStatus) -> dict[str, Any]:
    """Return {machine_id, status, mode}: what a new connection is told."""
    return {
        "machine_id": status.machine_id,
        "status": wire_status(status.status),
        "mode": wire_mode(status.mode),
    }


def status_object(status: StationStatus, book: LogBook) -> dict[str, Any]:
    """Return the full status object."""
    configuration = status.configuration
    trigger = trigger_to_wire(configuration.trigger)
    return {
        **state_message(status),
        "connection_status": status.connection_status,
        "error_msg": status.error_message,
        "timestamp": iso_now(),
        "source_config": source_to_wire(configuration.source),
        "trigger_config": trigger,
        "trigger_info": {**trigger, "waiting_for_trigger": status.waiting_for_trigger},
        "logging_config": logging_to_wire(configuration.logging),
        "logging_buffer_size": book.buffered,
        "logs_count": book.count,
        "source_available": status.source_available,
    }


def current_tools(status: StationStatus) -> list[dict[str, Any]] | None:
    """Return the tools as the client that set them wrote them, else as the recipe means them; None where none were ever set."""
    if status.wire_tools is not None:
        return [dict(tool) for tool in status.wire_tools]
    return None if status.recipe is None else recipe_to_wire(status.recipe)


def test_result(event: ResultEvent) -> dict[str, Any]:
    """Return the `test_result` message of one inspection."""
    picture = event.processed_jpeg or b""
    return {
        **_outcome(event),
        "source_type": event.source_type,
        "mode": wire_mode(event.body.mode),
        "image_base64": base64.b64encode(picture).decode("ascii"),
        "mime": "image/jpeg",
        "resolution": list(event.resolution),
    }


def result_log(event: ResultEvent) -> ResultLog:
    """Return the result log of one inspection."""
    outcome = _outcome(event)
    approved = event.body.verdict == "ok"
    width, height = event.resolution
    document = {
        "id": str(uuid.uuid4()),
        "timestamp": outcome["timestamp"],
        "approved": approved,
        "width": width,
        "height": height,
        "result": {"inspection_summary": summary_to_wire(outcome["result"], approved, event.duration_ms), **outcome},
    }
    return ResultLog(document, event.processed_jpeg or b"")


def _outcome(event: ResultEvent) -> dict[str, Any]:
    """Return what a test result and a result log both say."""
    tools = event.wire_tools
    if tools is None:
        tools = () if event.recipe is None else tuple(recipe_to_wire(event.recipe))
    return {
        "aprovados": event.aprovados,
        "reprovados": event.reprovados,
        "frame": event.frame,
        "time": f"{event.duration_ms:.2f}ms",
        "tools": list(tools),
        "result": _results(event),
        "timestamp": local_text(event.body.wall),
    }


def _results(event: ResultEvent) -> list[dict[str, Any]]:
    """Return one result object a tool of the recipe."""
    if event.recipe is None:
        return []
    told = {outcome.id: outcome for outcome in event.body.tools}
    return [
        result_to_wire(told.get(tool.id) or _untold(tool, event.body), event.details.get(tool.id, {}), tool)
        for tool in event.recipe.tools
    ]


def _untold(tool: Tool, body: VerdictBody) -> ToolOutcome:
    """Return the outcome of a tool the inspection never reached: it could not judge."""
    judges = tool.judge and bool(tool.limits)
    return ToolOutcome(
        id=tool.id,
        name=tool.name,
        type=tool.type,
        status="error",
        verdict="error" if judges else None,
        reason=body.reason,
        message=body.message,
    )
