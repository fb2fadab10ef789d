"""What machines say of themselves: one function takes a heartbeat, whether it came through the door or as a `VMHeartbeat` row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F

from analyticlens.protocol.heartbeat import Goodbye, Heartbeat
from api import bus, clock

if TYPE_CHECKING:
    from api.models import VirtualMachine, VMHeartbeat

SAMPLE_EVERY = timedelta(minutes=1)
# The columns a machine's word, or its silence, writes.
LIVING = (
    "status",
    "connection_status",
    "error_message",
    "last_heartbeat",
    "last_sample",
    "left_at",
    "epoch",
    "epoch_no",
    "hb_seq",
    "reported_mode",
    "reported_version",
    "reported_recipe",
    "apply_state",
    "apply_error",
    "reported",
)
# What a heartbeat says that stands in columns of its own, or is of its moment alone.
NOT_REPORTED = {"marks", "birth", "epoch", "epoch_no", "hb_seq"}


@dataclass(frozen=True)
class Report:
    """A sign of life in the database's words. `living` are further columns it sets; `order` is (epoch_no, hb_seq), if it has one."""

    status: str
    connection_status: str
    error_message: str
    at: datetime
    metrics: dict[str, Any] = field(default_factory=dict)
    living: dict[str, Any] = field(default_factory=dict)
    order: tuple[int, int] | None = None
    cause: str = "heartbeat"
    # The machine's own clock, as it said.
    wall: str = ""


def receive(machine: VirtualMachine, report: Report, *, sample: VMHeartbeat | None = None) -> bool:
    """Bring the machine's living columns up to report, with a transition if its state changed, in one transaction.

    False when a newer report was taken before: it is counted, and nothing else changes. `sample` is the row that is kept of the
    report, if there is one already.
    """
    with transaction.atomic():
        locked = type(machine).objects.select_for_update(no_key=True).get(pk=machine.pk)
        if _is_old(locked, report):
            type(machine).objects.filter(pk=locked.pk).update(stale_heartbeats=F("stale_heartbeats") + 1)
            return False
        before = (locked.status, locked.connection_status)
        changes = {
            **report.living,
            # Maintenance is left by people alone.
            "status": locked.status if locked.status == "maintenance" else report.status,
            "connection_status": report.connection_status,
            "error_message": report.error_message,
            "last_heartbeat": report.at,
        }
        changed = _differs(locked, changes)
        # A clock that was set back must not end the sampling until it has caught up.
        due = locked.last_sample is None or abs(report.at - locked.last_sample) >= SAMPLE_EVERY
        if sample is not None or changed or due:
            changes["last_sample"] = report.at
        # Not save(): a heartbeat is a fact, leaves no entry, and must not overwrite what people write meanwhile.
        type(machine).objects.filter(pk=locked.pk).update(**changes)
        for name, value in changes.items():
            setattr(locked, name, value)
            setattr(machine, name, value)
        machine.remember_living()
        if "last_sample" in changes and sample is None:
            _keep(locked, report)
        if before != (locked.status, locked.connection_status):
            note_change(locked, before, cause=report.cause, message=report.error_message)
        bus.publish(locked.topic, {"what": "state", "changed": changed, "at": report.at.isoformat()})
    return True


def _is_old(machine: VirtualMachine, report: Report) -> bool:
    """Return whether a newer report was taken before; where a report has no number, its date decides."""
    if report.order is not None:
        return report.order <= (machine.epoch_no, machine.hb_seq)
    return machine.last_heartbeat is not None and report.at < machine.last_heartbeat


# Changes worth a sample of their own and a fresh look at the page.
_TELLING = (
    "status",
    "connection_status",
    "error_message",
    "reported_mode",
    "reported_version",
    "reported_recipe",
    "apply_state",
)


def _differs(machine: VirtualMachine, changes: dict[str, Any]) -> bool:
    return any(name in changes and changes[name] != getattr(machine, name) for name in _TELLING)


def _keep(machine: VirtualMachine, report: Report) -> None:
    """Store the heartbeat's row. bulk_create: saving a row would be receiving it once more."""
    from api.models import VMHeartbeat

    row = VMHeartbeat(
        virtual_machine=machine,
        timestamp=report.at,
        status=report.status,
        connection_status=report.connection_status,
        error_message=report.error_message,
        performance_metrics=report.metrics,
        epoch=report.living.get("epoch", ""),
        epoch_no=report.living.get("epoch_no", 0),
        hb_seq=report.living.get("hb_seq", 0),
        wall=report.wall,
    )
    # It may have come before, as a late one: that row stays.
    VMHeartbeat.objects.bulk_create([row], ignore_conflicts=True)


def note_change(machine: VirtualMachine, before: tuple[str, str], *, cause: str, message: str = "") -> None:
    """Write the transition from before (status, connection) to what the machine is now, and tell the pages."""
    from api.models import Transition

    row = Transition.objects.create(
        machine=machine,
        old_status=before[0],
        old_connection=before[1],
        new_status=machine.status,
        new_connection=machine.connection_status,
        cause=cause,
        message=message[:2000],
    )
    told = {"what": "transition", "id": row.pk, "status": machine.status, "connection": machine.connection_status}
    bus.publish(machine.topic, told)


def receive_heartbeat(machine: VirtualMachine, heartbeat: Heartbeat) -> bool:
    """Take a heartbeat of the door's."""
    report = Report(
        status=heartbeat.status,
        connection_status="connected",
        error_message=heartbeat.error_message,
        at=clock.wall(),
        metrics=metrics_of(heartbeat),
        living={
            "epoch": heartbeat.epoch,
            "epoch_no": heartbeat.epoch_no,
            "hb_seq": heartbeat.hb_seq,
            "left_at": None,
            "reported_mode": heartbeat.mode,
            "reported_version": heartbeat.applied.running_version,
            "reported_recipe": heartbeat.recipe_sha256 or "",
            "apply_state": heartbeat.applied.state,
            "apply_error": heartbeat.applied.error,
            "reported": heartbeat.model_dump(mode="json", exclude=NOT_REPORTED),
        },
        order=(heartbeat.epoch_no, heartbeat.hb_seq),
        wall=heartbeat.wall,
    )
    return receive(machine, report)


def metrics_of(heartbeat: Heartbeat) -> dict[str, Any]:
    """Return the seed's keys, others beside them."""
    return {
        "cpu_usage": heartbeat.health.cpu_usage,
        "memory_usage": heartbeat.health.memory_usage,
        "fps_current": heartbeat.fps,
        "disk_free_mb": heartbeat.health.disk_free_mb,
        "temperature_c": heartbeat.health.temperature_c,
        "latency_p50_ms": heartbeat.latency_p50_ms,
        "latency_p99_ms": heartbeat.latency_p99_ms,
        "outbox_depth": heartbeat.outbox.depth,
        "frame_age_seconds": heartbeat.frame_age_seconds,
        "counters": heartbeat.counters.model_dump(),
        "picture": heartbeat.picture.model_dump(exclude_none=True) if heartbeat.picture else {},
    }


def receive_goodbye(machine: VirtualMachine, goodbye: Goodbye) -> bool:
    """Take a planned leave: disconnected at once, and silence afterwards is no surprise."""
    now = clock.wall()
    report = Report(
        status="stopped",
        connection_status="disconnected",
        error_message="",
        at=now,
        living={
            "epoch": goodbye.epoch,
            "epoch_no": goodbye.epoch_no,
            "hb_seq": goodbye.hb_seq,
            "left_at": now,
        },
        order=(goodbye.epoch_no, goodbye.hb_seq),
        cause="goodbye",
    )
    return receive(machine, report)
