"""Heartbeats that change nothing, which nearly all are: those of many machines in one transaction.

One statement reads what a heartbeat is compared with, for all of them; one writes what it says; one tells the pages; one commit makes them
durable, and only then is any of them answered. Whatever is more than a sign of life - another state, a birth, marks, a late number, a token
that is new or none - is left alone here and goes the long way (`edge.views.heartbeat`), which alone changes states and refuses.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import DatabaseError, connection
from pydantic import ValidationError

from analyticlens.protocol.canonical import loads_for_model
from analyticlens.protocol.heartbeat import Heartbeat, HeartbeatAnswer
from analyticlens.protocol.strict import plain
from api import bus, clock
from api.models import VirtualMachine, VMHeartbeat
from api.models.command import AHEAD
from api.receiving import NOT_REPORTED, SAMPLE_EVERY, metrics_of
from api.turn import writing
from edge import live
from edge.door import BEARER, NUL_SPELT
from edge.models import USE_NOTED_EVERY
from user.credentials import parse_token

if TYPE_CHECKING:
    from datetime import datetime

# Dates are compared by the database, so that none has to be read. `noted`: a use of the token was written down of late.
_KNOWN = """
SELECT t.prefix, t.sha256, m.id, m.machine_id, m.epoch, m.epoch_no, m.hb_seq,
    m.status, m.connection_status, m.error_message, m.reported_mode, m.reported_version, m.reported_recipe, m.apply_state,
    m.is_active AND m.left_at IS NULL AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %s)
        AND t.last_used_at > %s AS plain,
    m.last_sample > %s AND m.last_sample < %s AS sampled,
    (SELECT MAX(d.version) FROM api_desiredversion d WHERE d.machine_id = m.id),
    EXISTS (SELECT 1 FROM api_command c
        WHERE c.machine_id = m.id AND c.state = 'queued' AND c.expires_at > %s AND c.created_at <= %s),
    (SELECT i.instance_id FROM api_instance i WHERE i.id = 1)
