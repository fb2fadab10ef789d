"""Rigid motions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyticlens.engine.pose import STILL, Pose, turned

places = st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000))
poses = st.builds(Pose.carry, places, places, st.floats(-360, 360))
quick = settings(max_examples=60, deadline=None, database=None)


@quick
@given(places, places, st.floats(-360, 360))
def test_the_taught_point_comes_to_the_found_one(
    taught: tuple[float, float], found: tuple[float, float], angle: float
) -> None:
    assert Pose.carry(taught, found, angle).apply(*taught) == pytest.approx(found, abs=1e-8)


@quick
@given(poses, poses, places)
def test_composing_is_doing_one_after_the_other(first: Pose, second: Pose, place: tuple[float, float]) -> None:
    assert first.then(second).apply(*place) == pytest.approx(second.apply(*first.apply(*place)), abs=1e-6)


@quick
@given(poses, places, places)
def test_distances_stay(pose: Pose, one: tuple[float, float], other: tuple[float, float]) -> None:
    assert math.dist(pose.apply(*one), pose.apply(*other)) == pytest.approx(math.dist(one, other), abs=1e-7)


def test_a_quarter_turn_goes_from_x_to_y() -> None:
    assert Pose.carry((0, 0), (0, 0), 90).apply(1, 0) == pytest.approx((0, 1))


def test_a_shift_does_not_turn() -> None:
    assert Pose.shift(3, 4).then(Pose.shift(-1, 2)).angle_deg == 0


@given(st.floats(-1e6, 1e6))
@quick
def test_turned_is_the_same_direction_within_half_a_turn(angle: float) -> None:
    assert -180 < turned(angle) <= 180
    assert math.cos(math.radians(turned(angle))) == pytest.approx(math.cos(math.radians(angle)), abs=1e-6)


def test_still_moves_nothing() -> None:
    assert STILL.apply(3.25, -7.5) == (3.25, -7.5)
