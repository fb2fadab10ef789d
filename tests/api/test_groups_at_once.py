"""Groups under several hands at once: one wins and the others are told; nobody ends in a group that is gone or without its values.

tests/postgres runs this on PostgreSQL as well, where locks are of rows and not of the whole database.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client

from api import grouping, membership
from api.errors import Refused
from api.models import DesiredVersion, GroupMember, GroupVersion, MachineGroup, VirtualMachine
from audit import Actor
from tests.at_once import at_once
from tests.rows import make_machine, make_user

pytestmark = pytest.mark.django_db(transaction=True)
ANNA, BEN = Actor("user", "anna"), Actor("user", "ben")
JSON = "application/json"
ROUNDS = 4


def codes(answers: list[Any]) -> list[int]:
    return sorted(answer.status if isinstance(answer, Refused) else 200 for answer in answers)


def make_group(code: str = "presses", fps: int = 10) -> MachineGroup:
    return grouping.add(code, code, by=ANNA, reason="first", shared={"source": {"fps": fps}})


def engineer() -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(make_user("engineer"))
    return client


def test_of_people_who_change_a_group_at_once_one_wins_and_the_others_are_told_412() -> None:
    people, machine = 4, make_machine("vm_a")
    group = make_group()
    membership.join(group, machine, take=True, by=ANNA, reason="joins")
    clients = [engineer() for _ in range(people)]

    def ask(number: int, version: int) -> Callable[[], Any]:
        body = {"reason": f"r{number}", "configuration": {"source": {"fps": 20 + number + people * version}}}
        headers = {"If-Match": f'"{version}"'}
        return lambda: clients[number].patch("/api/v1/groups/presses/", body, content_type=JSON, headers=headers)

    for version in range(1, 4):
        answers = at_once(*[ask(number, version) for number in range(people)])
        group.refresh_from_db()
        assert Counter(answer.status_code for answer in answers) == {200: 1, 412: people - 1}
        told = {answer.json()["error"]["details"]["version"] for answer in answers if answer.status_code == 412}
        assert told == {version + 1}
        assert fps_of("vm_a") == group.shared["source"]["fps"]
    numbers = list(GroupVersion.objects.order_by("version").values_list("version", flat=True))
    assert numbers == list(range(1, 5))


def fps_of(machine_id: str) -> int:
    return VirtualMachine.objects.get(machine_id=machine_id).fps


def test_who_joins_while_the_group_changes_has_its_newest_version_or_is_behind(seed: int) -> None:
    draw = random.Random(seed)
    for number in range(ROUNDS):
        group, machine = make_group(f"g{number}"), make_machine(f"vm_{number}", fps=5)
        fps = draw.randint(11, 60)

        def change(group: MachineGroup = group, fps: int = fps) -> None:
            grouping.change(group, shared={"source": {"fps": fps}}, by=BEN, reason="faster", seen=True)
            grouping.reach(group, by=BEN, reason="faster")

        def join(group: MachineGroup = group, machine: VirtualMachine = machine) -> None:
            membership.join(group, machine, take=True, by=ANNA, reason="joins")

        assert codes(at_once(change, join)) == [200, 200]
        member = GroupMember.objects.get(machine=machine)
        # Whoever came second brought the machine to the newest version: nobody is forgotten between the two.
        assert (member.applied, fps_of(machine.machine_id)) == (2, fps)
        assert member.overrides == {}


def test_into_a_group_that_is_removed_nobody_joins() -> None:
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        group, machine = make_group(f"g{number}"), make_machine(f"vm_{number}")
        answers = at_once(
            partial(grouping.remove, group, by=BEN),
            partial(membership.join, group, machine, take=True, by=ANNA, reason="joins"),
        )
        assert codes(answers) == [200, 409]
        there = MachineGroup.objects.filter(pk=group.pk).exists()
        assert GroupMember.objects.filter(machine=machine).exists() is there
        # Of one that was refused nothing is asked.
        assert DesiredVersion.objects.filter(machine=machine).exists() is there
        seen["joined" if there else "removed"] += 1
    print(f"of {ROUNDS} rounds: {dict(seen)}")


def test_a_group_that_is_gone_is_said_to_be_gone() -> None:
    group, known = make_group(), MachineGroup.objects.get()
    grouping.remove(group, by=BEN)
    for act in (
        lambda: grouping.change(known, shared={}, by=ANNA, reason="r", seen=True),
        lambda: grouping.remove(known, by=ANNA),
    ):
        with pytest.raises(Refused, match="presses") as refused:
            act()
        assert refused.value.status == 409


def test_of_people_who_remove_a_group_or_change_it_at_once_nobody_meets_a_fault() -> None:
    for number in range(ROUNDS):
        group = make_group(f"g{number}")
        answers = at_once(
            partial(grouping.remove, group, by=ANNA),
            partial(grouping.remove, group, by=BEN),
            partial(grouping.change, group, shared={}, by=BEN, reason="r", seen=True),
        )
        assert codes(answers)[:2] in ([200, 200], [200, 409])
        assert set(codes(answers)) <= {200, 409}
        assert not MachineGroup.objects.filter(pk=group.pk).exists()


def test_a_machine_that_is_asked_into_two_groups_at_once_is_in_one() -> None:
    for number in range(ROUNDS):
        machine = make_machine(f"vm_{number}")
        groups = [make_group(f"{word}{number}", fps) for word, fps in (("a", 11), ("b", 22))]
        answers = at_once(
            *[partial(membership.join, group, machine, take=True, by=ANNA, reason="joins") for group in groups]
        )
        assert codes(answers) == [200, 409]
        member = GroupMember.objects.get(machine=machine)
        assert fps_of(machine.machine_id) == member.group.shared["source"]["fps"]


def test_of_two_groups_of_one_code_made_at_once_one_is_made() -> None:
    for number in range(ROUNDS):
        answers = at_once(*[partial(make_group, f"g{number}") for _ in range(3)])
        assert codes(answers) == [200, 400, 400]
        assert GroupVersion.objects.filter(group__code=f"g{number}").count() == 1


def test_its_own_that_is_set_while_the_group_changes_stays_its_own() -> None:
    from analyticlens.protocol.configuration import patched

    for number in range(ROUNDS):
        group, machine = make_group(f"g{number}"), make_machine(f"vm_{number}")
        membership.join(group, machine, take=True, by=ANNA, reason="joins")

        def change(group: MachineGroup = group) -> None:
            grouping.change(group, shared={"source": {"fps": 33}}, by=BEN, reason="faster", seen=True)
            grouping.reach(group, by=BEN, reason="faster")

        def own(machine: VirtualMachine = machine) -> None:
            wanted = patched(machine.get_configuration(), {"source": {"fps": 44}})
            machine.want(by=ANNA, reason="here", configuration=wanted)

        assert codes(at_once(change, own)) == [200, 200]
        member = GroupMember.objects.get(machine=machine)
        assert (member.overrides, member.applied) == ({"source": {"fps": 44}}, 2)
        assert fps_of(machine.machine_id) == 44
