"""Counters and strips for pages, kept while results arrive, so that a page of many machines counts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import F, Sum
from django.utils import timezone

from analyticlens.protocol.words import VERDICTS
from api import clock
from results.models import InspectionResult, RecentResults, ResultCount, quarter_of

if TYPE_CHECKING:
    from api.models import VirtualMachine

STRIP = 60


@dataclass(frozen=True)
class Counts:
    """Results of a span of time, by verdict. Simulated ones are counted apart and never part of a yield."""

    ok: int = 0
    nok: int = 0
    undecided: int = 0
    error: int = 0
    simulated: int = 0

    @property
    def inspected(self) -> int:
        """All that count."""
        return self.ok + self.nok + self.undecided + self.error

    @property
    def share_ok(self) -> float | None:
        """The yield: the share of ok, or None while nothing counts."""
        return self.ok / self.inspected if self.inspected else None


@dataclass(frozen=True)
class Mark:
    """One result in a strip."""

    epoch_no: int
    seq: int
    verdict: str
    id: int


def count(machine: VirtualMachine, results: Sequence[InspectionResult]) -> InspectionResult:
    """Count results that were just written, once; return the newest result the machine has now. Belongs in their transaction."""
    for (quarter, simulated), verdicts in _by_quarter(results).items():
        row, _made = ResultCount.objects.get_or_create(machine=machine, quarter=quarter, simulated=simulated)
        ResultCount.objects.filter(pk=row.pk).update(**{word: F(word) + number for word, number in verdicts.items()})
    recent, _made = RecentResults.objects.select_for_update().get_or_create(machine=machine)
    marks = [list(mark) for mark in recent.strip]
    marks += [[result.epoch_no, result.seq, result.verdict, result.pk] for result in results]
    recent.strip = sorted(marks)[-STRIP:]
    recent.newest_id = recent.strip[-1][3]
    recent.save(update_fields=["strip", "newest"])
    written = {result.pk: result for result in results}
    return written.get(recent.newest_id) or InspectionResult.objects.get(pk=recent.newest_id)


def _by_quarter(results: Iterable[InspectionResult]) -> dict[tuple[datetime, bool], Counter[str]]:
    quarters: dict[tuple[datetime, bool], Counter[str]] = {}
    for result in results:
        key = (quarter_of(result.received_at), result.simulated)
        quarters.setdefault(key, Counter())[result.verdict] += 1
    return quarters


def last60(machines: Iterable[VirtualMachine]) -> dict[int, list[Mark]]:
    """Return each machine's newest results, oldest first, by the machine's primary key. One query."""
    found = {machine.pk: list[Mark]() for machine in machines}
    rows = RecentResults.objects.filter(machine_id__in=found).values_list("machine_id", "strip")
    for machine_id, strip in rows:
        found[machine_id] = [Mark(*mark) for mark in strip]
    return found


def newest(machines: Iterable[VirtualMachine]) -> dict[int, InspectionResult]:
    """Return each machine's newest result, by the machine's primary key; machines without one are left out. One query."""
    keys = [machine.pk for machine in machines]
    rows = RecentResults.objects.filter(machine_id__in=keys, newest__isnull=False).select_related("newest")
    return {row.machine_id: row.newest for row in rows if row.newest is not None}


def today(machines: Iterable[VirtualMachine]) -> dict[int, Counts]:
    """Return each machine's counts since midnight of the plant's time zone, by the machine's primary key. One query."""
    midnight = timezone.localtime(clock.wall()).replace(hour=0, minute=0, second=0, microsecond=0)
    found = {machine.pk: Counts() for machine in machines}
    rows = ResultCount.objects.filter(machine_id__in=found, quarter__gte=midnight)
    sums = rows.order_by().values_list("machine_id", "simulated").annotate(*map(Sum, VERDICTS))
    for machine_id, simulated, *numbers in sums:
        known = found[machine_id]
        if simulated:
            found[machine_id] = replace(known, simulated=sum(numbers))
        else:
            found[machine_id] = replace(known, **dict(zip(VERDICTS, numbers, strict=True)))
    return found
