"""Where the time of a delivered verdict goes, step by step: of a full batch, in this process, each step done as the door does it.

`bare insert` is what no way of writing these rows gets below; what is beside it is ours. Runs with Django set up.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, TypeVar

from django.db import transaction

from analyticlens.bench.orchestrator.figures import WHOLE
from analyticlens.bench.orchestrator.ingest import SHAPES, request, rows, verdicts, write
from analyticlens.bench.orchestrator.rows import machine
from analyticlens.machine import clock
from analyticlens.protocol.records import MAX_BATCH
from results import parcel, spelt
from results.ingest import RESULTS, Chunk, deliver, open_epoch

WARM_UP = 1
# As the bare side of the figure of verdicts is called; its epoch is another.
BARE = "c" * 32
T = TypeVar("T")


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the microseconds a verdict of every step, in every round."""
    ours, bare = machine("ours_002"), machine("bare_002")
    epoch = open_epoch(bare, BARE, 1)
    bodies = verdicts(SHAPES)
    spent: dict[str, list[float]] = {}
    for turn in range(WARM_UP + rounds):
        first = turn * 2 * MAX_BATCH + 1
        raw, other = request(bodies, first), request(bodies, first + MAX_BATCH)
        watch = Watch()
        taken = watch.of("apart", parcel.as_machines_send_it, raw)
        assert taken is not None
        parts = [bytes(head.body) for head in taken.records]
        watch.of("proof", lambda bodies: [spelt.values(body) for body in bodies], parts)
        whole = watch.of("open", parcel.opened, raw)
        ready = watch.of("rows", Chunk(bare, epoch).rows, whole.records, clock.wall())
        with transaction.atomic():
            watch.of("insert", RESULTS.insert, ready)
            start = perf_counter()
        watch.note("commit", start)
        watch.of("deliver", deliver, ours, whole)
        after = rows(bare, epoch, [other])
        watch.of("bare", write(), after)
        if turn >= WARM_UP:
            for name, value in watch.steps().items():
                spent.setdefault(name, []).append(value)
    return spent


class Watch:
    """What steps took, in microseconds a verdict."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.us: dict[str, float] = {}

    def of(self, name: str, act: Callable[..., T], *given: Any) -> T:
        """Do a step and note what it took."""
        start = perf_counter()
        done = act(*given)
        self.note(name, start)
        return done

    def note(self, name: str, start: float) -> None:
        """Note what a step took that began at a moment of `perf_counter`."""
        self.us[name] = (perf_counter() - start) * 1e6 / MAX_BATCH

    def steps(self) -> dict[str, float]:
        """Return the steps that follow one another, then their sum and what is beside them."""
        us = self.us
        proven = us["apart"] + us["proof"]
        return {
            "taking the batch apart": us["apart"],
            "reading, checking, proving canonical": us["proof"],
            "SHA-256 and the values by name": us["open"] - proven,
            "rows for the driver": us["rows"],
            "insert": us["insert"],
            "commit": us["commit"],
            "numbers, counters, strip, event": us["deliver"] - us["rows"] - us["insert"] - us["commit"],
            WHOLE: us["open"] + us["deliver"],
            "bare insert and commit": us["bare"],
        }
