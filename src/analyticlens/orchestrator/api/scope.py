"""Which machines a person may see. Pages, REST and the event stream ask here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import QuerySet

from api.models import VirtualMachine

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from user.models import User


def machines_for(user: User | AnonymousUser) -> QuerySet[VirtualMachine]:
    """Return the machines this person may see, retired ones among them; a stranger sees none."""
    return VirtualMachine.objects.filter(user.sees()) if user.is_authenticated else VirtualMachine.objects.none()


def topics_for(user: User) -> frozenset[str] | None:
    """Return what of the live bus this person may hear; None: all of it."""
    if not user.sees():
        return None
    return frozenset(f"machine:{name}" for name in machines_for(user).values_list("machine_id", flat=True))
