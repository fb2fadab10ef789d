"""The judge: the witness's file against both databases, after a run. Neither database is asked what should be in it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.faults.line import FaultLine

Key = tuple[str, int]
SEQ_SPAN = 2**40
MUST_NOT_BE = (
    "lost",
    "doubled",
    "conflicting",
    "unexpected",
    "unstored_but_shown",
    "quarantined",
    "out_of_order",
    "damaged",
    "miscounted",
)


@dataclass(frozen=True)
class Kept:
    """One record as the witness saw it committed at the machine, or as the orchestrator stores it."""

    epoch: str
    epoch_no: int
    seq: int
    kind: str
    verdict: str
    cycle: int
    generation: int
    sha256: str

    @property
    def key(self) -> Key:
        """What names it."""
        return self.epoch, self.seq


@dataclass
class Findings:
    """What came of a run. All lists but `unseen` must be empty."""

    acknowledged: int = 0
    verdicts: int = 0
    epochs: int = 0
    lost: list[Kept] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    conflicting: list[str] = field(default_factory=list)
    unexpected: list[Kept] = field(default_factory=list)
    unseen: list[Kept] = field(default_factory=list)
    unstored_but_shown: list[str] = field(default_factory=list)
    quarantined: int = 0
    out_of_order: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    miscounted: list[str] = field(default_factory=list)
    per_second: float = 0.0
    per_second_alive: float = 0.0

    def faults(self) -> dict[str, object]:
        """Return everything that must not be."""
        return {name: value for name in MUST_NOT_BE if (value := getattr(self, name))}

    def __str__(self) -> str:
        return (
            f"acknowledged at the machine {self.acknowledged} ({self.verdicts} verdicts, {self.epochs} epochs), "
            f"lost {len(self.lost)}, doubled {len(self.doubled)}, conflicting {len(self.conflicting)}, "
            f"unexpected {len(self.unexpected)}, stored but killed before the witness wrote {len(self.unseen)}, "
            f"quarantined {self.quarantined}; verdicts/s {self.per_second:.0f} overall, {self.per_second_alive:.0f} while alive"
        )


def judge(line: FaultLine) -> Findings:
    """Compare. Everything must have ended and been drained before."""
    witnessed = list(_witnessed(line))
    stored = list(_stored(line))
    found = Findings(acknowledged=len(witnessed), epochs=len({kept.epoch for kept in witnessed}))
    found.verdicts = sum(kept.kind == "verdict" for kept in witnessed)
    _compare(line, witnessed, stored, found)
    _order([kept for kept in stored if kept.kind == "verdict"], found)
    _rates(line, found)
    _count(line, len([kept for kept in stored if kept.kind == "verdict"]), found)
    found.quarantined = line.count("results_quarantined")
    found.conflicting += [f"{row['seq']}: refused" for row in line.rows("SELECT * FROM results_ingestconflict")]
    for path in line.databases():
        found.damaged += _integrity(path)
    return found


def _witnessed(line: FaultLine) -> Iterator[Kept]:
    for words in line.lines():
        if words[0] == "kept":
            _, _, epoch, number, seq, kind, verdict, cycle, generation, sha256 = words
            yield Kept(epoch, int(number), int(seq), kind, verdict, int(cycle), int(generation), sha256)


def _stored(line: FaultLine) -> Iterator[Kept]:
    results = line.rows(
        "SELECT e.epoch, r.epoch_no, r.seq, 'verdict' AS kind, r.verdict, r.cycle, r.generation, r.sha256 "
        "FROM results_inspectionresult r JOIN results_machineepoch e ON e.id = r.epoch_id"
    )
    events = line.rows(
        "SELECT e.epoch, r.epoch_no, r.seq, r.kind, '-' AS verdict, 0 AS cycle, 0 AS generation, r.sha256 "
        "FROM results_machineevent r JOIN results_machineepoch e ON e.id = r.epoch_id"
    )
    for row in results + events:
        yield Kept(**row)


def _compare(line: FaultLine, witnessed: list[Kept], stored: list[Kept], found: Findings) -> None:
    seen = {kept.key: kept for kept in witnessed}
    there = {kept.key: kept for kept in stored}
    assert len(seen) == len(witnessed), "the machine used a number twice"
    found.lost = [kept for kept in witnessed if kept.key not in there]
    found.conflicting = [f"{kept} is {there[kept.key]}" for kept in witnessed if there.get(kept.key, kept) != kept]
    numbers = Counter(kept.key for kept in stored)
    bodies = Counter(kept.sha256 for kept in stored if kept.kind == "verdict")
    found.doubled = [f"{what} {n} times" for what, n in [*numbers.items(), *bodies.items()] if n > 1]
    outbox = {
        (epoch, key % SEQ_SPAN)
        for epoch, key in line.outbox("SELECT e.epoch, r.key FROM records r JOIN epochs e ON e.n = r.key / ?", SEQ_SPAN)
    }
    for kept in stored:
        if kept.key not in seen:
            (found.unseen if kept.key in outbox else found.unexpected).append(kept)
    shown = {(int(words[1]), words[2]) for words in line.lines() if words[0] == "shown"}
    found.unstored_but_shown = [str(one) for one in sorted(shown - {(kept.cycle, kept.verdict) for kept in stored})]


def _order(verdicts: list[Kept], found: Findings) -> None:
    """Cycles grow with every verdict, generations never shrink, each epoch has its own number."""
    verdicts.sort(key=lambda kept: (kept.epoch_no, kept.seq))
    for before, after in pairwise(verdicts):
        if after.cycle <= before.cycle or after.generation < before.generation:
            found.out_of_order.append(f"{before} then {after}")
    numbers = {kept.epoch: kept.epoch_no for kept in verdicts}
    if len(set(numbers.values())) != len(numbers):
        found.out_of_order.append(f"epochs share a number: {numbers}")


def _rates(line: FaultLine, found: Findings) -> None:
    """Verdicts a second from the first to the last, and of the time the machine's process had begun to inspect and not ended."""
    at: dict[str, list[int]] = {}
    for words in line.lines():
        if words[0] == "kept" and words[5] == "verdict":
            at.setdefault(words[2], []).append(int(words[1]))
    every = [moment for moments in at.values() for moment in moments]
    alive = sum(moments[-1] - moments[0] for moments in at.values())
    found.per_second = len(every) / (max(every) - min(every)) * 1e9
    found.per_second_alive = len(every) / alive * 1e9


def _count(line: FaultLine, verdicts: int, found: Findings) -> None:
    """The counters pages read are those of the rows."""
    (row,) = line.rows("SELECT sum(ok + nok + undecided + error) AS n FROM results_resultcount")
    if row["n"] != verdicts:
        found.miscounted.append(f"the counters say {row['n']}, the rows are {verdicts}")
    for epoch in line.rows("SELECT epoch, mark, received FROM results_machineepoch"):
        ((last,),) = line.outbox("SELECT last FROM epochs WHERE epoch = ?", epoch["epoch"]) or [(0,)]
        if epoch["mark"] != last:
            found.miscounted.append(f"epoch {epoch['epoch']} ends at {last}, its mark is {epoch['mark']}")


def _integrity(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        said = [row[0] for row in database.execute("PRAGMA integrity_check")]
    return [] if said == ["ok"] else [f"{path.name}: {line}" for line in said]
