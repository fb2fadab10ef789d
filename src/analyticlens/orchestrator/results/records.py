"""Records of a batch, read one by one: each becomes a row to write, or a reason why it cannot be read. No database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from analyticlens.protocol.canonical import canonical_json, sha256_text
from analyticlens.protocol.records import BODIES, EventBody, GapBody, RecordHead, Seq, StateBody, VerdictBody
from analyticlens.protocol.strict import Strict, first_error, plain
from results.marks import Range

# A NUL in canonical JSON, told from a backslash that happens to stand before "u0000". PostgreSQL stores no text with one.
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
WIDEST_GAP = 10_000_000


class NoNumber(ValueError):
    """A record without a readable number: it cannot even be kept aside."""


class _Numbered(Strict):
    """Only the number, of a record that may be otherwise unreadable."""

    seq: Seq


@dataclass(frozen=True)
class Record:
    """One record: its number, the hash of its kind and body, and either its checked body or the reason why there is none."""

    seq: int
    sha256: str
    text: str
    kind: str = ""
    body: Strict | None = None
    problem: str = ""
    fills: list[Range] = field(default_factory=list)


def read(raw: dict[str, Any]) -> Record:
    """Read one record of a batch. Raises NoNumber when it has no readable number."""
    number = _number(raw)
    text = canonical_json({key: value for key, value in raw.items() if key != "seq"})
    sha256 = sha256_text(text)
    try:
        head = RecordHead.model_validate(raw)
        body = BODIES[head.kind].model_validate(head.body)
        _check(text, body)
    except ValidationError as error:
        return Record(number, sha256, text, problem=first_error(error)[:2000], fills=[(number, number)])
    except ValueError as error:
        return Record(number, sha256, text, problem=str(error)[:2000], fills=[(number, number)])
    fills = [(number, number)]
    if isinstance(body, GapBody):
        fills.append((body.first, body.last))
    return Record(number, sha256, text, head.kind, body, fills=fills)


def _number(raw: dict[str, Any]) -> int:
    try:
        return _Numbered.model_validate({"seq": raw.get("seq")}, strict=True).seq
    except ValidationError:
        raise NoNumber("a record has no readable number; send it to the quarantine door") from None


def _check(text: str, body: Strict) -> None:
    # Plain search first: the pattern takes longer than reading the record did.
    if "\\u0000" in text and NUL.search(text):
        raise ValueError("a text contains the character NUL")
    if isinstance(body, GapBody) and not 0 <= body.last - body.first <= WIDEST_GAP:
        raise ValueError(f"a gap from {body.first} to {body.last} is none")


def result_fields(body: VerdictBody) -> dict[str, Any]:
    """Return the fields of an InspectionResult."""
    data = plain(body)
    picture = body.picture
    return {
        "verdict": body.verdict,
        "reason": body.reason or "",
        "message": body.message,
        "cycle": body.cycle,
        "generation": body.generation,
        "trigger_count": body.trigger_count,
        "part_id": body.part_id,
        "mode": body.mode,
        "simulated": body.simulated,
        "recipe_sha256": body.recipe_sha256,
        "config_version": body.config_version,
        "engine_version": body.engine_version,
        "frame_number": body.frame.number,
        "frame_name": body.frame.name,
        "frame_width": body.frame.width,
        "frame_height": body.frame.height,
        "captured_at": body.frame.captured_at,
        "capture_ms": body.durations_ms.capture,
        "inspect_ms": body.durations_ms.inspect,
        "total_ms": body.durations_ms.total,
        "tools": data["tools"],
        "overlay": data["overlay"],
        "picture_sha256": picture.sha256 if picture else None,
        "picture_mime": picture.mime if picture else "",
        "picture_size": picture.size if picture else None,
        "picture_weight": picture.weight if picture else None,
        "wall": body.wall,
        "mono_ns": body.mono_ns,
    }


def event_fields(kind: str, body: EventBody | GapBody | StateBody) -> dict[str, Any]:
    """Return the fields of a MachineEvent."""
    match body:
        case EventBody():
            code, message = body.code, body.message
        case GapBody():
            code, message = body.reason, f"{body.first}-{body.last}"
        case StateBody():
            code, message = body.status, body.error_message
    return {
        "kind": kind,
        "code": code,
        "message": message,
        "body": plain(body),
        "wall": body.wall,
        "mono_ns": body.mono_ns,
    }
