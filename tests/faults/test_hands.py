"""F19: two loops can never run, whoever asks for what, and however often, over real HTTP and over a camera that blocks."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.solo import Solo
from tests.machine import strange_child
from tests.machine.helpers import THREE, camera

Until = Callable[..., object]
HANDS = 20
ACTS = 5
COMMANDS = ("start_inspection", "stop_inspection", "restart")


def hammer(solo: Solo, draw: random.Random, answers: Counter[int]) -> None:
    """Give commands, each at once after the one before was answered; a restart is a stop and a start, as old clients do it."""
    for _ in range(ACTS):
        command = draw.choice(COMMANDS)
        for word in ("stop_inspection", "start_inspection") if command == "restart" else (command,):
            answers[solo.control(word).status_code] += 1


@pytest.mark.parametrize("number", [strange_child.BLOCKS, strange_child.GOOD], ids=["blocks", "good"])
def test_f19_twenty_hands_never_make_two_loops(tmp_path: Path, until: Until, seed: int, number: int) -> None:
    with Solo(tmp_path) as solo:
        solo.with_child("tests.machine.strange_child")
        solo.is_to_be(camera(number, inspection_timeout_ms=50), THREE, running=False)
        solo.process.start()
        until(solo.answers, 60)
        answers: Counter[int] = Counter()
        hands = [
            threading.Thread(target=hammer, args=(solo, random.Random(seed + index), answers)) for index in range(HANDS)
        ]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join(90)
        assert not any(hand.is_alive() for hand in hands), "a command was never answered"
        found = solo.verdicts()
        generations, cycles = [body.generation for body in found], [body.cycle for body in found]
        print(
            f"F19 {HANDS * ACTS} acts, answers {dict(answers)}; {len(found)} verdicts, {len(set(generations))} generations"
        )
        assert set(answers) <= {200, 400}
        assert answers[200] > 0
        assert generations == sorted(generations)
        assert cycles == sorted(set(cycles))
        # A frame that a stop cut off, or that 50 ms were too short for on a busy computer, is an error and never a pass.
        reasons: dict[str, set[str | None]] = {"ok": {None}, "error": {"timeout", "child_died", "source_lost"}}
        assert all(body.reason in reasons[body.verdict] for body in found)
        assert number != strange_child.BLOCKS or all(body.verdict == "error" for body in found)
        check_that_it_obeys(solo, until)


def check_that_it_obeys(solo: Solo, until: Until) -> None:
    """After a stop nothing comes any more; after a start something does."""
    assert solo.control("stop_inspection").status_code == 200
    after = solo.count()
    assert solo.ask("GET", "/api/status").json()["status"] in ("idle", "error")
    solo.ask("DELETE", "/api/error")
    assert solo.count() == after
    assert solo.control("start_inspection").status_code == 200
    until(lambda: solo.count() > after, 60)
