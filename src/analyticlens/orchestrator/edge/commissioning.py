"""The commissioning picture: what a finished station looks like, which later pictures are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from analyticlens.protocol.configuration import patched
from api.errors import BadInput, NotNow, telling
from edge import live
from recipes.blobs import store_blob

if TYPE_CHECKING:
    from api.models import DesiredVersion, VirtualMachine
    from audit import Actor


def commission(machine: VirtualMachine, *, by: Actor, reason: str, if_version: int | None = None) -> DesiredVersion:
    """Make the newest live picture the machine's commissioning picture; return the version that asks it.

    Raises NotNow where nobody looks at the machine now, so that there is no such picture; BadInput without a reason, StaleVersion.
    """
    with telling("commission", machine, by):
        if not reason.strip():
            raise BadInput(_("Say why this is the commissioning picture."))
        newest = live.latest(machine)
        if newest is None:
            live.watch(machine)
            sentence = _("There is no live picture of %(machine)s yet: ask for a snapshot, look at it, and try again.")
            raise NotNow(sentence % {"machine": machine.machine_id})
        with transaction.atomic():
            blob = store_blob([newest.jpeg], f"{machine.machine_id} commissioning", by)
            current = machine.desired()
            before = current.asked.configuration if current else machine.get_configuration()
            asked = patched(before, {"health": {"reference": blob.sha256}})
            return machine.want(by=by, reason=reason, if_version=if_version, configuration=asked)
