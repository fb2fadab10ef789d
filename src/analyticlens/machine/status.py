"""What a station says of itself: its status, and the event of one finished inspection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.heartbeat import Applied, Counters, LastVerdict, TriggerState
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import VerdictBody
from analyticlens.protocol.words import ConnectionStatus, Mode


@dataclass(frozen=True, slots=True)
class RunCounters:
    """Since this process started, in the old wire's words: approved, everything else, both."""

    aprovados: int = 0
    reprovados: int = 0
    frame: int = 0


@dataclass(frozen=True, slots=True)
class StationStatus:
    """One consistent look at the station. `error_message` is "" when there is no error."""

    machine_id: str
    status: Literal["stopped", "running", "error"]
    mode: Mode
    connection_status: ConnectionStatus
    error_message: str
    configuration: Configuration
    recipe: Recipe | None
    recipe_sha256: str | None
    wire_tools: tuple[dict[str, Any], ...] | None
    counters: Counters
    run_counters: RunCounters
    waiting_for_trigger: bool
    source_available: bool
    generation: int
    config_version: int
    django_url: str
    websocket_update_seconds: float
    applied: Applied = field(default_factory=Applied)
    last_verdict: LastVerdict | None = None
    warnings: tuple[str, ...] = ()
    trigger: TriggerState = field(default_factory=TriggerState)


@dataclass(frozen=True, slots=True)
class ResultEvent:
    """One inspection after its verdict was committed.

    `details` is {tool id: what only the old wire shows}; `processed_jpeg` the working picture after the filters at quality 70, None
    when no subscriber wanted it; `resolution` its width and height; `duration_ms` from trigger to result.
    """

    body: VerdictBody
    details: dict[int, dict[str, Any]]
    processed_jpeg: bytes | None
    resolution: tuple[int, int]
    recipe: Recipe | None
    wire_tools: tuple[dict[str, Any], ...] | None
    source_type: str
    duration_ms: float
    aprovados: int
    reprovados: int
    frame: int
