"""Control over REST, by sessions and tokens."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from api.models import VirtualMachine
from audit.models import AuditEntry
from tests.rows import heartbeat, make_machine, make_user
from user.models import ApiToken, User

pytestmark = pytest.mark.django_db
JSON = "application/json"
ROOT = "/api/v1/machines/vm_a/"


@pytest.fixture(autouse=True)
def machine() -> VirtualMachine:
    found = make_machine("vm_a")
    found.receive_heartbeat(heartbeat(status="running"))
    return found


def signed_in(user: User) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


def by_token(user: User) -> Client:
    _row, token = ApiToken.issue(user, "robot", user.role, 1)
    return Client(headers={"Authorization": f"Bearer {token.text}", "Accept-Language": "en"})


def post(client: Client, address: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client.post(f"{ROOT}{address}", body, content_type=JSON, headers=headers)


def test_one_takes_it_keeps_it_and_gives_it_back() -> None:
    person = make_user("operator")
    name, ana, rui = person.username, signed_in(person), signed_in(make_user("operator"))
    free = ana.get(f"{ROOT}control/").json()
    assert free == {"holder": None, "mine": False, "seconds_left": 0.0, "fence": 0}
    taken = post(ana, "control/", seconds=60).json()
    assert (taken["holder"], taken["mine"], taken["fence"]) == (name, True, 1)
    assert 50 < taken["seconds_left"] <= 60
    seen = rui.get(f"{ROOT}control/").json()
    assert (seen["holder"], seen["mine"]) == (name, False)
    refused = post(rui, "restart/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_now")
    assert name in refused.json()["error"]["message"]
    assert post(rui, "stop/").status_code == 202
    assert rui.delete(f"{ROOT}control/").status_code == 409
    assert [ana.delete(f"{ROOT}control/").status_code for _ in range(2)] == [204, 204]
    assert post(rui, "restart/").status_code == 202


def test_the_same_person_by_a_token_is_somebody_else() -> None:
    ana = make_user("operator")
    page, robot = signed_in(ana), by_token(ana)
    assert post(page, "control/").status_code == 200
    assert post(robot, "restart/").status_code == 409
    assert post(page, "restart/").status_code == 202


def test_a_program_names_the_taking_it_acts_under() -> None:
    robot = by_token(make_user("operator"))
    fence = post(robot, "control/").json()["fence"]
    assert post(robot, "restart/", {"Control-Fence": str(fence)}).status_code == 202
    for other in (str(fence + 1), "0", "-1", "many", "9" * 40):
        answer = post(robot, "restart/", {"Control-Fence": other})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_now"), other
    robot.delete(f"{ROOT}control/")
    assert post(robot, "restart/", {"Control-Fence": str(fence)}).status_code == 409
    assert post(robot, "restart/").status_code == 202


def test_an_administrator_breaks_it_and_says_why() -> None:
    ana, chief = signed_in(make_user("operator")), signed_in(make_user("admin"))
    post(ana, "control/")
    assert post(ana, "control/break/", reason="mine").status_code == 403
    assert post(chief, "control/break/").status_code == 400
    assert post(chief, "control/break/", reason="she went home").json()["holder"] is None
    assert AuditEntry.objects.filter(verb="break control", reason="she went home").exists()
    assert post(chief, "restart/").status_code == 202


@pytest.mark.parametrize("seconds", [0, 4, 301, "long", None])
def test_a_time_out_of_bounds_is_refused(seconds: object) -> None:
    assert post(signed_in(make_user("operator")), "control/", seconds=seconds).status_code == 400


def test_bulk_acts_tell_of_the_one_that_somebody_controls() -> None:
    make_machine("vm_b").receive_heartbeat(heartbeat(status="running"))
    ana, rui = signed_in(make_user("operator")), signed_in(make_user("operator"))
    post(ana, "control/")
    body = {"act": "restart", "machines": ["vm_a", "vm_b"], "reason": "all"}
    answers = rui.post("/api/v1/acts/", body, content_type=JSON).json()["results"]
    assert [one["status"] for one in answers] == [409, 202]
