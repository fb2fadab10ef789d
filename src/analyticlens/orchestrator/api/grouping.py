"""A group of machines as a whole: what it shares in numbered versions, which machines a change would reach, and reaching them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _

from analyticlens.protocol.differences import Difference, differences
from analyticlens.protocol.layers import Place, layered, places, shared_part, values_of
from api import membership, validators
from api.errors import BadInput, NotNow, Refused, StaleGroup, telling
from api.models import DesiredVersion, GroupMember, GroupVersion, MachineGroup, VirtualMachine
from audit import Actor, acting

if TYPE_CHECKING:
    from user.models import Site


@dataclass(frozen=True)
class Answer:
    """What became of an act at one machine: the version that asks it, None where nothing had to change; or why it was refused."""

    machine_id: str
    version: DesiredVersion | None = None
    refused: Refused | None = None


@dataclass(frozen=True)
class Own:
    """A place where a machine has a value of its own, beside the group's (of what the group says nothing: the default)."""

    path: Place
    group: Any
    machine: Any


@dataclass(frozen=True)
class Standing:
    """A member beside its group: where it differs, what else is its own, and what it has not followed yet.

    `pending` is what following would change. `problem` is why it cannot be followed.
    """

    member: GroupMember
    differs: list[Own]
    own: list[Own]
    behind: bool
    pending: list[Difference]
    problem: str = ""

    @property
    def machine(self) -> VirtualMachine:
        """The machine."""
        return self.member.machine


@dataclass(frozen=True)
class Forecast:
    """What another shared part would change at a member, and which changed places the member would not follow: there it has its own."""

    machine: VirtualMachine
    changes: list[Difference]
    keeps: list[Own]
    problem: str = ""


