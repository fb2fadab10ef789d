"""Goals that are known to be missed, each with what was tried: at most two a tool, and never counts, holes, codes or coins.

Even these beat plain OpenCV by the table of baselines. `bench --accuracy --check` fails on every other miss, and the page of the
benchmarks lists these.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from analyticlens.bench.accuracy.table import Row

MOST_A_TOOL = 2


class Goal(NamedTuple):
    """One goal of one row: its tool, condition and measure, and the goal's word (sd, bias, p95, worst, fails, cpu)."""

    tool: str
    condition: str
    measure: str
    word: str


# What was tried, by goal.
LISTED: dict[Goal, str] = {}


def unlisted(row: Row) -> list[str]:
    """Return the goals a row misses that are not listed."""
    return [word for word in row.missed if Goal(row.tool, row.condition, row.measure, word) not in LISTED]


def crowded() -> list[str]:
    """Return the tools of which more goals are listed than may be."""
    return [tool for tool, count in Counter(goal.tool for goal in LISTED).items() if count > MOST_A_TOOL]
