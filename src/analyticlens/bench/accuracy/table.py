"""Rows of the accuracy table: what was measured against drawn truth, and whether it keeps its goals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import thread_time
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

# A bias is above its goal when it is so many standard errors above it: with few pictures chance alone makes some.
ERRORS_OF_THE_MEAN = 3.0
HEAD = (
    f"{'tool':<12} {'condition':<34} {'measure':<18} {'unit':<5} {'n':>5} {'bias':>9} {'sd':>9} {'p95':>9} "
    f"{'worst':>9} {'fails':>6} {'CPU ms':>8} {'CRB':>8} {'sd/CRB':>6}  goals"
)


# What shall happen in at most one of fifty pictures is counted over so many times as many.
RARE = 10


@dataclass(frozen=True)
class Row:
    """One condition of one tool's measure.

    bias, sd: mean and standard deviation of the signed errors; p95, worst: 95th percentile and maximum of their size, all in
    `unit`. failures: how many of n were not found or grossly wrong. ms: CPU milliseconds a call. bound: the Cramer-Rao bound of
    sd, where there is one. goals: by the words bias, sd, p95, worst (in `unit`), fails (share of n), cpu (ms).
    """

    tool: str
    condition: str
    measure: str
    unit: str
    n: int
    bias: float
    sd: float
    p95: float
    worst: float
    failures: int
    ms: float
    bound: float | None
    goals: Mapping[str, float] = field(default_factory=dict)

    @property
    def missed(self) -> tuple[str, ...]:
        """The goals that are not met; a figure that is no number meets none."""
        return tuple(word for word, goal in self.goals.items() if not self._value(word) <= goal)

    @property
    def met(self) -> bool:
        """Whether every goal is met."""
        return not self.missed

    def _value(self, word: str) -> float:
        """Return the figure a goal is held against."""
        if word == "fails":
            return self.failures / max(self.n, 1)
        if word == "bias":
            found = max(self.n - self.failures, 1)
            return abs(self.bias) - ERRORS_OF_THE_MEAN * self.sd / math.sqrt(found)
        return self.ms if word == "cpu" else float(getattr(self, word))

    def cells(self) -> tuple[str, ...]:
        """Return the row's figures as words, in the order of HEAD."""
        ratio = "" if not self.bound else f"{self.sd / self.bound:.2f}"
        figures = tuple(map(_short, (self.bias, self.sd, self.p95, self.worst)))
        bound = "" if self.bound is None else _short(self.bound)
        return (
            self.tool,
            self.condition,
            self.measure,
            self.unit,
            str(self.n),
            *figures,
            str(self.failures),
            f"{self.ms:.2f}",
            bound,
            ratio,
            self.verdict,
        )

    @property
    def verdict(self) -> str:
        """The goals with what became of them, in a few words."""
        if not self.goals:
            return ""
        goals = ", ".join(f"{word} {goal:g}" for word, goal in self.goals.items())
        return f"met: {goals}" if self.met else f"MISSED {' '.join(self.missed)}: {goals}"

    def __str__(self) -> str:
        tool, condition, measure, unit, n, bias, sd, p95, worst, failures, ms, bound, ratio, verdict = self.cells()
        return (
            f"{tool:<12} {condition:<34} {measure:<18} {unit:<5} {n:>5} {bias:>9} {sd:>9} {p95:>9} "
            f"{worst:>9} {failures:>6} {ms:>8} {bound:>8} {ratio:>6}  {verdict}"
        )


def _short(value: float) -> str:
    """Return a figure with four digits that mean something.

    >>> [_short(v) for v in (0.0, 0.00123456, -12.34567, math.nan)]
    ['0', '0.001235', '-12.35', '-']
    """
    return "-" if math.isnan(value) else f"{value:.4g}"


def row_of(
    tool: str,
    condition: str,
    measure: str,
    unit: str,
    errors: Sequence[float],
    failures: int = 0,
    ms: float = 0.0,
    bound: float | None = None,
    **goals: float | None,
) -> Row:
    """Return the row of signed errors, of those found, and how many failed.

    `goals` are sd, bias, p95, worst (in `unit`), fails (share of all, 0 to 1), cpu (ms a call); None is none. For a share alone
    (false edges, codes read) give an error of 0 for each that went right.
    """
    unknown = goals.keys() - {"sd", "bias", "p95", "worst", "fails", "cpu"}
    if unknown:
        raise TypeError(f"there are no goals named {', '.join(sorted(unknown))}")
    found = np.asarray(errors, np.float64)
    size = np.abs(found)
    bias, sd, p95, worst = (
        (float(found.mean()), float(found.std()), float(np.percentile(size, 95)), float(size.max()))
        if len(found)
        else (math.nan,) * 4
    )
    wanted = {word: goal for word, goal in goals.items() if goal is not None}
    n = len(found) + failures
    return Row(tool, condition, measure, unit, n, bias, sd, p95, worst, failures, ms, bound, wanted)


class Tally:
    """Gathers what a row needs while pictures are drawn and measured: errors by measure, failures, CPU time."""

    def __init__(self) -> None:
        self.errors: dict[str, list[float]] = {}
        self.failures = 0
        self._calls = 0
        self._seconds = 0.0

    def timed(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what the function returns, its thread's CPU time counted."""
        start = thread_time()
        result = function(*arguments)
        self._seconds += thread_time() - start
        self._calls += 1
        return result

    def add(self, **errors: float) -> None:
        """Count one measurement's signed errors, by measure."""
        for measure, error in errors.items():
            self.errors.setdefault(measure, []).append(float(error))

    def fail(self) -> None:
        """Count one that was not found, or grossly wrong."""
        self.failures += 1

    @property
    def ms(self) -> float:
        """CPU milliseconds a call."""
        return 1000 * self._seconds / max(self._calls, 1)

    def row(
        self, tool: str, condition: str, measure: str, unit: str, bound: float | None = None, **goals: float | None
    ) -> Row:
        """Return the row of one measure; see `row_of`."""
        errors = self.errors.get(measure, [])
        return row_of(tool, condition, measure, unit, errors, self.failures, self.ms, bound, **goals)
