"""What a machine's heartbeat says of its health, as pairs of words and numbers; what it did not say is left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.formats import date_format
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
    picture = report.get("picture") or {}
    counters, trigger = report.get("counters") or {}, report.get("trigger") or {}
    lines = [
        (gettext("Inspections a second"), _with(report.get("fps"), "", 1)),
        (gettext("Inspection time, median"), _with(report.get("latency_p50_ms"), "ms", 1)),
        (gettext("Inspection time, 99 % within"), _with(report.get("latency_p99_ms"), "ms", 1)),
        (gettext("Age of the last frame"), _span(report.get("frame_age_seconds"))),
        *_source(report.get("source") or {}),
        (gettext("Waiting to be delivered"), _waiting(outbox)),
        (gettext("Missed triggers"), _with(counters.get("missed"), "", 0)),
        (gettext("Refused triggers"), _with(counters.get("refused"), "", 0)),
        (gettext("Triggers waiting"), _with(trigger.get("waiting"), "", 0)),
        (gettext("Signals from outside"), _signals(trigger)),
        (gettext("Next by timetable"), _moments(trigger)),
        (gettext("Picture: brightness"), _with(picture.get("brightness"), "%", 0)),
        (gettext("Picture: black"), _with(picture.get("black"), "%", 1)),
        (gettext("Picture: saturated"), _with(picture.get("saturated"), "%", 1)),
        (gettext("Picture: sharpness, of commissioning"), _with(picture.get("sharpness_share"), "%", 0)),
        (gettext("Picture: displacement"), _with(picture.get("displacement"), "px", 2)),
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


def _signals(trigger: Mapping[str, Any]) -> str:
    """Say whether signals are heard; nothing of a machine that listens to none."""
    if trigger.get("error"):
        return gettext("not heard")
    if not trigger.get("listening"):
        return ""
    ignored = trigger.get("ignored") or 0
    return gettext("heard, {n} ignored").format(n=numbers.text(ignored)) if ignored else gettext("heard")


def _moments(trigger: Mapping[str, Any]) -> str:
    """Print the next moments of a timetable in its own time zone, as the machine says them."""
    return ", ".join(_moment(str(moment)) for moment in trigger.get("next") or ())


def _moment(said: str) -> str:
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return said
    return f"{date_format(moment, 'SHORT_DATE_FORMAT')} {moment:%H:%M}"
