"""Which machines a person may see. Pages, REST and the event stream ask here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from api.models import MachineGroup, VirtualMachine

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from user.models import User


def machines_for(user: User | AnonymousUser) -> QuerySet[VirtualMachine]:
    """Return the machines this person may see, retired ones among them; a stranger sees none."""
    return VirtualMachine.objects.filter(user.sees()) if user.is_authenticated else VirtualMachine.objects.none()


def groups_for(user: User | AnonymousUser) -> QuerySet[MachineGroup]:
    """Return the groups this person may see: who is bounded, those of their sites; a stranger none."""
    if not user.is_authenticated:
        return MachineGroup.objects.none()
    if not user.sees():
        return MachineGroup.objects.all()
    return MachineGroup.objects.filter(Q(site__in=user.sites.values("pk")) | Q(site__in=user.lines.values("site")))


def sees_all_of(user: User | AnonymousUser, group: MachineGroup) -> bool:
    """Return whether this person may see every member of a group: who does not may not change what they share."""
    return not group.members.exclude(machine__in=machines_for(user)).exists()


def topics_for(user: User) -> frozenset[str] | None:
    """Return what of the live bus this person may hear; None: all of it."""
    if not user.sees():
        return None
    return frozenset(f"machine:{name}" for name in machines_for(user).values_list("machine_id", flat=True))