def checked(shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shared part in its one form. Raises BadInput with one sentence."""
    try:
        part = shared_part(shared)
    except ValueError as error:
        raise BadInput(f"configuration.{error}") from None
    address = part.get("source", {}).get("rtsp_url")
    if address:
        try:
            validators.check_stream_url(address)
        except ValidationError as error:
            raise BadInput(error.messages[0]) from None
    return part


def add(
    code: str,
    name: str,
    *,
    by: Actor,
    reason: str,
    description: str = "",
    site: Site | None = None,
    shared: Mapping[str, Any] | None = None,
) -> MachineGroup:
    """Make a group, its first version with it. Raises BadInput for a code that is taken, and for what is no shared part."""
    if len(code) > 50 or re.fullmatch(r"[-a-zA-Z0-9_]+", code) is None:
        raise BadInput(_("A code is 1 to 50 letters, digits, - and _."))
    if MachineGroup.objects.filter(code=code).exists():
        raise BadInput(_("There is a group of that code already."))
    part = checked(shared or {})
    group = MachineGroup(code=code, name=name or code, description=description, site=site, version=1, shared=part)
    try:
        with transaction.atomic(), acting(by, reason):
            group.save(force_insert=True)
            _write_version(group, by, reason)
    except IntegrityError:
        # Somebody made one of that code since we looked; anything else the database refuses is no person's mistake.
        if not MachineGroup.objects.filter(code=code).exists():
            raise
        raise BadInput(_("There is a group of that code already.")) from None
    return group


def _lock(group: MachineGroup) -> MachineGroup:
    """Return the group's row, locked until the transaction ends. Raises NotNow for one that was removed meanwhile."""
    locked = MachineGroup.objects.select_for_update(no_key=True).filter(pk=group.pk).first()
    if locked is None:
        raise NotNow(_("The group %(group)s is gone.") % {"group": group.code})
    return locked


def change(
    group: MachineGroup,
    *,
    by: Actor,
    reason: str,
    seen: bool,
    about: Mapping[str, Any] | None = None,
    shared: Mapping[str, Any] | None = None,
    if_version: int | None = None,
) -> bool:
    """Change a group: `about` are fields people say of it, `shared` becomes its next version.

    Return whether it shares anything else than before; the members are not reached yet. `seen`: whether who asks may see every
    member. Raises StaleGroup when `if_version` is not the newest, NotNow where members stand in the way, BadInput.
    """
    with telling("change a group", group, by), transaction.atomic(), acting(by, reason):
        locked = _lock(group)
        if if_version is not None and if_version != locked.version:
            raise StaleGroup(locked.version)
        if about:
            _describe(locked, about)
        part = locked.shared if shared is None else checked(shared)
        changed = bool(part != locked.shared)
        if changed:
            if not seen:
                raise NotNow(
                    _("Machines you may not see are in this group: who sees them all may change what they share.")
                )
            locked.version += 1
            locked.shared = part
            _write_version(locked, by, reason)
            locked.save(update_fields=["version", "shared"])
    for name in ("version", "shared", *(about or ())):
        setattr(group, name, getattr(locked, name))
    return changed


def _write_version(group: MachineGroup, by: Actor, reason: str) -> None:
    GroupVersion.objects.create(
        group=group, version=group.version, shared=group.shared, author=by.name[:200], reason=reason[:2000]
    )


def _describe(group: MachineGroup, about: Mapping[str, Any]) -> None:
    for name, value in about.items():
        setattr(group, name, value)
    if group.site is not None and (foreign := group.members.exclude(machine__line__site=group.site).first()):
        raise NotNow(_("%(machine)s is not at the site of this group.") % {"machine": foreign.machine.machine_id})
    group.save(update_fields=list(about))


def remove(group: MachineGroup, *, by: Actor) -> None:
    """Remove a group that has no members. Raises NotNow for one that has."""
    with telling("remove a group", group, by), transaction.atomic(), acting(by):
        locked = _lock(group)
        if locked.members.exists():
            raise NotNow(_("The group has members; take them out first."))
        locked.delete()


def counted(groups: QuerySet[MachineGroup]) -> QuerySet[MachineGroup]:
    """Return the groups with how many members each has (`member_count`) and how many of them are behind (`behind_count`)."""
    late = Q(members__isnull=False) & ~Q(members__applied=F("version"))
    return groups.annotate(member_count=Count("members"), behind_count=Count("members", filter=late))


def each(machines: Iterable[VirtualMachine], act: Callable[[VirtualMachine], DesiredVersion | None]) -> list[Answer]:
    """Do something at each machine by itself: one that refuses does not keep the others from it."""
    return [_answer(machine, act) for machine in machines]


def _answer(machine: VirtualMachine, act: Callable[[VirtualMachine], DesiredVersion | None]) -> Answer:
    try:
        return Answer(machine.machine_id, act(machine))
    except Refused as refused:
        return Answer(machine.machine_id, refused=refused)


def reach(group: MachineGroup, *, by: Actor, reason: str) -> list[Answer]:
    """Bring the members that are behind to what their group shares now; who is not reached stays behind and can be reached later."""
    return each(behind(group), lambda machine: membership.follow(group, machine, by=by, reason=reason))


def behind(group: MachineGroup) -> list[VirtualMachine]:
    """Return the members that have not followed the newest version."""
    rows = group.members.exclude(applied=group.version).select_related("machine")
    return [member.machine for member in rows.order_by("machine__machine_id")]


def standing(member: GroupMember, group: MachineGroup) -> Standing:
    """Return how a member stands beside its group. No row is read but those given."""
    now = values_of(member.machine.get_configuration())
    shared, base = places(group.shared), values_of(layered(group.shared, {}))
    differs: list[Own] = []
    own: list[Own] = []
    for path in places(member.overrides):
        (differs if path in shared else own).append(Own(path, base.get(path), now.get(path)))
    if member.applied == group.version:
        return Standing(member, differs, own, False, [])
    forecast = foresee(member, group, group.shared)
    return Standing(member, differs, own, True, forecast.changes, forecast.problem)


def foresee(member: GroupMember, group: MachineGroup, shared: Mapping[str, Any]) -> Forecast:
    """Return what following a shared part would change at a member. No row is read but those given."""
    machine = member.machine
    before, after = places(group.shared), places(shared)
    base = values_of(layered(shared, {}))
    now = machine.get_configuration()
    told = values_of(now)
    moved = {path for path in {**before, **after} if before.get(path) != after.get(path)}
    keeps = [Own(path, base.get(path), told.get(path)) for path in places(member.overrides) if path in moved]
    if not machine.is_active:
        return Forecast(machine, [], keeps, _("%(machine)s is retired.") % {"machine": machine.machine_id})
    try:
        then = layered(shared, member.overrides)
    except ValueError as error:
        return Forecast(machine, [], keeps, str(error))
    return Forecast(machine, differences(now.model_dump(mode="json"), then.model_dump(mode="json")), keeps)
