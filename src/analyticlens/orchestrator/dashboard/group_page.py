"""What a group's page shows: what it shares, its members beside one another, its versions, and who could join."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from analyticlens.protocol.differences import Difference, differences
from analyticlens.protocol.layers import Place, places
from api import grouping
from api.models import GroupVersion, MachineGroup, VirtualMachine
from api.scope import machines_for
from dashboard import sentences
from dashboard.configuration_words import configuration_specs, place_text, value_text

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from api.models import GroupMember
    from user.models import User

SHOWN_VERSIONS = 20
# The way to a place as a form's value names it.
STEP = "/"


@dataclass(frozen=True)
class Said:
    """A place and what is said of it."""

    path: Place
    value: Any

    @property
    def place(self) -> str:
        """What people call it."""
        return place_text(self.path)

    @property
    def text(self) -> str:
        """The value, printed."""
        return value_text(self.path, self.value)

    @property
    def name(self) -> str:
        """The place as a form's value names it."""
        return STEP.join(self.path)


@dataclass(frozen=True)
class Move:
    """A place and how it changes."""

    place: str
    before: str
    after: str


def moves(found: Iterable[Difference]) -> list[Move]:
    """Return changes as people read them."""
    return [Move(place_text(path), value_text(path, before), value_text(path, after)) for path, before, after in found]


def shared_moves(before: dict[str, Any], after: dict[str, Any]) -> list[Move]:
    """Return what a shared part says otherwise than the one before it."""

    def text(path: Place, value: Any) -> str:
        return gettext("each its own") if value is None else value_text(path, value)

    return [Move(place_text(path), text(path, old), text(path, new)) for path, old, new in _by_place(before, after)]


def _by_place(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    # Compared place by place: a section that came or went is no one value.
    old, new = places(before), places(after)
    joined = {path: (old.get(path), new.get(path)) for path in [*new, *old]}
    return [Difference(path, *both) for path, both in joined.items() if differences(*both)]


@dataclass(frozen=True)
class Cell:
    """A place in a member's row: its own value there; or the one it still has where it has not followed; or neither."""

    column: Said
    own: Said | None
    late: Said | None


@dataclass(frozen=True)
class Row:
    """A member as the page shows it."""

    standing: grouping.Standing
    cells: list[Cell]

    @property
    def machine(self) -> VirtualMachine:
        """The machine."""
        return self.standing.machine

    @property
    def differs(self) -> int:
        """At how many places it has its own value."""
        return len(self.standing.differs)

    @property
    def own(self) -> list[Said]:
        """What else is its own: the group says nothing of it."""
        return [Said(one.path, one.machine) for one in self.standing.own]

    @property
    def pending(self) -> list[Move]:
        """What following would change."""
        return moves(self.standing.pending)

    @property
    def problem(self) -> str:
        """Why it cannot follow."""
        return sentences.said(self.standing.problem)


@dataclass(frozen=True)
class Version:
    """A version of what the group shares, with what it changed."""

    row: GroupVersion
    moves: list[Move]
    newest: bool


@dataclass(frozen=True)
class Foreseen:
    """What a change would change at a member."""

    machine: VirtualMachine
    moves: list[Move]
    keeps: list[Said]
    problem: str

    @property
    def touched(self) -> bool:
        """Whether anything is to be said of it."""
        return bool(self.moves or self.keeps or self.problem)


class GroupPage:
    """A group and whoever looks at it."""

    def __init__(self, group: MachineGroup, user: User) -> None:
        self.group = group
        self._seen = machines_for(user)

    @property
    def shared(self) -> list[Said]:
        """What the group shares, in the contract's order."""
        said = places(self.group.shared)
        known = {path: said[path] for path in configuration_specs() if path in said}
        return [Said(path, value) for path, value in {**known, **said}.items()]

    @cached_property
    def members(self) -> list[GroupMember]:
        """The members who looks may see."""
        found: QuerySet[GroupMember] = self.group.members.filter(machine__in=self._seen).select_related("machine")
        return list(found.order_by("machine__machine_id"))

    @cached_property
    def unseen(self) -> int:
        """How many members there are that who looks may not see."""
        return self.group.members.count() - len(self.members)

    @cached_property
    def columns(self) -> list[Said]:
        """The places where any member has its own value, with the group's."""
        used = {one.path for standing in self._standings for one in standing.differs}
        return [said for said in self.shared if said.path in used]

    @cached_property
    def _standings(self) -> list[grouping.Standing]:
        return [grouping.standing(member, self.group) for member in self.members]

    @cached_property
    def rows(self) -> list[Row]:
        """The members, each with a cell a column."""
        return [Row(standing, self._cells(standing)) for standing in self._standings]

    def _cells(self, standing: grouping.Standing) -> list[Cell]:
        own = {one.path: Said(one.path, one.machine) for one in standing.differs}
        late = {path: Said(path, before) for path, before, _after in standing.pending}
        return [Cell(column, own.get(column.path), late.get(column.path)) for column in self.columns]

    @property
    def behind(self) -> list[Row]:
        """The members that have not followed the newest version."""
        return [row for row in self.rows if row.standing.behind]

    @cached_property
    def versions(self) -> list[Version]:
        """The newest versions."""
        rows = list(self.group.versions.order_by("-version")[: SHOWN_VERSIONS + 1])
        before = {row.version: row.shared for row in rows}
        return [
            Version(row, shared_moves(before.get(row.version - 1, {}), row.shared), row.version == self.group.version)
            for row in rows[:SHOWN_VERSIONS]
        ]

    @cached_property
    def candidates(self) -> list[VirtualMachine]:
        """The machines that could join: not retired, in no group, and at the group's site where it has one."""
        free = self._seen.filter(is_active=True, membership=None)
        if self.group.site_id is not None:
            free = free.filter(line__site=self.group.site_id)
        return list(free.only("machine_id", "name").order_by("machine_id"))

    def foreseen(self, shared: dict[str, Any]) -> list[Foreseen]:
        """Return what sharing that would change, member by member."""
        forecasts = (grouping.foresee(member, self.group, shared) for member in self.members)
        return [
            Foreseen(
                one.machine,
                moves(one.changes),
                [Said(keep.path, keep.machine) for keep in one.keeps],
                sentences.said(one.problem),
            )
            for one in forecasts
        ]
