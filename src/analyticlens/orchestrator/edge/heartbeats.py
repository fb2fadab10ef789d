"""Heartbeats at the door: births open epochs, replays change nothing, marks are compared when either side began anew."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.db.models import Max

from analyticlens.protocol.heartbeat import EpochMark, Goodbye, Heartbeat, HeartbeatAnswer
from api import clock
from api.models import Command, Instance
from api.turn import writing
from edge import live, twins
from edge.door import DoorError
from results.ingest import number_taken, open_epoch
from results.models import MachineEpoch

if TYPE_CHECKING:
    from api.models import VirtualMachine


def receive(machine: VirtualMachine, said: Heartbeat, address: str = "") -> HeartbeatAnswer:
    """Take a heartbeat, and the birth it may be. Raises DoorError 409 for an epoch that is not above the known ones."""
    know_epoch(machine, said)
    with writing():
        fresh = machine.receive_heartbeat(said)
        if not fresh:
            twins.heard_late(machine, said, address)
    desired = machine.desired_versions.order_by("-version").values_list("version", flat=True).first()
    instance = Instance.current().instance_id
    return HeartbeatAnswer(
        server_time=clock.wall().isoformat(),
        instance_id=instance,
        desired_version=desired or 0,
        commands_waiting=bool(Command.waiting(machine.pk)),
        watched=live.watched(machine),
        marks=differing(machine, said.marks),
        stale=not fresh,
        want_marks=said.instance_id != instance and not said.marks,
    )


def know_epoch(machine: VirtualMachine, said: Heartbeat | Goodbye) -> None:
    """Open the epoch a message speaks of, unless it is known. Raises DoorError 409 with the highest number when it is not above that.

    A known epoch is refused only with another number: its messages may be late, and a late one is told from a new one by its number.
    A birth is refused too when an epoch before it, of which nothing was ever acknowledged, has the number of another: a machine that
    is refused gives those new numbers.
    """
    if (machine.epoch, machine.epoch_no) == (said.epoch, said.epoch_no):
        return
    if MachineEpoch.objects.filter(machine=machine, epoch=said.epoch).exists():
        open_epoch(machine, said.epoch, said.epoch_no)
        return
    highest = highest_epoch(machine)
    marks = said.marks if isinstance(said, Heartbeat) else []
    unborn = [mark for mark in marks if mark.mark == 0 and mark.epoch != said.epoch]
    if said.epoch_no <= highest or any(number_taken(machine, mark.epoch, mark.epoch_no) for mark in unborn):
        sentence = f"this machine has had {highest} epochs; open one above that"
        raise DoorError(HTTPStatus.CONFLICT, "epoch_not_above", sentence, highest=highest)
    open_epoch(machine, said.epoch, said.epoch_no)


def highest_epoch(machine: VirtualMachine) -> int:
    """Return the highest epoch number known of machine; 0 before the first."""
    found = MachineEpoch.objects.filter(machine=machine).aggregate(highest=Max("epoch_no"))["highest"] or 0
    return max(int(found), machine.epoch_no)


def differing(machine: VirtualMachine, marks: list[EpochMark]) -> list[EpochMark]:
    """Return our mark of each epoch named whose mark there is another.

    An epoch that was never heard of, because a backup was restored here, is opened: its records come again.
    """
    named = [mark.epoch for mark in marks]
    ours = dict(MachineEpoch.objects.filter(machine=machine, epoch__in=named).values_list("epoch", "mark"))
    for mark in marks:
        # A number that two share after a restored backup is better than records that never arrive.
        if mark.epoch not in ours:
            ours[mark.epoch] = open_epoch(machine, mark.epoch, mark.epoch_no).mark
    return [
        EpochMark(epoch=mark.epoch, epoch_no=mark.epoch_no, mark=ours[mark.epoch])
        for mark in marks
        if ours[mark.epoch] != mark.mark
    ]
