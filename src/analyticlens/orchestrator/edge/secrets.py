"""Secrets of machines: what a machine needs to reach its own camera. Written by people, given to the machine alone, shown to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from api import bus, clock
from api.errors import BadInput
from audit import acting
from audit.models import record
from user.sealing import seal, unseal

if TYPE_CHECKING:
    from api.models import VirtualMachine
    from audit import Actor

# What machines know to use. Another name would be kept for nothing.
NAMES = ("source_user", "source_password")
LONGEST = 500


class MachineSecret(models.Model):
    """One secret of a machine, sealed; its row is told of by name alone."""

    machine = models.ForeignKey("api.VirtualMachine", models.PROTECT, related_name="secrets")
    name = models.CharField(max_length=50)
    sealed = models.TextField()
    set_at = models.DateTimeField(gettext_lazy("set"), default=clock.wall)
    set_by = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["machine", "name"], name="one_secret_a_name")]
        verbose_name = gettext_lazy("machine secret")
        verbose_name_plural = gettext_lazy("machine secrets")

    def __str__(self) -> str:
        return f"{self.machine_id} {self.name}"

    @property
    def purpose(self) -> str:
        """What the sealed text is bound to: this machine and this name."""
        return f"machine:{self.machine_id}:{self.name}"


def put(machine: VirtualMachine, name: str, value: str, by: Actor, reason: str = "") -> None:
    """Set a machine's secret. Raises BadInput for a name machines do not know, or a value that is none."""
    _check_name(name)
    if not 0 < len(value) <= LONGEST or not value.isprintable():
        raise BadInput(_("A secret has 1 to %(most)s visible characters.") % {"most": LONGEST})
    with transaction.atomic(), acting(by, reason):
        row = MachineSecret(machine=machine, name=name)
        said = {"sealed": seal(value.encode(), row.purpose), "set_at": clock.wall(), "set_by": by.name[:200]}
        MachineSecret.objects.update_or_create(machine=machine, name=name, defaults=said)
        record("set secret", machine, name=name)
        bus.publish(machine.topic, {"what": "secret", "name": name})


def remove(machine: VirtualMachine, name: str, by: Actor, reason: str = "") -> None:
    """Forget a machine's secret. Once more is as good. Raises BadInput for a name machines do not know."""
    _check_name(name)
    with transaction.atomic(), acting(by, reason):
        gone, _of = MachineSecret.objects.filter(machine=machine, name=name).delete()
        if gone:
            record("remove secret", machine, name=name)
            bus.publish(machine.topic, {"what": "secret", "name": name})


def opened(machine: VirtualMachine) -> dict[str, str]:
    """Return a machine's secrets by name, in clear: for its own door. Raises CannotOpen."""
    return {row.name: unseal(row.sealed, row.purpose).decode() for row in MachineSecret.objects.filter(machine=machine)}


def _check_name(name: str) -> None:
    if name not in NAMES:
        raise BadInput(_("Machines know these secrets: %(names)s.") % {"names": ", ".join(NAMES)})
