"""What is done to the line on purpose: a plan drawn from a seed, and the hand that carries it out and counts what really happened."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tests.faults.line import FaultLine
from tests.faults.proxy import FaultProxy

# How often each kind is drawn. The network's kinds share their number evenly.
WEIGHTS = {
    "kill machine": 7,
    "kill worker": 5,
    "kill child": 8,
    "kill orchestrator": 7,
    "stop machine": 3,
    "stop worker": 5,
    "stop child": 5,
    "stop orchestrator": 6,
    **{f"network {kind}": 16 / len(FaultProxy.KINDS) for kind in FaultProxy.KINDS},
}
# A victim that is just being started again is waited for, most times; else the blow falls while it comes up.
PATIENCE = 90.0
AT_WORK = 0.8


@dataclass(frozen=True)
class Blow:
    """One fault: what, how long it is stopped, how long nothing happens afterwards, and whether it waits for a victim at work."""

    kind: str
    held: float
    rest: float
    at_work: bool


def draw_plan(length: int, draw: random.Random, weights: Mapping[str, float] = WEIGHTS) -> list[Blow]:
    """Return length faults in random order: every kind once if there is room, the others by their weights."""
    kinds = list(weights)[:length]
    kinds += draw.choices(list(weights), list(weights.values()), k=length - len(kinds))
    draw.shuffle(kinds)
    return [Blow(kind, draw.uniform(0.05, 0.4), draw.uniform(0.05, 0.6), draw.random() < AT_WORK) for kind in kinds]


class Hand:
    """Carries out a plan on a line."""

    def __init__(self, line: FaultLine) -> None:
        self.line = line
        self.applied: Counter[str] = Counter()
        self._pause = threading.Event()

    def carry_out(self, plan: list[Blow]) -> None:
        """Strike, blow after blow."""
        acts = self.strikes()
        for blow in plan:
            act, _, whom = blow.kind.partition(" ")
            if blow.at_work:
                self.wait_until_working()
            if acts[act](blow, whom):
                self.applied[blow.kind] += 1
            self._pause.wait(blow.rest)

    def strikes(self) -> dict[str, Callable[[Blow, str], bool]]:
        """Return what is done, by the first word of a blow's kind."""
        return {"kill": self._kill, "stop": self._stop, "network": self._network}

    def wait_until_working(self) -> None:
        """Wait until the machine inspects and the orchestrator answers, both since they were last started."""
        before = self.line.size()
        self.line.until(lambda: self.line.size() > before and self.line.answers(), "the line works again", PATIENCE)

    def _network(self, blow: Blow, kind: str) -> bool:
        return self.line.proxy.strike(kind, PATIENCE)

    def _kill(self, blow: Blow, whom: str) -> bool:
        match whom:
            case "machine":
                self.line.vm.kill()
                self._pause.wait(blow.held)
                self.line.vm.start()
            case "orchestrator":
                self.line.web.kill()
                self._pause.wait(blow.held)
                self.line.web.start()
            case _:
                return _send(self._process(whom), signal.SIGKILL)
        return True

    def _stop(self, blow: Blow, whom: str) -> bool:
        """Hold a process still for a moment; its clocks go on."""
        if whom == "machine":
            return self._stop_group(blow)
        victim = self._process(whom)
        if not _send(victim, signal.SIGSTOP):
            return False
        self._pause.wait(blow.held)
        return _send(victim, signal.SIGCONT)

    def _stop_group(self, blow: Blow) -> bool:
        with suppress(ProcessLookupError):
            os.killpg(self.line.vm.pid, signal.SIGSTOP)
            self._pause.wait(blow.held)
            os.killpg(self.line.vm.pid, signal.SIGCONT)
            return True
        return False

    def _process(self, whom: str) -> psutil.Process | None:
        """Return the victim, waited for as long as it is just coming up."""
        if whom == "orchestrator":
            return psutil.Process(self.line.web.pid)
        find = self.line.worker if whom == "worker" else lambda: next(iter(self.line.inspectors()), None)
        return self.line.until(find, f"there is a {whom}", PATIENCE)


def _send(process: psutil.Process | None, number: signal.Signals) -> bool:
    try:
        if process is None:
            return False
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True
