"""Triggered = inspected + refused + missed + waiting: at every moment, and after a process was killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyticlens.machine.outbox import Outbox
from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers import TriggerQueue
from tests.machine.helpers import verdict

ROOT = Path(__file__).parents[2]
ACTS = ("put", "put", "put", "take", "take", "refuse", "forget", "give up")

# A process that triggers and inspects as fast as it can, on two threads, telling each trigger that it acknowledged.
BUSY = """
import sys, threading
from pathlib import Path
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers import TriggerQueue
from tests.machine.helpers import verdict

outbox = Outbox(Path(sys.argv[1]))
queue = TriggerQueue(outbox)

def ask():
    while True:
        try:
            sys.stdout.write(f"{queue.put(None)}\\n")
        except NotNow:
            sys.stdout.write("no\\n")
        sys.stdout.flush()

threading.Thread(target=ask, daemon=True).start()
while True:
    if (triggered := queue.take()) is not None:
        outbox.append("verdict", verdict(triggered.count))
"""


def act(queue: TriggerQueue, outbox: Outbox, what: str) -> None:
    """Do one of the things that happen to triggers."""
    match what:
        case "put":
            try:
                queue.put(None)
            except NotNow:
                return
        case "take" | "give up":
            if (triggered := queue.take()) is None:
                return
            if what == "take":
                outbox.append("verdict", verdict(triggered.count))
            else:
                queue.settle()
        case "refuse":
            queue.refuse("the machine is not running")
        case "forget":
            queue.forget()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(ACTS), max_size=60))
def test_the_counts_agree_after_each_act(tmp_path_factory: pytest.TempPathFactory, acts: list[str]) -> None:
    outbox = Outbox(tmp_path_factory.mktemp("counts"))
    try:
        queue = TriggerQueue(outbox)
        queue.most = 4
        for what in acts:
            act(queue, outbox, what)
            assert outbox.counters().unsettled == len(queue)
    finally:
        outbox.close()


def test_the_counts_agree_at_every_moment_while_threads_ask(tmp_path: Path, seed: int) -> None:
    outbox = Outbox(tmp_path)
    queue = TriggerQueue(outbox)
    queue.most = 3

    def ask(number: int) -> None:
        drawn = random.Random(f"{seed} {number}")
        for _ in range(30):
            act(queue, outbox, drawn.choice(("put", "put", "take", "refuse", "forget")))

    threads = [threading.Thread(target=ask, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        # Those that wait, and one of each thread under inspection.
        assert 0 <= outbox.counters().unsettled <= queue.most + len(threads)
    assert outbox.counters().unsettled == len(queue)
    outbox.close()


def killed_at(folder: Path, lines: int) -> tuple[int, int]:
    """Run the busy process until it told of so many triggers and kill it; return the last one acknowledged and how many it refused."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    command = [sys.executable, "-c", BUSY, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().split("\n")[:-1]
    return max((int(line) for line in told if line.isdigit()), default=0), told.count("no")


def test_the_counts_agree_after_a_process_was_killed(tmp_path: Path, seed: int) -> None:
    """Counts only grow: what was acknowledged, and what was refused, is in them after the kill."""
    drawn = random.Random(seed)
    refused = 0
    for _ in range(3):
        last, no = killed_at(tmp_path, drawn.randint(1, 60))
        refused += no
        outbox = Outbox(tmp_path)
        counters = outbox.counters()
        outbox.close()
        assert counters.unsettled == 0, f"seed {seed}"
        assert counters.triggered >= last
        # One more may have been refused and not told: it was killed in between.
        assert refused <= counters.refused
        refused = counters.refused
