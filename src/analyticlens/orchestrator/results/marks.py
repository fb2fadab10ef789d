"""Which numbers of an epoch have arrived: inclusive ranges, and the contiguous mark they give.

Numbers start at 1. A set of numbers is a tuple of ranges, sorted, apart from one another by at least one missing number; so equal
sets are equal tuples, whatever order the numbers came in. The mark is the last number before the first hole.
"""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]
Ranges = tuple[Range, ...]


def union(ranges: Iterable[Range], more: Iterable[Range]) -> Ranges:
    """Return all numbers of both; ValueError for a range that starts below 1 or ends before it starts."""
    merged: list[Range] = []
    for first, last in sorted([*ranges, *more]):
        if first < 1 or last < first:
            raise ValueError(f"no range of numbers: {first} to {last}")
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def mark(ranges: Ranges) -> int:
    """Return the highest number up to which nothing is missing; 0 when 1 is missing."""
    return ranges[0][1] if ranges and ranges[0][0] == 1 else 0


def missing(ranges: Ranges) -> Ranges:
    """Return the holes below the highest number."""
    holes: list[Range] = []
    expected = 1
    for first, last in ranges:
        if first > expected:
            holes.append((expected, first - 1))
        expected = last + 1
    return tuple(holes)


def contains(ranges: Ranges, number: int) -> bool:
    """Return whether number has arrived."""
    return any(first <= number <= last for first, last in ranges)
