"""The commissioning picture: what a finished station looks like, which later pictures are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from analyticlens.protocol.configuration import patched
from api.errors import BadInput, NotNow, telling
from edge import live
from recipes.blobs import store_blob
from results.models import picture_name
from results.pictures import stored

if TYPE_CHECKING:
    from api.models import DesiredVersion, VirtualMachine
    from audit import Actor


def commission(
    machine: VirtualMachine, *, by: Actor, reason: str, picture: str = "", if_version: int | None = None
) -> DesiredVersion:
    """Make a picture the machine's commissioning picture: the one of that SHA-256, else the newest live one.

    Returns the version that asks it. Raises BadInput without a reason or for a picture the machine did not make, NotNow where nobody
    looks at the machine, so that there is no live picture, StaleVersion.
    """
    with telling("commission", machine, by):
        if not reason.strip():
            raise BadInput(_("Say why this is the commissioning picture."))
        content = _named(machine, picture) if picture else _live(machine)
        with transaction.atomic():
            blob = store_blob([content], f"{machine.machine_id} commissioning", by)
            current = machine.desired()
            before = current.asked.configuration if current else machine.get_configuration()
            asked = patched(before, {"health": {"reference": blob.sha256}})
            return machine.want(by=by, reason=reason, if_version=if_version, configuration=asked)


def _named(machine: VirtualMachine, sha256: str) -> bytes:
    """Return the bytes of a picture the machine made. Raises BadInput."""
    row = stored(sha256)
    if row is None or row.machine_id != machine.pk:
        raise BadInput(_("%(machine)s has no such picture.") % {"machine": machine.machine_id})
    with default_storage.open(picture_name(sha256), "rb") as file:
        return bytes(file.read())


def _live(machine: VirtualMachine) -> bytes:
    """Return the newest live picture. Raises NotNow where there is none, and has the machine send them."""
    newest = live.latest(machine)
    if newest is not None:
        return newest.jpeg
    live.watch(machine)
    sentence = _("There is no live picture of %(machine)s yet: ask for a snapshot, look at it, and try again.")
    raise NotNow(sentence % {"machine": machine.machine_id})
