"""One machine and its group: joining, following the group's newest version, going back to it, leaving.

Each is one transaction at one machine, whose row is locked first. What changes at the machine is asked through `want`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.layers import Place, layered, places, tree_of
from api import asking
from api.errors import BadInput, NotNow, telling
from api.overrides import own_over
from audit import Actor, acting

if TYPE_CHECKING:
    from api.models import DesiredVersion, GroupMember, MachineGroup, VirtualMachine


def configuration_of(machine: VirtualMachine) -> Configuration:
    """Return the configuration that is asked of a machine now."""
    current = machine.desired()
    return current.asked.configuration if current else machine.get_configuration()


def join(group: MachineGroup, machine: VirtualMachine, *, take: bool, by: Actor, reason: str) -> DesiredVersion | None:
    """Make a machine a member; return the version that asks the machine to be as the group, None where nothing changes.

    Where it differs from what the group shares it stays as it is, and that is its own; `take` takes the group's instead. What the group
    says nothing of stays either way. Raises NotNow for one that is in a group or is retired, BadInput for one of another site.
    """
    from api.models import GroupMember, MachineGroup

    with telling("join a group", machine, by), transaction.atomic(), acting(by, reason):
        locked = asking.lock(machine)
        known = GroupMember.objects.select_related("group").filter(machine=locked).first()
        if known is not None:
            raise NotNow(
                _("%(machine)s is in the group %(group)s already.")
                % {"machine": locked.machine_id, "group": known.group.code}
            )
        if group.site_id is not None and (locked.line is None or locked.line.site_id != group.site_id):
            raise BadInput(_("%(machine)s is not at the site of this group.") % {"machine": locked.machine_id})
        # Locked, so that whoever shares another version meanwhile finds this member, or this member that version.
        joined = MachineGroup.objects.select_for_update(no_key=True).filter(pk=group.pk).first()
        if joined is None:
            raise NotNow(_("The group %(group)s is gone.") % {"group": group.code})
        own = places(own_over(joined.shared, configuration_of(locked)))
        if take:
            shared = places(joined.shared)
            own = {path: value for path, value in own.items() if path not in shared}
        member = GroupMember(machine=locked, group=joined, applied=joined.version, overrides=tree_of(own))
        member.save()
        return _bring(locked, member, by, reason)


def follow(group: MachineGroup, machine: VirtualMachine, *, by: Actor, reason: str) -> DesiredVersion | None:
    """Bring a member to what its group shares now; return the version that asks it, None where nothing changes.

    What is its own stays. Raises NotNow, and BadInput where the two together are no configuration: nothing is changed then.
    """
    with telling("follow its group", machine, by), transaction.atomic(), acting(by, reason):
        locked = asking.lock(machine)
        return _bring(locked, _member(group, locked), by, reason)


def reset(
    group: MachineGroup, machine: VirtualMachine, wanted: Sequence[Place] | None, *, by: Actor, reason: str
) -> DesiredVersion | None:
    """Let a member have the group's values again where it has its own: at the places named and below them, else wherever the group shares.

    Return the version that asks it, None where nothing changes. Raises NotNow, BadInput for a place the group says nothing of.
    """
    with telling("reset to its group", machine, by), transaction.atomic(), acting(by, reason):
        locked = asking.lock(machine)
        member = _member(group, locked)
        shared = places(member.group.shared)
        chosen = set(shared) if wanted is None else _below(wanted, shared)
        own = {path: value for path, value in places(member.overrides).items() if path not in chosen}
        member.overrides = tree_of(own)
        member.save(update_fields=["overrides"])
        return _bring(locked, member, by, reason)


def leave(group: MachineGroup, machine: VirtualMachine, *, by: Actor, reason: str) -> None:
    """Take a machine out of its group. Its configuration stays as it is. Raises NotNow for one that is not in it."""
    with telling("leave its group", machine, by), transaction.atomic(), acting(by, reason):
        # A retired one may leave: nothing is asked of it.
        locked = type(machine).objects.select_for_update(no_key=True).get(pk=machine.pk)
        _member(group, locked).delete()


def _member(group: MachineGroup, machine: VirtualMachine) -> GroupMember:
    """Return the membership, with the group as it is now."""
    from api.models import GroupMember

    # The group's row is read, not locked: whoever shares another version comes by at each member afterwards.
    rows = GroupMember.objects.select_for_update(of=("self",), no_key=True).select_related("group")
    member = rows.filter(machine=machine, group=group).first()
    if member is None:
        raise NotNow(
            _("%(machine)s is not in the group %(group)s.") % {"machine": machine.machine_id, "group": group.code}
        )
    return member


def _below(wanted: Sequence[Place], shared: dict[Place, Any]) -> set[Place]:
    """Return the shared places at or below those named. Raises BadInput where there is none."""
    found = {path: {one for one in shared if one[: len(path)] == tuple(path)} for path in wanted}
    for path, there in found.items():
        if not there:
            raise BadInput(_("The group says nothing of %(place)s.") % {"place": ".".join(path) or "?"})
    return set().union(*found.values())


def _bring(locked: VirtualMachine, member: GroupMember, by: Actor, reason: str) -> DesiredVersion | None:
    try:
        configuration = layered(member.group.shared, member.overrides)
    except ValueError as error:
        raise BadInput(str(error)) from None
    # Noted first: what `want` finds to be the machine's own is what differs from this version.
    if member.applied != member.group.version:
        member.applied = member.group.version
        member.save(update_fields=["applied"])
    if configuration == configuration_of(locked):
        return None
    return locked.want(by=by, reason=reason, configuration=configuration)
