"""Heartbeats of a time when a machine was cut off: history, and nothing but history.

A late heartbeat changes no state, no `last_heartbeat`, and is no transition: what the machine is now, its living heartbeats say. When it
came is told by our clock; what the machine's clock said stands beside it, shown and never trusted. Their order is (epoch_no, hb_seq).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.db import connection
from pydantic import ValidationError

from analyticlens.protocol.heartbeat import Heartbeat, LateAnswer, LateHeartbeats, LateRefusal
from analyticlens.protocol.strict import first_error
from api import clock
from api.receiving import metrics_of
from api.turn import writing
from results.models import MachineEpoch

if TYPE_CHECKING:
    from datetime import datetime

    from api.models import VirtualMachine

UNKNOWN_EPOCH = "this epoch was never heard of, or has another number; its living heartbeat comes first"
LONGEST = 2000
_COLUMNS = (
    "virtual_machine_id",
    "timestamp",
    "status",
    "connection_status",
    "error_message",
    "performance_metrics",
    "epoch",
    "epoch_no",
    "hb_seq",
    "wall",
    "late",
)
_INSERT = f"INSERT INTO api_vmheartbeat ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))}) ON CONFLICT DO NOTHING"


def keep(machine: VirtualMachine, late: LateHeartbeats) -> LateAnswer:
    """Keep those that can be read, are of an epoch that is known and were not kept before; the others are told one by one."""
    read, refused = _read(late)
    with writing():
        numbers = MachineEpoch.objects.filter(machine=machine, epoch__in={said.epoch for said in read.values()})
        known = dict(numbers.values_list("epoch", "epoch_no"))
        for index, said in read.items():
            if known.get(said.epoch) != said.epoch_no:
                refused[index] = UNKNOWN_EPOCH
        taken = [said for index, said in read.items() if index not in refused]
        stored = _store(machine, sorted(taken, key=lambda said: (said.epoch_no, said.hb_seq)), clock.wall())
    told = [LateRefusal(index=index, message=refused[index][:LONGEST]) for index in sorted(refused)]
    return LateAnswer(stored=stored, known=len(taken) - stored, refused=told)


def _read(late: LateHeartbeats) -> tuple[dict[int, Heartbeat], dict[int, str]]:
    """Return by their places the heartbeats, and why the others are none."""
    read: dict[int, Heartbeat] = {}
    refused: dict[int, str] = {}
    for index, item in enumerate(late.heartbeats):
        try:
            said = Heartbeat.model_validate(item)
        except ValidationError as error:
            refused[index] = first_error(error)
            continue
        # PostgreSQL stores no text with one: here it would take the others with it.
        if "\x00" in said.error_message or "\x00" in said.wall:
            refused[index] = "a text with a NUL in it cannot be kept"
        else:
            read[index] = said
    return read, refused


def _store(machine: VirtualMachine, heartbeats: list[Heartbeat], now: datetime) -> int:
    """Write the rows, in order, and return how many are new: where there is a row of a heartbeat, late or living, that one stays.

    By hand: saving a row would be receiving it, and to build a hundred rows as objects takes longer than all the rest.
    """
    at = connection.ops.adapt_datetimefield_value(now)
    rows = [
        (
            machine.pk,
            at,
            said.status,
            # What it was when this was said, whatever it is now.
            "disconnected",
            said.error_message,
            json.dumps(metrics_of(said)),
            said.epoch,
            said.epoch_no,
            said.hb_seq,
            said.wall,
            True,
        )
        for said in heartbeats
    ]
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)
        return int(cursor.rowcount)