FROM edge_machinetoken t JOIN api_virtualmachine m ON m.id = t.machine_id
WHERE t.prefix IN ({marks}) ORDER BY m.id
"""
_WRITE = "UPDATE api_virtualmachine SET last_heartbeat = %s, hb_seq = %s, apply_error = %s, reported = %s WHERE id = %s"


class Call(NamedTuple):
    """A heartbeat as it came: the Authorization header, and the body."""

    authorization: str
    body: bytes


class _Known(NamedTuple):
    """What is known of the machine that calls, in the order of the statement above."""

    prefix: str
    sha256: str
    pk: int
    machine_id: str
    epoch: str
    epoch_no: int
    hb_seq: int
    status: str
    connection_status: str
    error_message: str
    mode: str
    version: int
    recipe: str
    apply_state: str
    plain: bool | None
    sampled: bool | None
    desired: int | None
    waiting: bool
    instance_id: str | None


@dataclass(frozen=True)
class _Beat:
    """A heartbeat that could be read, with the token it came with."""

    prefix: str
    sha256: str
    said: Heartbeat


def take(calls: Sequence[Call]) -> list[dict[str, Any] | None]:
    """Take those heartbeats that change nothing, and return their answers once they are committed; None for each that goes the long way."""
    beats = [_read(call) for call in calls]
    prefixes = {beat.prefix for beat in beats if beat is not None}
    if not prefixes:
        return [None] * len(calls)
    try:
        with writing():
            return _take(beats, prefixes)
    except DatabaseError:
        # Nothing of it happened. Each tries for itself, and is told by itself when that is not possible either.
        return [None] * len(calls)


def _read(call: Call) -> _Beat | None:
    token = parse_token(call.authorization.removeprefix(BEARER).strip(), "alm")
    if token is None or not call.authorization.startswith(BEARER):
        return None
    if NUL_SPELT in call.body:
        # Told with what PostgreSQL can keep, the long way.
        return None
    try:
        said = Heartbeat.model_validate(loads_for_model(call.body))
    except (ValidationError, ValueError):
        return None
    return None if said.birth or said.marks else _Beat(token.id, token.sha256, said)


def _take(beats: Sequence[_Beat | None], prefixes: set[str]) -> list[dict[str, Any] | None]:
    now = clock.wall()
    known = _look(prefixes, now)
    # Of a machine that is here twice only the first: the second has to be compared with what that one wrote.
    first: dict[int, tuple[_Beat, _Known]] = {}
    answers: list[dict[str, Any] | None] = []
    for beat in beats:
        row = known.get(beat.prefix) if beat is not None else None
        if beat is None or row is None or row.pk in first or not _is_uneventful(beat, row):
            answers.append(None)
            continue
        first[row.pk] = beat, row
        answers.append(_answer(beat.said, row, now))
    if first:
        _write([*first.values()], now)
    return answers


def _look(prefixes: set[str], now: datetime) -> dict[str, _Known]:
    """Return what is known by each token's prefix; the machines' rows stay locked, in the one order of everybody who locks several."""
    shown = connection.ops.adapt_datetimefield_value
    times = [now, now - USE_NOTED_EVERY, now - SAMPLE_EVERY, now + SAMPLE_EVERY, now, now + AHEAD]
    statement = _KNOWN.format(marks=", ".join(["%s"] * len(prefixes)))
    if connection.features.has_select_for_update_of:
        statement += " FOR NO KEY UPDATE OF m"
    with connection.cursor() as cursor:
        cursor.execute(statement, [*map(shown, times), *prefixes])
        return {row[0]: _Known(*row) for row in cursor.fetchall()}


def _is_uneventful(beat: _Beat, row: _Known) -> bool:
    """Return whether the token is good and the heartbeat says of the machine what is known, and is its newest."""
    said = beat.said
    return bool(
        secrets.compare_digest(beat.sha256, row.sha256)
        and row.plain
        and row.instance_id
        and (row.epoch, row.epoch_no) == (said.epoch, said.epoch_no)
        and said.hb_seq > row.hb_seq
        and row.status in {"maintenance", said.status}
        and row.connection_status == "connected"
        and row.error_message == said.error_message
        and row.mode == said.mode
        and row.version == said.applied.running_version
        and row.recipe == (said.recipe_sha256 or "")
        and row.apply_state == said.applied.state
    )


def _write(taken: Sequence[tuple[_Beat, _Known]], now: datetime) -> None:
    shown = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE, [(shown, *_columns(beat.said), row.pk) for beat, row in taken])
    due = [(beat, row) for beat, row in taken if not row.sampled]
    if due:
        VirtualMachine.objects.filter(pk__in=[row.pk for _beat, row in due]).update(last_sample=now)
        VMHeartbeat.objects.bulk_create([_sample(beat.said, row, now) for beat, row in due], ignore_conflicts=True)
    told = {"what": "state", "changed": False, "at": now.isoformat()}
    bus.publish_all((f"machine:{row.machine_id}", told) for _beat, row in taken)


def _columns(said: Heartbeat) -> tuple[int, str, str]:
    return said.hb_seq, said.applied.error, said.model_dump_json(exclude=NOT_REPORTED)


def _sample(said: Heartbeat, row: _Known, now: datetime) -> VMHeartbeat:
    return VMHeartbeat(
        virtual_machine_id=row.pk,
        timestamp=now,
        status=said.status,
        connection_status="connected",
        error_message=said.error_message,
        performance_metrics=metrics_of(said),
        epoch=said.epoch,
        epoch_no=said.epoch_no,
        hb_seq=said.hb_seq,
        wall=said.wall,
    )


def _answer(said: Heartbeat, row: _Known, now: datetime) -> dict[str, Any]:
    assert row.instance_id is not None
    return plain(
        HeartbeatAnswer(
            server_time=now.isoformat(),
            instance_id=row.instance_id,
            desired_version=row.desired or 0,
            commands_waiting=bool(row.waiting),
            watched=live.watched_by_key(row.pk),
            want_marks=said.instance_id != row.instance_id,
        )
    )
