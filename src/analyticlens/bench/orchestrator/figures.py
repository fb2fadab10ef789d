"""The rows of the orchestrator's figures: what was measured, its goal, and whether that was held."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

CLICK_GOAL_MS = 300.0
# A batch of verdicts, and a heartbeat, have at least this share of the throughput of the same rows written bare.
SHARE_GOAL = 0.5
# Heartbeats sent together, of those sent one by one.
TOGETHER_GOAL = 10.0
# What the steps of a verdict add up to.
WHOLE = "all of it"


class Row(Protocol):
    """One line of a table."""

    head: ClassVar[tuple[str, ...]]

    @property
    def held(self) -> bool:
        """Whether its goal is met; True where it has none or was not measured."""

    def cells(self) -> list[str]:
        """Return the row's figures as words, one for each word of `head`."""


@dataclass(frozen=True)
class Click:
    """From a request over REST to what the machine did: milliseconds of each time it was asked."""

    head: ClassVar[tuple[str, ...]] = ("from the request until", "n", "p50 ms", "p95 ms", "goal p95 ms", "")

    what: str
    times: Sequence[float]

    def at(self, share: float) -> float:
        """Return the smallest time that this share of all do not exceed."""
        ordered = sorted(self.times)
        return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]

    @property
    def held(self) -> bool:
        """Whether 95 of 100 were quick enough."""
        return self.at(0.95) <= CLICK_GOAL_MS

    def cells(self) -> list[str]:
        """Return the row's figures as words."""
        times = [f"{self.at(0.5):.0f}", f"{self.at(0.95):.0f}"]
        return [self.what, str(len(self.times)), *times, f"{CLICK_GOAL_MS:.0f}", "" if self.held else "MISSED"]


@dataclass(frozen=True)
class Pair:
    """Two ways to do the same, side by side: what each did a second in every round. Empty where our way is not built."""

    head: ClassVar[tuple[str, ...]] = ("figure", "database", "ours /s", "beside it /s", "ratio", "goal", "")

    what: str
    database: str
    ours: Sequence[float]
    beside: Sequence[float]
    goal: float = SHARE_GOAL

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(a / b for a, b in zip(self.ours, self.beside, strict=True))

    @property
    def held(self) -> bool:
        """Whether the ratio is as high as the goal; what is not built misses nothing here."""
        return not self.ours or self.ratio >= self.goal

    def cells(self) -> list[str]:
        """Return the row's figures as words."""
        if not self.ours:
            return [self.what, self.database, "-", "-", "-", f"{self.goal:.2f}", "not built"]
        rates = [f"{statistics.median(side):.0f}" for side in (self.ours, self.beside)]
        verdict = "" if self.held else "MISSED"
        return [self.what, self.database, *rates, f"{self.ratio:.2f}", f"{self.goal:.2f}", verdict]


@dataclass(frozen=True)
class Listing:
    """One page of the list of machines: its queries, those of the shortest list, and its server time."""

    head: ClassVar[tuple[str, ...]] = (
        "machines there are",
        "database",
        "on the page",
        "queries",
        "goal",
        "server ms",
        "",
    )

    machines: int
    database: str
    shown: int
    queries: int
    goal: int
    ms: float

    @property
    def held(self) -> bool:
        """Whether more machines take no more queries."""
        return self.queries <= self.goal

    def cells(self) -> list[str]:
        """Return the row's figures as words."""
        counted = [str(self.shown), str(self.queries), str(self.goal)]
        return [str(self.machines), self.database, *counted, f"{self.ms:.1f}", "" if self.held else "MISSED"]


@dataclass(frozen=True)
class Step:
    """One step of a verdict's way into the database: microseconds a verdict, in every round."""

    head: ClassVar[tuple[str, ...]] = ("step of a verdict", "database", "us", "of all", "")

    what: str
    database: str
    us: Sequence[float]
    whole: Sequence[float]

    @property
    def held(self) -> bool:
        """It has no goal: it says where the ratio of the verdicts comes from."""
        return True

    def cells(self) -> list[str]:
        """Return the row's figures as words."""
        median = statistics.median(self.us)
        return [self.what, self.database, f"{median:.1f}", f"{median / statistics.median(self.whole):.0%}", ""]


@dataclass(frozen=True)
class Beside:
    """Heartbeats of one machine while others deliver batches as fast as they are taken: milliseconds of each, verdicts a second."""

    head: ClassVar[tuple[str, ...]] = ("heartbeats beside", "database", "n", "p50 ms", "p99 ms", "verdicts /s")

    what: str
    database: str
    times: Sequence[float]
    verdicts: float

    @property
    def held(self) -> bool:
        """It has no goal: it says what a flood of verdicts does to others."""
        return True

    def cells(self) -> list[str]:
        """Return the row's figures as words."""
        ordered = sorted(self.times)
        late = [f"{ordered[int(share * (len(ordered) - 1))]:.1f}" for share in (0.5, 0.99)]
        return [self.what, self.database, str(len(ordered)), *late, f"{self.verdicts:.0f}"]
