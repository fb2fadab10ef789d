"""People who call REST at the same moment: nobody meets a fault, and nobody's change is lost.

tests/postgres runs this on PostgreSQL as well, where locks are of rows and not of the whole database.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from config.rest import answer_of
from tests.at_once import at_once
from tests.rows import make_machine, make_user

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


def test_who_meets_a_database_that_is_busy_is_told_to_come_again() -> None:
    answer = answer_of(OperationalError("deadlock detected"), {})
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer.data["error"]["code"] == "busy"
