"""Groups of machines: defaults, then what the group shares, then what is a machine's own, which the group never undoes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from analyticlens.protocol.configuration import patched
from analyticlens.protocol.desired import LocalChange
from analyticlens.protocol.differences import differences
from analyticlens.protocol.layers import Place
from api import grouping, membership
from api.errors import BadInput, NotNow, StaleGroup
from api.models import DesiredVersion, GroupMember, MachineGroup, VirtualMachine
from api.scope import groups_for, sees_all_of
from audit import Actor
from audit.models import AuditEntry
from edge.desired import register
from tests.rows import SYSTEM, make_machine, make_user
from user.models import Line, Site

pytestmark = pytest.mark.django_db
ANNA = Actor("user", "anna")


def make_group(shared: Mapping[str, Any] | None = None, *machines: VirtualMachine, take: bool = False) -> MachineGroup:
    group = grouping.add("presses", "Presses", by=ANNA, reason="first", shared=shared)
    for machine in machines:
        membership.join(group, machine, take=take, by=ANNA, reason="joins")
    return group


def share(group: MachineGroup, **shared: Any) -> dict[str, int | None]:
    """Share that and reach the members; return the version that asks each, None where nothing changed or it refused."""
    grouping.change(group, shared=shared, by=ANNA, reason="calmer", seen=True)
    answers = grouping.reach(group, by=ANNA, reason="calmer")
    return {one.machine_id: one.version.version if one.version else None for one in answers}


def ask(machine: VirtualMachine, **patch: Any) -> None:
    """Change the machine itself, as a person does."""
    machine.want(by=ANNA, reason="here", configuration=patched(machine.get_configuration(), patch))


def fps(machine: VirtualMachine) -> int:
    machine.refresh_from_db()
    newest = machine.desired()
    asked = newest.asked.configuration if newest else machine.get_configuration()
    assert asked.source.fps == machine.fps
    return machine.fps


def own(machine: VirtualMachine) -> dict[str, Any]:
    return dict(GroupMember.objects.get(machine=machine).overrides)


def standing(machine: VirtualMachine) -> grouping.Standing:
    member = GroupMember.objects.select_related("machine", "group").get(machine=machine)
    return grouping.standing(member, member.group)


def differs(machine: VirtualMachine) -> dict[Place, tuple[Any, Any]]:
    return {one.path: (one.group, one.machine) for one in standing(machine).differs}


# What a group shares


def test_what_is_shared_is_asked_of_each_member_with_author_and_reason() -> None:
    one, other = make_machine("vm_a"), make_machine("vm_b")
    group = make_group({}, one, other)
    assert share(group, source={"fps": 12}) == {"vm_a": 1, "vm_b": 1}
    assert (fps(one), fps(other)) == (12, 12)
    newest = one.desired()
    assert newest is not None
    assert (newest.author, newest.reason) == ("anna", "calmer")


def test_versions_are_numbered_and_never_change() -> None:
    group = make_group({"source": {"fps": 12}})
    share(group, source={"fps": 13})
    kept = group.versions.get(version=1)
    assert (group.version, kept.shared, kept.reason) == (2, {"source": {"fps": 12}}, "first")
    with pytest.raises(TypeError):
        kept.save()


def test_sharing_the_same_again_is_no_version() -> None:
    group = make_group({"source": {"fps": 12}})
    assert share(group, source={"fps": 12}) == {}
    assert group.version == 1


def test_who_knows_another_version_changes_nothing() -> None:
    group = make_group()
    share(group, source={"fps": 12})
    with pytest.raises(StaleGroup) as refused:
        grouping.change(group, shared={}, by=ANNA, reason="", seen=True, if_version=1)
    assert refused.value.version == 2
    group.refresh_from_db()
    assert group.shared == {"source": {"fps": 12}}


def test_a_refusal_leaves_an_entry() -> None:
    group = make_group()
    with pytest.raises(BadInput):
        grouping.change(group, shared={"source": {"fps": 0}}, by=ANNA, reason="", seen=True)
    assert AuditEntry.objects.filter(refused=True, object_type="api.machinegroup", actor_name="anna").exists()


@pytest.mark.parametrize(
    "shared",
    [{"source": {"wheels": 4}}, {"source": {"type": "rtsp", "rtsp_url": "rtsp://me:secret@camera/1"}}, {"source": 1}],
)
def test_what_no_machine_could_have_is_not_shared(shared: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        make_group(shared)
    assert not MachineGroup.objects.exists()


def test_what_is_no_longer_shared_is_the_default_again_unless_it_is_a_machines_own() -> None:
    one, other = make_machine("vm_a"), make_machine("vm_b")
    group = make_group({"source": {"fps": 12}}, one, other, take=True)
    ask(other, source={"fps": 9})
    share(group)
    assert (fps(one), fps(other)) == (30, 9)


def test_going_back_to_a_version_gives_what_it_gave() -> None:
    one, other = make_machine("vm_a"), make_machine("vm_b", fps=7)
    group = make_group({}, one, other)
    share(group, source={"fps": 12}, trigger={"type": "external"})
    share(group)
    assert (fps(one), fps(other), one.trigger_type) == (30, 7, "continuous")


# Each machine by itself


def test_one_that_cannot_does_not_keep_the_others_and_is_reached_later() -> None:
    one, other = make_machine("vm_a"), make_machine("vm_b")
    group = make_group({}, one, other)
    one.retire(by=SYSTEM, reason="")
    grouping.change(group, shared={"source": {"fps": 12}}, by=ANNA, reason="calmer", seen=True)
    answers = {answer.machine_id: answer for answer in grouping.reach(group, by=ANNA, reason="calmer")}
    assert isinstance(answers["vm_a"].refused, NotNow)
    assert answers["vm_b"].version is not None
    assert (fps(one), fps(other)) == (30, 12)
    assert (standing(one).behind, standing(other).behind) == (True, False)
    assert standing(one).problem.startswith("vm_a ")
    one.bring_back(by=SYSTEM, reason="")
    pending = standing(one)
    assert [(tuple(change.path), change.before, change.after) for change in pending.pending] == [
        (("source", "fps"), 30, 12)
    ]
    assert [answer.machine_id for answer in grouping.reach(group, by=ANNA, reason="again")] == ["vm_a"]
    assert fps(one) == 12
    assert not standing(one).behind


def test_a_member_where_nothing_changes_gets_no_version() -> None:
    machine = make_machine("vm_a", fps=9)
    group = make_group({}, machine)
    assert share(group, source={"fps": 12}) == {"vm_a": None}
    assert not DesiredVersion.objects.filter(machine=machine).exists()
    assert not standing(machine).behind


def test_a_shared_part_that_makes_no_configuration_with_a_machines_own_leaves_it_behind() -> None:
    machine = make_machine("vm_a")
    group = make_group({}, machine)
    ask(machine, trigger={"type": "external", "interval_ms": 50})
    ask(machine, source={"fps": 8})
    GroupMember.objects.filter(machine=machine).update(overrides={"trigger": {"interval_ms": 50}})
    assert share(group, source={"fps": 12}) == {"vm_a": None}
    assert "100 ms" in standing(machine).problem
    assert fps(machine) == 8


# What is a machine's own


def test_what_a_person_changes_at_a_member_is_its_own_and_stays() -> None:
    one, other = make_machine("vm_a"), make_machine("vm_b")
    group = make_group({"source": {"fps": 12}}, one, other, take=True)
    ask(one, source={"fps": 9})
    assert differs(one) == {("source", "fps"): (12, 9)}
    assert share(group, source={"fps": 15}) == {"vm_a": None, "vm_b": 2}
    assert (fps(one), fps(other)) == (9, 15)


def test_what_is_changed_at_the_machine_is_its_own_too() -> None:
    machine = make_machine("vm_a")
    group = make_group({"source": {"fps": 12}}, machine, take=True)
    newest = machine.desired()
    assert newest is not None
    body = newest.asked.model_copy(
        update={"configuration": patched(newest.asked.configuration, {"source": {"fps": 5}})}
    )
    register(machine, LocalChange(body=body, author="local:10.0.0.9"), newest.version, "10.0.0.9")
    share(group, source={"fps": 15})
    assert fps(machine) == 5


def test_what_is_its_own_stays_so_where_the_group_comes_to_say_the_same() -> None:
    machine = make_machine("vm_a")
    group = make_group({"source": {"fps": 12}}, machine, take=True)
    ask(machine, source={"fps": 9})
    share(group, source={"fps": 9})
    ask(machine, pictures={"ok_every": 2})
    share(group, source={"fps": 20})
    assert fps(machine) == 9
    assert differs(machine) == {("source", "fps"): (20, 9)}


def test_set_to_the_groups_value_it_is_no_longer_its_own() -> None:
    machine = make_machine("vm_a")
    group = make_group({"source": {"fps": 12}}, machine, take=True)
    ask(machine, source={"fps": 9})
    ask(machine, source={"fps": 12})
    assert own(machine) == {}
    share(group, source={"fps": 20})
    assert fps(machine) == 20


def test_what_the_group_says_nothing_of_is_told_apart() -> None:
    machine = make_machine("vm_a", source_type="pasta", folder_path="parts")
    make_group({"source": {"fps": 12}}, machine, take=True)
    assert standing(machine).differs == []
    assert {one.path: one.machine for one in standing(machine).own} == {
        ("source", "type"): "pasta",
        ("source", "folder_path"): "parts",
    }


def test_another_mode_or_start_is_no_machines_own() -> None:
    machine = make_machine("vm_a")
    make_group({"source": {"fps": 12}}, machine, take=True)
    machine.want(by=ANNA, reason="", mode="DESENVOLVIMENTO")
    assert own(machine) == {}


# Joining, going back, leaving


def test_who_joins_stays_as_it_is() -> None:
    machine = make_machine("vm_a", fps=9)
    make_group({"source": {"fps": 12}, "pictures": {"ok_every": 3}}, machine)
    assert fps(machine) == 9
    assert differs(machine) == {("source", "fps"): (12, 9), ("pictures", "ok_every"): (3, 10)}
    assert machine.desired() is None


def test_the_default_is_a_value_like_another_to_who_joins() -> None:
    machine = make_machine("vm_a")
    make_group({"source": {"fps": 12}}, machine)
    assert (fps(machine), differs(machine)) == (30, {("source", "fps"): (12, 30)})


def test_who_joins_may_take_the_groups_and_keeps_what_it_says_nothing_of() -> None:
    machine = make_machine("vm_a", fps=9, source_type="pasta", folder_path="parts")
    make_group({"source": {"fps": 12}}, machine, take=True)
    assert (fps(machine), machine.source_type, machine.folder_path) == (12, "pasta", "parts")
    assert differs(machine) == {}


def test_a_machine_is_in_one_group() -> None:
    machine = make_machine("vm_a")
    make_group({}, machine)
    other = grouping.add("others", "", by=ANNA, reason="")
    with pytest.raises(NotNow, match="presses"):
        membership.join(other, machine, take=False, by=ANNA, reason="")


def test_a_group_of_a_site_takes_its_machines_alone() -> None:
    site, far = Site.objects.create(code="one", name="One"), Site.objects.create(code="far", name="Far")
    here = make_machine("vm_a", line=Line.objects.create(site=site, code="l", name="L"))
    there = make_machine("vm_b", line=Line.objects.create(site=far, code="l", name="L"))
    group = grouping.add("presses", "", by=ANNA, reason="", site=site)
    membership.join(group, here, take=False, by=ANNA, reason="")
    for foreign in (there, make_machine("vm_c")):
        with pytest.raises(BadInput):
            membership.join(group, foreign, take=False, by=ANNA, reason="")
    with pytest.raises(NotNow):
        grouping.change(group, about={"site": far}, by=ANNA, reason="", seen=True)


def test_reset_at_one_place_leaves_the_others() -> None:
    machine = make_machine("vm_a", fps=9)
    group = make_group({"source": {"fps": 12}, "pictures": {"ok_every": 3}}, machine)
    asked = membership.reset(group, machine, [("source", "fps")], by=ANNA, reason="back")
    assert asked is not None
    assert (asked.author, asked.reason, fps(machine)) == ("anna", "back", 12)
    assert differs(machine) == {("pictures", "ok_every"): (3, 10)}


def test_reset_everywhere_leaves_what_the_group_says_nothing_of() -> None:
    machine = make_machine("vm_a", fps=9, source_type="pasta", folder_path="parts")
    group = make_group({"source": {"fps": 12}, "pictures": {"ok_every": 3}}, machine)
    membership.reset(group, machine, None, by=ANNA, reason="back")
    assert (differs(machine), fps(machine), machine.folder_path) == ({}, 12, "parts")


def test_reset_below_a_place() -> None:
    machine = make_machine("vm_a", fps=9)
    group = make_group({"source": {"fps": 12}, "pictures": {"ok_every": 3}}, machine)
    membership.reset(group, machine, [("source",)], by=ANNA, reason="back")
    assert differs(machine) == {("pictures", "ok_every"): (3, 10)}
    with pytest.raises(BadInput, match="folder_path"):
        membership.reset(group, machine, [("source", "folder_path")], by=ANNA, reason="")


def test_what_was_reset_follows_the_group_again() -> None:
    machine = make_machine("vm_a")
    group = make_group({"source": {"fps": 12}}, machine, take=True)
    ask(machine, source={"fps": 9})
    membership.reset(group, machine, None, by=ANNA, reason="back")
    share(group, source={"fps": 20})
    assert fps(machine) == 20


def test_who_leaves_keeps_its_configuration_and_follows_no_more() -> None:
    machine = make_machine("vm_a")
    group = make_group({"source": {"fps": 12}}, machine, take=True)
    membership.leave(group, machine, by=ANNA, reason="sold")
    share(group, source={"fps": 20})
    assert fps(machine) == 12
    with pytest.raises(NotNow):
        membership.leave(group, machine, by=ANNA, reason="")


def test_a_retired_machine_may_leave_and_not_join() -> None:
    machine = make_machine("vm_a")
    group = make_group({}, machine)
    machine.retire(by=SYSTEM, reason="")
    membership.leave(group, machine, by=ANNA, reason="")
    with pytest.raises(NotNow):
        membership.join(group, machine, take=False, by=ANNA, reason="")


def test_a_group_with_members_is_not_removed() -> None:
    machine = make_machine("vm_a")
    group = make_group({}, machine)
    with pytest.raises(NotNow):
        grouping.remove(group, by=ANNA)
    membership.leave(group, machine, by=ANNA, reason="")
    grouping.remove(group, by=ANNA)
    assert not MachineGroup.objects.exists()


# Before it is done


def test_a_preview_says_which_machines_change_where_and_changes_nothing() -> None:
    one, other, gone = make_machine("vm_a"), make_machine("vm_b", fps=9), make_machine("vm_c")
    group = make_group({}, one, other, gone)
    gone.retire(by=SYSTEM, reason="")
    entries = AuditEntry.objects.count()
    seen = [
        grouping.foresee(member, group, grouping.checked({"source": {"fps": 12}}))
        for member in group.members.select_related("machine")
    ]
    assert [[(tuple(c.path), c.before, c.after) for c in forecast.changes] for forecast in seen] == [
        [(("source", "fps"), 30, 12)],
        [],
        [],
    ]
    assert [[(keep.path, keep.group, keep.machine) for keep in forecast.keeps] for forecast in seen] == [
        [],
        [(("source", "fps"), 12, 9)],
        [],
    ]
    assert seen[2].problem.startswith("vm_c ")
    assert (fps(one), AuditEntry.objects.count(), group.version) == (30, entries, 1)


def test_what_is_foreseen_is_what_happens() -> None:
    machine = make_machine("vm_a", source_type="genicam", trigger_type="external")
    group = make_group({"source": {"fps": 12}}, machine)
    ask(machine, source={"bits": 12}, trigger={"type": "continuous", "pace": "frames"})
    shared = {"source": {"type": "pasta", "bits": 10}, "trigger": {"type": "manual"}, "tool_timeout_ms": 90}
    forecast = grouping.foresee(GroupMember.objects.select_related("machine").get(machine=machine), group, shared)
    before = machine.get_configuration().model_dump(mode="json")
    share(group, **shared)
    machine.refresh_from_db()
    after = machine.get_configuration().model_dump(mode="json")
    assert forecast.changes == differences(before, after) != []


# What is written down


def test_entries_say_who_shared_what_why_and_who_joined() -> None:
    machine = make_machine("vm_a")
    group = make_group({}, machine)
    share(group, source={"fps": 12})
    kinds = {"api.machinegroup", "api.groupversion", "api.groupmember", "api.desiredversion"}
    told = list(AuditEntry.objects.filter(object_type__in=kinds).values_list("object_type", "verb", "reason"))
    assert set(told) == {
        ("api.machinegroup", "create", "first"),
        ("api.groupversion", "create", "first"),
        ("api.groupmember", "create", "joins"),
        ("api.groupversion", "create", "calmer"),
        ("api.machinegroup", "update", "calmer"),
        ("api.groupmember", "update", "calmer"),
        ("api.desiredversion", "create", "calmer"),
    }
    assert {entry.actor_name for entry in AuditEntry.objects.filter(object_type__in=kinds)} == {"anna"}


def test_who_is_bound_sees_groups_of_their_sites_alone() -> None:
    site, far = Site.objects.create(code="one", name="One"), Site.objects.create(code="far", name="Far")
    line, next_line = (Line.objects.create(site=site, code=code, name=code) for code in "ab")
    for code, where in (("here", site), ("far", far), ("all", None)):
        grouping.add(code, "", by=ANNA, reason="", site=where)
    by_site, by_line = make_user("engineer", bounded=True), make_user("engineer", bounded=True)
    by_site.sites.add(site)
    by_line.lines.add(line)
    for user in (by_site, by_line):
        assert [group.code for group in groups_for(user)] == ["here"]
    assert groups_for(make_user("viewer")).count() == 3
    group = MachineGroup.objects.get(code="here")
    membership.join(group, make_machine("vm_b", line=next_line), take=False, by=ANNA, reason="")
    assert (sees_all_of(by_site, group), sees_all_of(by_line, group)) == (True, False)
