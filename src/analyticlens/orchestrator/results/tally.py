"""Counters and strips for pages, kept while results arrive, so that a page of many machines counts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import F, Sum
from django.utils import timezone

from analyticlens.protocol.words import VERDICTS
from api import clock
from results.models import InspectionResult, MachineEpoch, RecentResults, ResultCount, quarter_of

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


class Landed(NamedTuple):
    """What is counted of a result that was just written."""

    seq: int
    verdict: str
    simulated: bool


def count(
    machine: VirtualMachine, epoch: MachineEpoch, moment: datetime, results: Sequence[Landed]
) -> InspectionResult:
    """Count results of an epoch that were just written, once; return the newest result the machine has now, with its words alone.

    Belongs in their transaction; `moment` is when they were received.
    """
    quarter = quarter_of(moment)
    for simulated, verdicts in _by_simulated(results).items():
        more = {word: F(word) + number for word, number in verdicts.items()}
        rows = ResultCount.objects.filter(machine=machine, quarter=quarter, simulated=simulated)
        if not rows.update(**more):
            ResultCount.objects.get_or_create(machine=machine, quarter=quarter, simulated=simulated)
            rows.update(**more)
    recent, _made = RecentResults.objects.select_for_update().get_or_create(machine=machine)
    recent.strip = sorted([*map(list, recent.strip), *_marks(machine, epoch, results)])[-STRIP:]
    recent.newest_id = recent.strip[-1][3]
    recent.save(update_fields=["strip", "newest"])
    return InspectionResult.objects.only("verdict", "cycle").get(pk=recent.newest_id)


def _by_simulated(results: Iterable[Landed]) -> dict[bool, Counter[str]]:
    counted: dict[bool, Counter[str]] = {}
    for (simulated, verdict), number in Counter((one.simulated, one.verdict) for one in results).items():
        counted.setdefault(simulated, Counter())[verdict] = number
    return counted


def _marks(machine: VirtualMachine, epoch: MachineEpoch, results: Sequence[Landed]) -> list[list[Any]]:
    """Return the marks of those results that may come into the strip. Their rows were not told their numbers; these are looked up."""
    last = sorted(results)[-STRIP:]
    rows = InspectionResult.objects.filter(machine=machine, epoch=epoch, seq__in=[one.seq for one in last])
    keys = dict(rows.values_list("seq", "pk"))
    return [[epoch.epoch_no, one.seq, one.verdict, keys[one.seq]] for one in last]


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
