"""Heartbeats: what a machine says it is, every five seconds, and what it is answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

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
    """Triggers that were taken and could not be served."""
    refused: Count = 0
    """Triggers that were answered with no: busy, or not inspecting. Those that wait or are inspected are what is left of triggered."""

    @property
    def unsettled(self) -> int:
        """Triggers that were neither inspected nor refused nor missed: they wait, or are being inspected."""
        return self.triggered - self.inspected - self.refused - self.missed


class TriggerState(Strict):
    """What asks for inspections, and how it is."""

    waiting: Count = 0
    """Triggers taken that wait for their turn."""
    listening: bool = False
    """A signal from outside is being listened to."""
    ignored: Count = 0
    """Signals ignored since this listening began: bounces, and messages that came twice."""
    by_hand: Count = 0
    """Triggers that people asked for, since the machine was made."""
    error: LongText = ""
    """Why signals cannot be heard now."""
    next: list[WallTime] = Field([], max_length=10)
    """Next moments of the timetable, ISO 8601 with zone."""


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


class PictureCondition(Strict):
    """What the newest pictures are like; none before the first, and what cannot be told is left out."""

    brightness: Percent | None = None
    """Mean grey value, of full scale."""
    black: Percent | None = None
    """Pixels within 2 % of black."""
    saturated: Percent | None = None
    """Pixels within 1 % of full scale."""
    sharpness: Annotated[Finite, Field(ge=0, le=1e12)] | None = None
    """Mean square of the gradient over the square of the mean grey value."""
    sharpness_share: Annotated[Finite, Field(ge=0, le=1e12, json_schema_extra={"unit": "%"})] | None = None
    """The same, of the commissioning picture's."""
    displacement: Annotated[Finite, Field(ge=0, le=1e5, json_schema_extra={"unit": "px"})] | None = None
    """How far the fixed patch lies from its place in the commissioning picture."""
    alike: Annotated[Finite, Field(ge=0, le=1)] | None = None
    """How much of the commissioning picture's patch is seen again, 0 to 1."""


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
    trigger: TriggerState = TriggerState()
    """What asks for inspections."""
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
    picture: PictureCondition | None = None
    """The pictures themselves."""
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


MOST_LATE = 100


class LateHeartbeats(Strict):
    """POST heartbeats: what a machine that was cut off would have said, as history. Nothing of it is the machine's present state."""

    heartbeats: list[Any] = Field(min_length=1, max_length=MOST_LATE)
    """Heartbeats, each checked by itself; their marks and births mean nothing here."""


class LateRefusal(Strict):
    """One late heartbeat that is not kept."""

    index: Count
    """Its place in the list, from 0."""
    message: LongText
    """Why."""


class LateAnswer(Strict):
    """What became of late heartbeats, once it is committed."""

    stored: Count = 0
    """Kept now."""
    known: Count = 0
    """Kept before, by their epoch and number; nothing changed."""
    refused: list[LateRefusal] = []
    """Those that are not kept. Sending them again is of no use."""
