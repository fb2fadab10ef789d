"""A batch's body, opened: the epoch and its records, read one by one. No database.

Our machines put a batch together out of bodies as they stand in their outbox. One that comes in exactly that form is taken apart without
being read as a whole, and its verdicts are read by `spelt`. Any other form of the same is as good; it takes longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.records import MAX_BATCH, BatchEnvelope
from results.records import Record, read, read_spelt


@dataclass(frozen=True)
class Parcel:
    """What a batch brings."""

    epoch: str
    epoch_no: int
    records: list[Record]


class Head(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A record whose body is unread."""

    seq: int
    kind: str
    body: msgspec.Raw


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """A batch taken apart, nothing checked."""

    epoch: str
    epoch_no: int
    records: list[Head]


_taken_apart = msgspec.json.Decoder(Envelope).decode


def opened(raw: bytes) -> Parcel:
    """Open the body of a batch.

    Raises ValueError for what is no strict JSON, pydantic.ValidationError for what is no envelope, records.NoNumber.
    """
    envelope = as_machines_send_it(raw)
    if envelope is None:
        return unpacked(BatchEnvelope.model_validate(strict_loads(raw)))
    checked = BatchEnvelope(epoch=envelope.epoch, epoch_no=envelope.epoch_no, records=[])
    records = [_record(head.seq, head.kind, bytes(head.body)) for head in envelope.records]
    return Parcel(checked.epoch, checked.epoch_no, records)


def unpacked(envelope: BatchEnvelope) -> Parcel:
    """Read the records of a checked envelope. Raises records.NoNumber."""
    return Parcel(envelope.epoch, envelope.epoch_no, [read(record) for record in envelope.records])


def as_machines_send_it(raw: bytes) -> Envelope | None:
    """Return an envelope whose bytes are those a machine's outbox would send; bodies are still unread."""
    try:
        envelope = _taken_apart(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return envelope if len(envelope.records) <= MAX_BATCH and _spelt(envelope) == raw else None


def _spelt(envelope: Envelope) -> bytes:
    rows = b",".join(
        b'{"seq":%d,"kind":"%s","body":%s}' % (head.seq, head.kind.encode(), head.body) for head in envelope.records
    )
    return b'{"epoch":"%s","epoch_no":%d,"records":[%s]}' % (envelope.epoch.encode(), envelope.epoch_no, rows)


def _record(seq: int, kind: str, body: bytes) -> Record:
    found = read_spelt(seq, kind, body)
    if found is not None:
        return found
    # As deep inside as it came: the depth that is allowed counts from the envelope.
    whole = strict_loads(b'{"records":[{"seq":%d,"kind":"%s","body":%s}]}' % (seq, kind.encode(), body))
    return read(whole["records"][0])
