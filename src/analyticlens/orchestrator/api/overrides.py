"""What a member of a group has of its own: whatever is changed at the machine itself stays there, until somebody resets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analyticlens.protocol.configuration import Configuration, patched
from analyticlens.protocol.layers import patch_between, places, tree_of, values_of

if TYPE_CHECKING:
    from api.models import VirtualMachine


def own_over(shared: Mapping[str, Any], configuration: Configuration) -> dict[str, Any]:
    """Return what a configuration has of its own over what a group shares."""
    return patch_between(patched(Configuration(), shared), configuration)


def noticed(machine: VirtualMachine, before: Configuration, after: Configuration) -> None:
    """Note that a machine, whose row is locked, has another configuration: what differs from its group is now its own.

    What was its own and was not touched stays so, even where the group has come to say the same; what was set to the group's value no
    longer is.
    """
    from api.models import GroupMember, GroupVersion

    member = GroupMember.objects.select_for_update(no_key=True).filter(machine=machine).first()
    if member is None:
        return
    shared = GroupVersion.objects.values_list("shared", flat=True).get(group=member.group_id, version=member.applied)
    old, new = values_of(before), values_of(after)
    untouched = {
        path: value
        for path, value in places(member.overrides).items()
        if path in new and path in old and old[path] == new[path]
    }
    own = tree_of(untouched | places(own_over(shared, after)))
    if own != member.overrides:
        member.overrides = own
        member.save(update_fields=["overrides"])
