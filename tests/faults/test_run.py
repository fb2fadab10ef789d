"""F01: every verdict acknowledged at the machine is in the database exactly once, whatever is killed, stopped, lost or doubled.

AL_FAULTS=1000 makes the run longer.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.faults.blows import Hand, draw_plan
from tests.faults.line import FaultLine
from tests.faults.verdict import judge

BACKGROUND = 0.1


@pytest.mark.timeout(3600)
def test_f01_every_verdict_is_stored_exactly_once(fault_line: FaultLine, seed: int, faults: int) -> None:
    line = fault_line
    plan = draw_plan(faults, random.Random(seed))
    line.add_running()
    line.enrol_machine()
    line.until(line.verdicts, "the machine inspects", 60)
    hand = Hand(line)
    line.proxy.hurt = BACKGROUND
    began = time.monotonic()
    hand.carry_out(plan)
    seconds = time.monotonic() - began
    line.proxy.hurt = 0.0
    waiting = line.backlog()
    line.drain()
    drained = time.monotonic() - began - seconds
    found = judge(line)
    print(
        f"F01 seed {seed}: {sum(hand.applied.values())} of {len(plan)} faults in {seconds:.0f} s: {dict(hand.applied)}"
    )
    print(f"F01 network faults in all, of {line.proxy.batches} batches: {dict(line.proxy.applied)}")
    print(
        f"F01 {waiting} records waited at the end of the faults and were delivered in {drained:.0f} s; load {os.getloadavg()[0]:.0f}"
    )
    print(f"F01 {found}")
    assert found.faults() == {}
    assert sum(hand.applied.values()) >= 0.9 * len(plan)
    # The rate is printed, not held to: how fast this computer is today is no promise of the line. Enough must have been at stake.
    assert found.acknowledged >= 80 * len(plan)
