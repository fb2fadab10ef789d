"""Records of a batch, read one by one: each becomes the values of a row, or a reason why it cannot be read. No database."""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from analyticlens.protocol.canonical import canonical_json
from analyticlens.protocol.records import BODIES, EventBody, GapBody, RecordHead, Seq, StateBody, VerdictBody
from analyticlens.protocol.strict import MAX_COUNT, Strict, first_error, plain
from api.errors import Refused
from results import spelt
from results.marks import Range

# A NUL in canonical JSON, told from a backslash that happens to stand before "u0000". PostgreSQL stores no text with one.
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
WIDEST_GAP = 10_000_000
NO_PICTURE: dict[str, Any] = {"sha256": None, "mime": "", "size": None, "weight": None}


class NoNumber(Refused):
    """A record without a readable number: it cannot even be kept aside."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "no_number"


class _Numbered(Strict):
    """Only the number, of a record that may be otherwise unreadable."""

    seq: Seq


VERDICT = "verdict"


class Record(NamedTuple):
    """One record: its number, its kind and body as canonical JSON with their hash, and either its row's values or why there are none.

    `values` are an InspectionResult's by the names of its fields, JSON as text, when `kind` is a verdict; else a MachineEvent's.
    """

    seq: int
    sha256: str
    content: bytes
    kind: str = ""
    values: dict[str, Any] | None = None
    problem: str = ""
    fills: tuple[Range, ...] = ()


def read(raw: dict[str, Any]) -> Record:
    """Read one record of a batch. Raises NoNumber when it has no readable number."""
    number = _number(raw)
    content = canonical_json({key: value for key, value in raw.items() if key != "seq"}).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    fills: tuple[Range, ...] = ((number, number),)
    try:
        head = RecordHead.model_validate(raw)
        body = BODIES[head.kind].model_validate(head.body)
        _check(content, body)
    except ValidationError as error:
        return Record(number, sha256, content, problem=first_error(error)[:2000], fills=fills)
    except ValueError as error:
        return Record(number, sha256, content, problem=str(error)[:2000], fills=fills)
    if isinstance(body, GapBody):
        fills += ((body.first, body.last),)
    return Record(number, sha256, content, head.kind, _values(body), fills=fills)


def read_spelt(seq: int, kind: str, body: bytes) -> Record | None:
    """Return what `read` would, for a verdict's bytes that are canonical and whole; None when that is not proven."""
    said = spelt.values(body) if kind == VERDICT and 1 <= seq <= MAX_COUNT else None
    if said is None:
        return None
    content = b'{"body":%s,"kind":"verdict"}' % body
    return Record(seq, hashlib.sha256(content).hexdigest(), content, VERDICT, result_values(said), fills=((seq, seq),))


def _values(body: Strict) -> dict[str, Any]:
    if isinstance(body, VerdictBody):
        said = plain(body)
        return result_values(said | {name: canonical_json(said[name]) for name in ("tools", "overlay")})
    return event_values(cast(EventBody | GapBody | StateBody, body))


def _number(raw: dict[str, Any]) -> int:
    try:
        return _Numbered.model_validate({"seq": raw.get("seq")}, strict=True).seq
    except ValidationError:
        raise NoNumber("a record has no readable number; send it to the quarantine door") from None


def check_nul(content: bytes) -> None:
    """Raise ValueError for JSON with a NUL in one of its texts."""
    # Plain search first: the pattern takes longer than reading the record did.
    if b"\\u0000" in content and NUL.search(content):
        raise ValueError("a text contains the character NUL")


def _check(content: bytes, body: Strict) -> None:
    check_nul(content)
    if isinstance(body, GapBody) and not 0 <= body.last - body.first <= WIDEST_GAP:
        raise ValueError(f"a gap from {body.first} to {body.last} is none")


def result_values(said: dict[str, Any]) -> dict[str, Any]:
    """Return the values of an InspectionResult, from those of a VerdictBody whose `tools` and `overlay` are canonical JSON already."""
    frame, durations, picture = said["frame"], said["durations_ms"], said["picture"] or NO_PICTURE
    return {
        "verdict": said["verdict"],
        "reason": said["reason"] or "",
        "message": said["message"],
        "cycle": said["cycle"],
        "generation": said["generation"],
        "trigger_count": said["trigger_count"],
        "part_id": said["part_id"],
        "mode": said["mode"],
        "simulated": said["simulated"],
        "recipe_sha256": said["recipe_sha256"],
        "config_version": said["config_version"],
        "engine_version": said["engine_version"],
        "frame_number": frame["number"],
        "frame_name": frame["name"],
        "frame_width": frame["width"],
        "frame_height": frame["height"],
        "captured_at": frame["captured_at"],
        "capture_ms": durations["capture"],
        "inspect_ms": durations["inspect"],
        "total_ms": durations["total"],
        "tools": said["tools"],
        "overlay": said["overlay"],
        "picture_sha256": picture["sha256"],
        "picture_mime": picture["mime"],
        "picture_size": picture["size"],
        "picture_weight": picture["weight"],
        "wall": said["wall"],
        "mono_ns": said["mono_ns"],
    }


def event_values(body: EventBody | GapBody | StateBody) -> dict[str, Any]:
    """Return the values of a MachineEvent."""
    match body:
        case EventBody():
            code, message = body.code, body.message
        case GapBody():
            code, message = body.reason, f"{body.first}-{body.last}"
        case StateBody():
            code, message = body.status, body.error_message
    return {
        "code": code,
        "message": message,
        "body": plain(body),
        "wall": body.wall,
        "mono_ns": body.mono_ns,
    }
