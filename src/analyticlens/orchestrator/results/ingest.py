"""Batches become rows: exactly once, whatever order they come in and however often.

A number is taken by the first record that came with it. The same record again changes nothing; another one is kept aside as a conflict.
What cannot be read is kept aside too and takes its number, so that it does not block the line. The answer's mark is that of committed
rows only.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from analyticlens.protocol.records import BatchAnswer, BatchEnvelope, Refusal
from api import bus, clock
from api.errors import NotNow
from api.turn import writing
from audit.models import record_refusal
from results import marks, tally
from results.models import RAW_KEPT, IngestConflict, InspectionResult, MachineEpoch, MachineEvent, Quarantined
from results.parcel import Parcel, unpacked
from results.records import VERDICT, Record
from results.table import Row, Table

if TYPE_CHECKING:
    from api.models import VirtualMachine

RESULTS = Table(InspectionResult)
MOST_HOLES = 2000
MOST_NAMED = 200


class TooManyHoles(NotNow):
    """The numbers are so scattered that their ranges would grow without bound; send the missing ones first."""

    code = "too_many_holes"


class OtherNumber(NotNow):
    """An epoch and its number do not belong together: kept, they would blur the order (epoch_no, seq)."""

    code = "epoch_number"


def ingest(machine: VirtualMachine, envelope: BatchEnvelope) -> BatchAnswer:
    """Store the records of a checked envelope and answer what is committed. Raises records.NoNumber, and what `deliver` raises."""
    return deliver(machine, unpacked(envelope))


def deliver(machine: VirtualMachine, parcel: Parcel) -> BatchAnswer:
    """Store a batch and answer what is committed.

    Raises OtherNumber for an epoch whose number is another or another's, TooManyHoles.
    """
    epoch = MachineEpoch.objects.filter(machine=machine, epoch=parcel.epoch, epoch_no=parcel.epoch_no).first()
    if epoch is None:
        epoch = _opened(machine, parcel)
    # One transaction a batch: all is read before, so it holds SQLite's only write lock for the writing alone, and whoever
    # waits for his turn gets in while the next batch is read.
    with writing():
        epoch = MachineEpoch.objects.select_for_update(no_key=True).get(pk=epoch.pk)
        refusals = Chunk(machine, epoch).store(parcel.records)
    return answer(epoch, refusals)


def _opened(machine: VirtualMachine, parcel: Parcel) -> MachineEpoch:
    if number_taken(machine, parcel.epoch, parcel.epoch_no):
        raise OtherNumber(
            f"another epoch of this machine has the number {parcel.epoch_no}; send this one's birth first"
        )
    return open_epoch(machine, parcel.epoch, parcel.epoch_no)


def answer(epoch: MachineEpoch, refusals: list[Refusal]) -> BatchAnswer:
    """Return what a machine is told about an epoch."""
    return BatchAnswer(
        high_water_mark=epoch.mark,
        refusals=refusals,
        missing=list(marks.missing(epoch.ranges)[:MOST_NAMED]),
        server_time=clock.wall().isoformat(),
    )


def open_epoch(machine: VirtualMachine, epoch: str, epoch_no: int) -> MachineEpoch:
    """Return the row of an epoch, made with the month it is now when it is heard of first. Raises OtherNumber."""
    row, _made = MachineEpoch.objects.get_or_create(machine=machine, epoch=epoch, defaults={"epoch_no": epoch_no})
    if row.epoch_no != epoch_no:
        raise OtherNumber(f"this epoch has the number {row.epoch_no}, not {epoch_no}")
    return row


def number_taken(machine: VirtualMachine, epoch: str, epoch_no: int) -> bool:
    """Return whether an epoch never heard of comes with the number of another."""
    known = MachineEpoch.objects.filter(machine=machine)
    return not known.filter(epoch=epoch).exists() and known.filter(epoch_no=epoch_no).exists()


def set_aside(
    machine: VirtualMachine, epoch: MachineEpoch, seq: int, raw: bytes, size: int, reason: str, sha256: str
) -> BatchAnswer:
    """Store one record that the batch door cannot read: its beginning, its size, and its number as filled."""
    with writing():
        epoch = MachineEpoch.objects.select_for_update(no_key=True).get(pk=epoch.pk)
        record = Record(seq, sha256, b"", problem=reason, fills=((seq, seq),))
        refusals = Chunk(machine, epoch).store([record], raw=raw, size=size)
    return answer(epoch, refusals)


class Chunk:
    """Some records of one epoch on their way into the database, inside one transaction with the epoch's row locked."""

    def __init__(self, machine: VirtualMachine, epoch: MachineEpoch) -> None:
        self.machine = machine
        self.epoch = epoch
        self.results: list[Record] = []
        self.events: list[Record] = []
        self.refusals: list[Refusal] = []

    def store(self, records: list[Record], raw: bytes | None = None, size: int | None = None) -> list[Refusal]:
        """Write records, numbers, counters and the live event; return what was kept aside."""
        taken = self._taken(records)
        fills: list[marks.Range] = []
        for record in records:
            kept = taken.get(record.seq)
            if kept is not None and kept != record.sha256:
                self._conflict(record, kept, raw)
                continue
            if record.values is None:
                self._quarantine(record, raw, size, known=kept is not None)
            elif kept is None:
                (self.results if record.kind == VERDICT else self.events).append(record)
            taken[record.seq] = record.sha256
            fills += record.fills
        self._receive(fills)
        self._write()
        return self.refusals

    def _taken(self, records: list[Record]) -> dict[int, str]:
        """Return the hashes of the records that have these numbers already; new numbers need no look."""
        ranges = self.epoch.ranges
        again = [record.seq for record in records if marks.contains(ranges, record.seq)]
        taken: dict[int, str] = {}
        if again:
            for model in (InspectionResult, MachineEvent, Quarantined):
                rows = model._default_manager.filter(epoch=self.epoch, seq__in=again)
                taken.update(rows.values_list("seq", "sha256"))
        return taken

    def _quarantine(self, record: Record, raw: bytes | None, size: int | None, known: bool) -> None:
        self.refusals.append(Refusal(seq=record.seq, code="quarantined", reason=record.problem))
        if known:
            return
        content = record.content if raw is None else raw
        Quarantined.objects.create(
            machine=self.machine,
            epoch=self.epoch,
            seq=record.seq,
            sha256=record.sha256,
            reason=record.problem,
            raw=content[:RAW_KEPT],
            size=len(content) if size is None else size,
        )

    def _conflict(self, record: Record, kept: str, raw: bytes | None) -> None:
        sentence = "another record has this number already; it was kept"
        self.refusals.append(Refusal(seq=record.seq, code="conflict", reason=sentence))
        content = record.content if raw is None else raw
        _row, new = IngestConflict.objects.get_or_create(
            epoch=self.epoch,
            seq=record.seq,
            refused_sha256=record.sha256,
            defaults={"machine": self.machine, "kept_sha256": kept, "raw": content[:RAW_KEPT]},
        )
        if new:
            record_refusal(
                "deliver",
                self.machine,
                sentence,
                epoch=self.epoch.epoch,
                seq=record.seq,
                kept_sha256=kept,
                refused_sha256=record.sha256,
            )

    def _receive(self, fills: list[marks.Range]) -> None:
        if not fills:
            return
        if len(marks.union(self.epoch.ranges, fills)) > MOST_HOLES:
            raise TooManyHoles(
                f"more than {MOST_HOLES} holes between the numbers of this epoch; send the missing ones first"
            )
        self.epoch.receive(fills)

    def _write(self) -> None:
        if not self.results and not self.events:
            return
        now = clock.wall()
        data: dict[str, Any] = {"what": "event", "events": len(self.events)}
        if self.results:
            RESULTS.insert(self.rows(self.results, now))
            newest = tally.count(self.machine, self.epoch, now, [_landed(record) for record in self.results])
            data |= {"what": "result", "count": len(self.results)}
            data |= {"id": newest.pk, "verdict": newest.verdict, "cycle": newest.cycle}
        shared = {"machine": self.machine, "epoch": self.epoch, **self._shared(now)}
        MachineEvent.objects.bulk_create(
            MachineEvent(**shared, kind=one.kind, seq=one.seq, sha256=one.sha256, **(one.values or {}))
            for one in self.events
        )
        bus.publish(f"machine:{self.machine.machine_id}", data)

    def rows(self, results: list[Record], now: datetime) -> list[Row]:
        """Return the rows of verdicts, received at a moment, as the table takes them."""
        shared = RESULTS.ready(machine_id=self.machine.pk, epoch_id=self.epoch.pk, **self._shared(now))
        own = ({"seq": one.seq, "sha256": one.sha256, **(one.values or {})} for one in results)
        return RESULTS.rows(shared, own)

    def _shared(self, now: datetime) -> dict[str, Any]:
        return {"epoch_no": self.epoch.epoch_no, "month": self.epoch.month, "received_at": now}


def _landed(record: Record) -> tally.Landed:
    assert record.values is not None
    return tally.Landed(record.seq, record.values["verdict"], record.values["simulated"])
