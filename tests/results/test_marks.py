"""Range arithmetic: equal sets of numbers are equal, the mark stops before the first hole."""

from __future__ import annotations

import random

import pytest

from results import marks


def test_touching_ranges_become_one() -> None:
    assert marks.union([(1, 3)], [(4, 6), (8, 8)]) == ((1, 6), (8, 8))


def test_the_mark_stops_before_the_first_hole() -> None:
    assert marks.mark(((1, 6), (8, 9))) == 6


def test_the_mark_is_zero_while_one_is_missing() -> None:
    assert marks.mark(((2, 9),)) == 0
    assert marks.mark(()) == 0


def test_holes_are_named_from_the_first_number_on() -> None:
    assert marks.missing(((3, 4), (7, 9))) == ((1, 2), (5, 6))
    assert marks.missing(((1, 9),)) == ()


@pytest.mark.parametrize("bad", [(0, 3), (5, 4)])
def test_a_range_that_is_none_is_refused(bad: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no range of numbers"):
        marks.union([], [bad])


def test_any_order_gives_the_ranges_a_plain_set_gives(seed: int) -> None:
    draw = random.Random(seed)
    numbers = [draw.randint(1, 60) for _ in range(40)]
    ranges: marks.Ranges = ()
    for number in numbers:
        ranges = marks.union(ranges, [(number, number)])
    present = set(numbers)
    assert {n for first, last in ranges for n in range(first, last + 1)} == present
    assert all(marks.contains(ranges, n) == (n in present) for n in range(1, 62))
    assert all(ranges[i][1] + 1 < ranges[i + 1][0] for i in range(len(ranges) - 1))
