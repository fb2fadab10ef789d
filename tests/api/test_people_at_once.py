"""People who call REST at the same moment: nobody meets a fault, and nobody's change is lost.

tests/postgres runs this on PostgreSQL as well, where locks are of rows and not of the whole database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError
from django.http import HttpResponse
from django.test import Client

from api.models import VirtualMachine
from config.rest import answer_of
from tests.at_once import at_once
from tests.rows import make_machine, make_user
from user.models import Site, User

pytestmark = pytest.mark.django_db(transaction=True)
JSON = "application/json"
ROUNDS = 6


def client_of(role: str = "engineer") -> Client:
    client = Client(headers={"Accept-Language": "en"}, raise_request_exception=False)
    client.force_login(make_user(role))
    return client


def repeated(method: str, address: str, *bodies: dict[str, Any], role: str = "engineer") -> Any:
    """Return an act that makes calls one after the other and returns their statuses."""
    client = client_of(role)

    def act() -> list[int]:
        answers: list[HttpResponse] = [
            getattr(client, method)(f"/api/v1/{address}", body, content_type=JSON) for body in bodies
        ]
        return [answer.status_code for answer in answers]

    return act


def test_of_calls_to_one_machine_at_once_none_stands_in_anothers_way() -> None:
    make_machine("vm_a")
    quality = [{"reason": "r", "configuration": {"pictures": {"jpeg_quality": 40 + n}}} for n in range(ROUNDS)]
    secrets = [{"value": f"u{n}"} for n in range(ROUNDS)]
    tools = [{"reason": "r", "tool": {"type": "focus", "name": f"f{n}"}} for n in range(ROUNDS)]
    answers = at_once(
        repeated("post", "machines/vm_a/code/", *[{}] * ROUNDS, role="admin"),
        repeated("post", "machines/vm_a/maintenance/", *[{"on": bool(n % 2)} for n in range(ROUNDS)]),
        repeated("put", "machines/vm_a/secrets/source_user/", *secrets, role="admin"),
        repeated("patch", "machines/vm_a/desired/", *quality),
        repeated("post", "machines/vm_a/tools/", *tools),
    )
    assert [set(statuses) for statuses in answers] == [{201}, {200}, {204}, {202}, {201}]


def test_a_code_is_made_while_somebody_else_changes_its_machine() -> None:
    # Two alone: what one writes last names the row the other has locked, and both want the head of the audit trail.
    make_machine("vm_a")
    answers = at_once(
        repeated("post", "machines/vm_a/code/", *[{}] * 4 * ROUNDS, role="admin"),
        repeated("post", "machines/vm_a/maintenance/", *[{"on": bool(n % 2)} for n in range(4 * ROUNDS)]),
    )
    assert [set(statuses) for statuses in answers] == [{201}, {200}]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("machines", {"machine_id": "new"}),
        ("sites", {"code": "new", "name": "New"}),
        ("lines", {"site": "hall", "code": "new", "name": "New"}),
        ("products", {"code": "new", "name": "New"}),
        ("users", {"username": "new"}),
    ],
)
def test_of_those_who_make_the_same_at_once_one_makes_it(what: str, body: dict[str, Any]) -> None:
    Site.objects.create(code="hall", name="Hall")
    numbered = [{name: f"{text}{n}" if text == "new" else text for name, text in body.items()} for n in range(4)]
    answers = at_once(*[repeated("post", f"{what}/", *numbered, role="admin") for _ in range(3)])
    for statuses in zip(*answers, strict=True):
        # Whoever looks after the first one is done meets the sentence of the field.
        assert sorted(statuses)[0] == 201
        assert set(sorted(statuses)[1:]) <= {400, 409}


def test_who_comes_second_is_told_so_and_leaves_nothing() -> None:
    Site.objects.create(code="hall", name="Hall")
    with pytest.raises(IntegrityError) as twice:
        Site.objects.create(code="hall", name="Hall")
    answer = answer_of(twice.value, {})
    assert answer is not None
    assert (answer.status_code, answer.data["error"]["code"]) == (409, "not_now")
    assert Site.objects.count() == 1
    with pytest.raises(IntegrityError) as wrong:
        Site.objects.filter(code="hall").update(name=None)
    assert answer_of(wrong.value, {}) is None


def test_tags_given_by_several_at_once_are_all_given() -> None:
    make_machine("vm_a")
    tags = [f"t{n}" for n in range(5)]
    acts = [
        repeated("post", "acts/", {"act": "tag", "machines": ["vm_a"], "add": [tag], "reason": "r"}) for tag in tags
    ]
    assert at_once(*acts) == [[200]] * len(tags)
    assert VirtualMachine.objects.get().tag_list == tags


def test_of_two_administrators_who_take_the_right_from_each_other_one_stays() -> None:
    for _ in range(3):
        User.objects.all().delete()
        clients = [client_of("admin") for _ in range(2)]
        first, second = User.objects.order_by("pk")

        def take(client: Client, them: User) -> Callable[[], Any]:
            body = {"role": "viewer"}
            return lambda: client.patch(f"/api/v1/users/{them.pk}/", body, content_type=JSON).status_code

        answers = at_once(take(clients[0], second), take(clients[1], first))
        # The second is told either that nobody would be left, or that they no longer may.
        assert sorted(answers) in ([200, 403], [200, 409])
        assert User.objects.filter(role="admin").count() == 1


def test_who_meets_a_database_that_is_busy_is_told_to_come_again() -> None:
    answer = answer_of(OperationalError("deadlock detected"), {})
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer.data["error"]["code"] == "busy"
