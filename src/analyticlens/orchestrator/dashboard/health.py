"""What a machine's heartbeat says of its health, as pairs of words and numbers; what it did not say is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext

from dashboard import numbers, words


class Item(NamedTuple):
    """One line."""

    label: str
    value: str


def items(report: Mapping[str, Any]) -> list[Item]:
    """Return the lines of a stored heartbeat; none for an empty one."""
    if not report:
        return []
    box, outbox = report.get("health") or {}, report.get("outbox") or {}
    lines = [
        (gettext("Inspections a second"), _with(report.get("fps"), "", 1)),
        (gettext("Inspection time, median"), _with(report.get("latency_p50_ms"), "ms", 1)),
        (gettext("Inspection time, 99 % within"), _with(report.get("latency_p99_ms"), "ms", 1)),
        (gettext("Age of the last frame"), _span(report.get("frame_age_seconds"))),
        *_source(report.get("source") or {}),
        (gettext("Waiting to be delivered"), _waiting(outbox)),
        (gettext("Missed triggers"), _with((report.get("counters") or {}).get("missed"), "", 0)),
        (gettext("Processor"), _with(box.get("cpu_usage"), "%", 0)),
        (gettext("Memory"), _with(box.get("memory_usage"), "%", 0)),
        (gettext("Free disk"), _disk(box.get("disk_free_mb"))),
        (gettext("Temperature"), _with(box.get("temperature_c"), "°C", 0)),
        (gettext("Running since"), _span(report.get("uptime_seconds"))),
        (gettext("Program"), str(report.get("app_version") or "")),
        (gettext("Engine"), str(report.get("engine_version") or "")),
    ]
    return [Item(label, value) for label, value in lines if value]


def _source(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the lines of a live source: what is in force at the camera, whatever was asked of it."""
    size = told.get("resolution")
    restarts = told.get("restarts")
    return [
        (gettext("Camera's frames"), f"{size[0]} × {size[1]}" if isinstance(size, list) and len(size) == 2 else ""),
        (gettext("Camera's frames a second"), _with(told.get("fps"), "", 1)),
        (gettext("Exposure in force"), _with(told.get("exposure"), "", 1)),
        (gettext("Gain in force"), _with(told.get("gain"), "", 1)),
        (gettext("Camera opened anew within 10 minutes"), _with(restarts, "", 0) if restarts else ""),
    ]


def _with(value: Any, unit: str, digits: int) -> str:
    if not isinstance(value, int | float):
        return ""
    return f"{numbers.text(float(value), digits)} {unit}".strip()


def _span(seconds: Any) -> str:
    return words.span(seconds) if isinstance(seconds, int | float) else ""


def _disk(megabytes: Any) -> str:
    return _with(megabytes / 1024, "GB", 1) if isinstance(megabytes, int | float) else ""


def _waiting(outbox: Mapping[str, Any]) -> str:
    depth = outbox.get("depth")
    if not isinstance(depth, int):
        return ""
    if depth == 0:
        return numbers.text(0)
    oldest = words.span(outbox.get("oldest_seconds") or 0)
    return gettext("{n}, the oldest for {age}").format(n=numbers.text(depth), age=oldest)
