"""The audit trail over REST, as far as a person may see: who is bound to sites and lines reads of their machines, and of themselves."""

from __future__ import annotations

from django.db.models import CharField, Model, Q, QuerySet
from django.db.models.functions import Cast

from api.models import DesiredVersion, VMInspectionTool
from api.scope import machines_for
from audit.models import AuditEntry
from audit.rest import Entries
from user.models import User
from user.rest import person


class Trail(Entries):
    """The entries, newest first."""

    def get_queryset(self) -> QuerySet[AuditEntry]:
        """Return those that who asks may see; filters choose."""
        nobody: QuerySet[AuditEntry] = AuditEntry.objects.none()
        return nobody if getattr(self, "swagger_fake_view", False) else entries_for(person(self.request))


def entries_for(user: User) -> QuerySet[AuditEntry]:
    """Return the entries this person may see: all, or where they are bound their own acts and what was done to the machines they see."""
    entries: QuerySet[AuditEntry] = AuditEntry.objects.all()
    if not user.sees():
        return entries
    machines = machines_for(user)
    tools = VMInspectionTool.objects.filter(virtual_machine__in=machines)
    versions = DesiredVersion.objects.filter(machine__in=machines)
    return entries.filter(Q(actor_id=user.pk) | _about(machines) | _about(tools) | _about(versions))


def _about(rows: QuerySet[Model]) -> Q:
    """Return what leaves of entries those about rows. An entry names its subject in text: it outlives it."""
    keys = rows.annotate(key=Cast("pk", CharField())).values("key")
    return Q(object_type=rows.model._meta.label_lower, object_pk__in=keys)
