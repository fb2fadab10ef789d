"""Where a datum was found against where it was taught: what a locate, match or datum tool says of it, and how later regions move."""

from __future__ import annotations

import math
from typing import NamedTuple

from analyticlens.engine.pose import STILL, Pose, turned
from analyticlens.protocol.tools import Reference


class TaughtPlace(NamedTuple):
    """A reference (x, y) with its direction, where the data a tool follows have brought it."""

    x: float
    y: float
    angle_deg: float


class Offset(NamedTuple):
    """How far a datum lies from its taught place, in pixels and degrees, its own direction, and what later regions move by."""

    dx: float
    dy: float
    turn: float
    angle_deg: float
    residual: Pose

    @property
    def features(self) -> dict[str, float]:
        """The offset as every datum tool reports it."""
        return {"offset_x": self.dx, "offset_y": self.dy, "offset_angle_deg": self.turn}


def taught_place(reference: Reference | None, pose: Pose) -> TaughtPlace | None:
    """Return a taught place where the followed data have brought it; None where nothing was taught."""
    if reference is None:
        return None
    return TaughtPlace(*pose.apply(reference.x, reference.y), turned(reference.angle_deg + pose.angle_deg))


def offset(
    x: float, y: float, angle_deg: float, taught: TaughtPlace | None, *, rotate: bool, line: bool = False
) -> Offset:
    """Return the offset of what was found at (x, y) with a direction.

    Later regions turn about the found place where `rotate`. A `line` has no direction of its own: it runs the way it was taught.
    """
    if taught is None:
        return Offset(0.0, 0.0, 0.0, angle_deg, STILL)
    turn = turned(angle_deg - taught.angle_deg)
    if line:
        turn = math.remainder(turn, 180)
        angle_deg = turned(taught.angle_deg + turn)
    dx, dy = x - taught.x, y - taught.y
    residual = Pose.carry((taught.x, taught.y), (x, y), turn) if rotate else Pose.shift(dx, dy)
    return Offset(dx, dy, turn, angle_deg, residual)
