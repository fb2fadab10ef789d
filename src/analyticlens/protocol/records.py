"""What a machine's outbox holds and the batch door takes: verdicts, events, gaps, states, each with epoch and number."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from analyticlens.protocol.limits import FeatureName, Limit
from analyticlens.protocol.overlay import Overlay
from analyticlens.protocol.strict import (
    Count,
    EpochId,
    Finite,
    LongText,
    Milliseconds,
    MonoTime,
    Number,
    Sha256,
    ShortText,
    Strict,
    WallTime,
)
from analyticlens.protocol.words import Mode, Status, ToolStatus, Verdict

MAX_BATCH = 500
Seq = Number
Reason = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Texts = Annotated[dict[FeatureName, LongText], Field(max_length=16)]
PixelCount = Annotated[int, Field(ge=0, le=1_000_000, json_schema_extra={"unit": "px"})]


class ToolOutcome(Strict):
    """What one tool measured and said."""

    id: Number
    """The tool's number in its recipe."""
    name: ShortText
    """What people call the tool."""
    type: ShortText
    """Its kind."""
    status: ToolStatus
    """Whether it could do its work."""
    verdict: Verdict | None = None
    """None when the tool does not judge."""
    features: dict[str, Finite] = {}
    """What it measured, by name; nothing that was not found."""
    texts: Texts = {}
    """What it read, by name: a code's text, a label; control characters by their symbols, cut at its length."""
    limits: tuple[Limit, ...] = ()
    """The limits in force then."""
    reason: Reason | None = None
    """Why it is not ok, as a word a page can translate."""
    message: LongText = ""
    """The same in the machine's words, for the curious."""
    ms: Milliseconds = 0
    """Time it took."""


class Frame(Strict):
    """Where the picture came from."""

    number: Count = 0
    """The source's own count of frames."""
    name: ShortText = ""
    """File name, for a folder."""
    width: PixelCount = 0
    """Columns."""
    height: PixelCount = 0
    """Rows."""
    captured_at: ShortText = ""
    """The machine's wall clock at capture, ISO 8601 with zone."""


class Picture(Strict):
    """The stored picture of an inspection."""

    sha256: Sha256
    """Names the bytes."""
    mime: Literal["image/jpeg", "image/png"] = "image/jpeg"
    """Kind of the bytes."""
    size: Annotated[int, Field(ge=0, le=2**31, json_schema_extra={"unit": "bytes"})]
    """Length of the bytes."""
    weight: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """One of so many like it was kept."""


class Durations(Strict):
    """Where the time went."""

    capture: Milliseconds = 0
    """Waiting for the frame."""
    inspect: Milliseconds = 0
    """Inspecting it."""
    total: Milliseconds = 0
    """From trigger to result."""
    age: Milliseconds | None = None
    """From the frame's capture to the result; none where a frame has no moment, as a file."""


class VerdictBody(Strict):
    """One inspection: everything that cannot be recomputed later."""

    verdict: Verdict
    """ok, nok, undecided or error."""
    reason: Reason | None = None
    """Why it is not ok, as a word a page can translate."""
    message: LongText = ""
    """The same in the machine's words."""
    cycle: Number
    """Counts inspections since the machine was made."""
    generation: Count
    """Which inspecting loop made it; grows with every loop started."""
    trigger_count: Count
    """Triggers seen since the machine was made."""
    part_id: ShortText | None = None
    """The part, where something names it."""
    mode: Mode
    """The mode then."""
    simulated: bool
    """Simulated results never count in the yield."""
    recipe_sha256: Sha256 | None = None
    """The recipe that judged."""
    config_version: Count = 0
    """Desired version in force; 0 before any."""
    engine_version: ShortText = ""
    """The engine that judged."""
    frame: Frame = Frame()
    """Where the picture came from."""
    durations_ms: Durations = Durations()
    """Where the time went."""
    tools: tuple[ToolOutcome, ...] = ()
    """Each tool's measures and words, in order."""
    overlay: tuple[Overlay, ...] = ()
    """What to draw over the picture."""
    picture: Picture | None = None
    """The picture that was kept; none when it was not sampled."""
    wall: WallTime
    mono_ns: MonoTime = 0


class EventBody(Strict):
    """Something worth telling: a source lost, a child killed, a configuration rejected."""

    code: Reason
    """What happened, as a word a page can translate."""
    message: LongText = ""
    """The same in the machine's words."""
    details: dict[str, Any] = {}
    """What a person needs to understand it."""
    wall: WallTime
    mono_ns: MonoTime = 0


class GapBody(Strict):
    """Records that are no more; it fills their numbers."""

    first: Seq
    """First number lost."""
    last: Seq
    """Last number lost."""
    reason: Reason
    """Why they were dropped."""
    wall: WallTime
    mono_ns: MonoTime = 0


class StateBody(Strict):
    """The machine's state changed."""

    status: Status
    """stopped, running or error."""
    mode: Mode
    """Its mode."""
    error_message: LongText = ""
    """What is wrong, when status is error."""
    config_version: Count = 0
    """Desired version in force."""
    recipe_sha256: Sha256 | None = None
    """Recipe in force."""
    generation: Count = 0
    """Number of the inspecting loop."""
    wall: WallTime
    mono_ns: MonoTime = 0


RecordKind = Literal["verdict", "event", "gap", "state"]
BODIES: dict[str, type[Strict]] = {"verdict": VerdictBody, "event": EventBody, "gap": GapBody, "state": StateBody}


class BatchEnvelope(Strict):
    """POST batches. The records' bodies are checked one by one, so that a bad one does not block its neighbours."""

    epoch: EpochId
    """Random id of one opening of the outbox."""
    epoch_no: Number
    """Which opening of the outbox it is, counted by the machine."""
    records: Annotated[list[dict[str, Any]], Field(max_length=MAX_BATCH)]
    """RecordHead each, in the order of their numbers."""


class RecordHead(Strict):
    """What every record of a batch has beside its body."""

    seq: Seq
    """Number inside the epoch, from 1 without holes."""
    kind: RecordKind
    """Which body it has."""
    body: dict[str, Any]
    """VerdictBody, EventBody, GapBody or StateBody."""


class Refusal(Strict):
    """A record that was kept aside."""

    seq: Seq
    """Its number."""
    code: Literal["quarantined", "conflict"]
    """quarantined: it could not be read; conflict: the same key came with another body."""
    reason: LongText
    """One sentence."""


class BatchAnswer(Strict):
    """What a batch is answered once it is committed."""

    high_water_mark: Count
    """Contiguous: every number up to it is committed at the orchestrator."""
    refusals: list[Refusal] = []
    """Records kept aside; their numbers are filled all the same."""
    missing: list[tuple[Seq, Seq]] = []
    """Ranges not yet received below the highest number seen."""
    server_time: ShortText
    """The orchestrator's clock, ISO 8601 with zone."""
