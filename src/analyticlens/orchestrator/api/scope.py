"""What a person may see and change: machines, groups, products and shifts. Pages, REST and the event stream ask here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from api.models import MachineGroup, Product, Shift, VirtualMachine
from user.rest_people import sites_for

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from user.models import Site, User


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


def reaches(user: User, site: Site | None) -> bool:
    """Return whether what is of this site is within this person's scope; None: it is of all sites, and so of those of others too."""
    return not user.sees() or (site is not None and sites_for(user).filter(pk=site.pk).exists())


def products_for(user: User, *, to_change: bool = False) -> QuerySet[Product]:
    """Return the products this person may see, or change: they are of all sites."""
    return Product.objects.none() if to_change and not reaches(user, None) else Product.objects.all()


def shifts_for(user: User, *, to_change: bool = False) -> QuerySet[Shift]:
    """Return the shifts this person may see, or change: those of their sites; who is bounded sees those of all sites besides."""
    if not user.sees():
        return Shift.objects.all()
    of_theirs = Q(site__in=sites_for(user))
    return Shift.objects.filter(of_theirs if to_change else of_theirs | Q(site=None))


def topics_for(user: User) -> frozenset[str] | None:
    """Return what of the live bus this person may hear; None: all of it."""
    if not user.sees():
        return None
    return frozenset(f"machine:{name}" for name in machines_for(user).values_list("machine_id", flat=True))
