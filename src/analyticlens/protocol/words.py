"""The vocabulary of the database and of the old wire, and the one translation table between them.

Database words are the seed document's; wire words are those the installed Flask machines speak. Where several database words share a
wire word, what the machine was before decides (`incoming_*` take the current word).
"""

from __future__ import annotations

from typing import Literal, get_args

Status = Literal["stopped", "running", "error", "maintenance", "offline"]
Mode = Literal["PRODUCAO", "TESTE", "DESENVOLVIMENTO"]
ConnectionStatus = Literal["connected", "disconnected", "connecting", "error"]
SourceType = Literal["camera", "camera_IP", "pasta", "rtsp", "picamera2", "genicam"]
TriggerType = Literal["continuous", "manual", "external", "scheduled"]
RunState = Literal["stopped", "running"]
Verdict = Literal["ok", "nok", "undecided", "error"]
ToolStatus = Literal["ok", "not_found", "roi_outside", "error"]

WireStatus = Literal["idle", "running", "error"]
WireMode = Literal["TESTE", "RUN"]
WireTrigger = Literal["continuous", "trigger"]
WireSource = Literal["pasta", "camera", "camera_IP", "picamera2", "rtsp", "genicam"]

STATUSES: tuple[Status, ...] = get_args(Status)
MODES: tuple[Mode, ...] = get_args(Mode)
CONNECTION_STATUSES: tuple[ConnectionStatus, ...] = get_args(ConnectionStatus)
SOURCE_TYPES: tuple[SourceType, ...] = get_args(SourceType)
TRIGGER_TYPES: tuple[TriggerType, ...] = get_args(TriggerType)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_STATUS_OUT: dict[Status, WireStatus] = {
    "stopped": "idle",
    "maintenance": "idle",
    "offline": "idle",
    "running": "running",
    "error": "error",
}
_MODE_OUT: dict[Mode, WireMode] = {"PRODUCAO": "RUN", "TESTE": "TESTE", "DESENVOLVIMENTO": "TESTE"}
_TRIGGER_OUT: dict[TriggerType, WireTrigger] = {
    "continuous": "continuous",
    "manual": "trigger",
    "external": "trigger",
    "scheduled": "trigger",
}
_SOURCE_OUT: dict[SourceType, WireSource] = {
    "camera": "camera",
    "camera_IP": "camera_IP",
    "pasta": "pasta",
    "rtsp": "camera_IP",
    "picamera2": "picamera2",
    "genicam": "genicam",
}
_VERDICT_RANK: dict[Verdict, int] = {"ok": 0, "undecided": 1, "nok": 2, "error": 3}


def wire_status(status: Status) -> WireStatus:
    """Return the old wire's word for a database status."""
    return _STATUS_OUT[status]


def incoming_status(word: str, current: Status) -> Status:
    """Return the database status for a wire word; `idle` is stopped unless people set maintenance. ValueError if unknown."""
    if current == "maintenance":
        return current
    match word:
        case "idle" | "stopped":
            return "stopped"
        case "running":
            return "running"
        case "error":
            return "error"
    raise ValueError(f"unknown status on the wire: {word!r}")


def wire_mode(mode: Mode) -> WireMode:
    """Return the old wire's word for a mode."""
    return _MODE_OUT[mode]


def incoming_mode(word: str, current: Mode) -> Mode:
    """Return the mode for a wire word; `TESTE` leaves DESENVOLVIMENTO alone. ValueError if unknown."""
    match word:
        case "RUN":
            return "PRODUCAO"
        case "TESTE":
            return "DESENVOLVIMENTO" if current == "DESENVOLVIMENTO" else "TESTE"
    raise ValueError(f"unknown mode on the wire: {word!r}")


def wire_trigger(trigger: TriggerType) -> WireTrigger:
    """Return the old wire's word for a trigger type."""
    return _TRIGGER_OUT[trigger]


def incoming_trigger(word: str, current: TriggerType) -> TriggerType:
    """Return the trigger type for a wire word; `trigger` keeps manual, external or scheduled, else it is manual. ValueError if unknown."""
    match word:
        case "continuous":
            return "continuous"
        case "trigger":
            return current if current != "continuous" else "manual"
    raise ValueError(f"unknown trigger on the wire: {word!r}")


def wire_source(source: SourceType) -> WireSource:
    """Return the old wire's word for a source type."""
    return _SOURCE_OUT[source]


def incoming_source(word: str, current: SourceType) -> SourceType:
    """Return the source type for a wire word; `camera_IP` keeps rtsp, `camerapi2` is picamera2. ValueError if unknown."""
    if word == "camera_IP" and current == "rtsp":
        return "rtsp"
    if word == "camerapi2":
        return "picamera2"
    for known in SOURCE_TYPES:
        if word == known:
            return known
    raise ValueError(f"unknown source on the wire: {word!r}")


def worst(verdicts: list[Verdict]) -> Verdict:
    """Return the verdict of an inspection from its tools': error outranks nok, which outranks undecided, which outranks ok.

    Nothing judged is `undecided`: an empty list is never `ok`.
    """
    return max(verdicts, key=_VERDICT_RANK.__getitem__, default="undecided")
