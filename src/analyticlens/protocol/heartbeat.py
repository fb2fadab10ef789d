"""Heartbeats: what a machine says it is, every five seconds, and what it is answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from analyticlens.protocol.strict import (
    Count,
    EpochId,
    Finite,
    LongText,
    Milliseconds,
    MonoTime,
    Number,
    Percent,
    Seconds,
    Sha256,
    ShortText,
    Strict,
    WallTime,
)
from analyticlens.protocol.words import Mode, Verdict

HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 10.0
OFFLINE_SECONDS = 15.0


class EpochMark(Strict):
    """One epoch of an outbox and how far it is delivered."""

    epoch: EpochId
    """Random id of one opening of the outbox."""
    epoch_no: Number
    """Which opening of the outbox it is."""
    mark: Count
    """Contiguous high-water mark: what the other side acknowledged, or acknowledges."""
    last: Count = 0
    """Highest number written; 0 in an answer."""


class Applied(Strict):
    """How far the machine is with what people asked."""

    version: Count = 0
    """Newest desired version looked at."""
    running_version: Count = 0
    """Desired version in force."""
    state: Literal["none", "applying", "applied", "rejected", "rolled_back"] = "none"
    """What became of the newest."""
    error: LongText = ""
    """The machine's own words when it refused."""


class Counters(Strict):
    """Since the machine was made."""

    triggered: Count = 0
    """Triggers seen."""
    inspected: Count = 0
    """Inspections done, whatever their verdict."""
    ok: Count = 0
    """Verdicts ok."""
    nok: Count = 0
    """Verdicts nok."""
    undecided: Count = 0
    """Verdicts undecided."""
    error: Count = 0
    """Verdicts error."""
    missed: Count = 0
    """Triggers that could not be served."""


class OutboxState(Strict):
    """What waits to be delivered."""

    depth: Count = 0
    """Records not yet acknowledged."""
    oldest_seconds: Seconds = 0
    """Age of the oldest of them."""
    pictures: Count = 0
    """Pictures not yet delivered."""


class Health(Strict):
    """The box. None where it cannot be read."""

    cpu_usage: Percent | None = None
    """Processors busy."""
    memory_usage: Percent | None = None
    """Memory in use."""
    disk_free_mb: Annotated[Finite, Field(ge=0, le=1e12, json_schema_extra={"unit": "MB"})] | None = None
    """Room left where the data lies."""
    temperature_c: Annotated[Finite, Field(ge=-100, le=300, json_schema_extra={"unit": "°C"})] | None = None
    """Hottest sensor."""


DriverSteps = Annotated[Finite, Field(ge=-1e9, le=1e9)]


class SourceFacts(Strict):
    """How a live source is: what its frames are, beside what was asked of it. None where it does not say."""

    resolution: tuple[Count, Count] | None = None
    """Width and height of its frames."""
    fps: Annotated[Finite, Field(ge=0, le=100_000, json_schema_extra={"unit": "1/s"})] | None = None
    """Frames a second, lately."""
    exposure: DriverSteps | None = None
    """Exposure in force, in the driver's steps."""
    gain: DriverSteps | None = None
    """Gain in force, in the driver's steps."""
    restarts: Count = 0
    """Times it was lost and opened anew within ten minutes."""


class LastVerdict(Strict):
    """The newest inspection, so that a page need not wait for the outbox to drain."""

    cycle: Count
    """Its cycle number."""
    verdict: Verdict
    """Its verdict."""
    reason: ShortText | None = None
    """Why it is not ok, as a word a page can translate."""
    wall: WallTime


class Heartbeat(Strict):
    """POST heartbeat. The first of an epoch is the birth and carries the marks of all epochs still kept."""

    epoch: EpochId
    """Random id of this opening of the outbox."""
    epoch_no: Number
    """Which opening it is; order is (epoch_no, hb_seq)."""
    hb_seq: Number
    """Counts heartbeats inside the epoch."""
    birth: bool = False
    """First heartbeat of its epoch."""
    marks: list[EpochMark] = Field([], max_length=1000)
    """All epochs still kept, at a birth and when asked."""
    instance_id: ShortText = ""
    """The orchestrator's instance this machine last heard of."""
    wall: WallTime
    mono_ns: MonoTime = 0
    uptime_seconds: Seconds = 0
    """Since the machine's process began."""
    app_version: ShortText = ""
    """Version of the machine's software."""
    engine_version: ShortText = ""
    """Version of its engine."""
    status: Literal["stopped", "running", "error"]
    """What it does."""
    mode: Mode
    """Its mode."""
    error_message: LongText = ""
    """What is wrong, when status is error."""
    recipe_sha256: Sha256 | None = None
    """Recipe in force."""
    generation: Count = 0
    """Number of the inspecting loop."""
    applied: Applied = Applied()
    """How far it is with what people asked."""
    counters: Counters = Counters()
    """Since the machine was made."""
    outbox: OutboxState = OutboxState()
    """What waits to be delivered."""
    frame_age_seconds: Seconds | None = None
    """Age of the newest frame; none before the first."""
    source: SourceFacts | None = None
    """How the live source is; none for a folder."""
    fps: Annotated[Finite, Field(ge=0, le=100_000, json_schema_extra={"unit": "1/s"})] = 0
    """Inspections a second, lately."""
    latency_p50_ms: Milliseconds | None = None
    """Median time from trigger to committed verdict, lately."""
    latency_p99_ms: Milliseconds | None = None
    """The same, the slowest in a hundred."""
    health: Health = Health()
    """The box."""
    last_verdict: LastVerdict | None = None
    """The newest inspection."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of the machine's own pages."""
    insecure_legacy: bool = False
    """It answers anonymous callers on the old wire."""
    warnings: list[ShortText] = Field([], max_length=20)
    """What a person at the page should know."""


class HeartbeatAnswer(Strict):
    """What the orchestrator says to a heartbeat."""

    server_time: ShortText
    """The orchestrator's clock, ISO 8601 with zone."""
    instance_id: ShortText
    """Written anew by each start of the service and by a restore."""
    desired_version: Count = 0
    """Newest desired version."""
    commands_waiting: bool = False
    """Commands wait at the desired call."""
    watched: bool = False
    """Someone looks at this machine's live picture."""
    marks: list[EpochMark] = []
    """Marks that differ from those the heartbeat carried."""
    stale: bool = False
    """An older heartbeat than one already taken; it changed nothing."""
    want_marks: bool = False
    """The orchestrator is another instance: send all marks with the next heartbeat."""


class Goodbye(Strict):
    """POST goodbye: a planned leave; no alarm."""

    epoch: EpochId
    """Random id of this opening of the outbox."""
    epoch_no: Number
    """Which opening it is."""
    hb_seq: Number
    """Counts on from the heartbeats."""
    reason: ShortText = ""
    """Why it leaves."""
