"""A person's tokens: they open REST as far as their role and their owner's go, and not a moment longer."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from api import clock
from audit.models import AuditEntry
from tests.rows import make_machine, make_user
from user.models import MOST_TOKEN_DAYS, ApiToken, User

pytestmark = pytest.mark.django_db
MACHINES = "/api/v1/machines/"


def bearer(user: User, role: str = "viewer", days: int = 1) -> dict[str, str]:
    _row, token = ApiToken.issue(user, "test", role, days)
    return {"Authorization": f"Bearer {token.text}"}


def status(headers: dict[str, str], address: str = MACHINES, method: str = "get") -> int:
    kind = {"content_type": "application/json"} if method == "post" else {}
    return int(getattr(Client(enforce_csrf_checks=True), method)(address, headers=headers, **kind).status_code)


def test_a_token_opens_rest_and_nothing_else() -> None:
    headers = bearer(make_user("admin"), "admin")
    assert status(headers) == 200
    assert status(headers, "/") == 302
    assert status(headers, "/admin/") == 302


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer alp_000000000000_x_y"])
def test_what_is_no_token_is_refused_in_the_one_shape(given: str) -> None:
    answer = Client().get(MACHINES, headers={"Authorization": given})
    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"code", "message", "details"}


def test_a_token_makes_no_other_and_ends_none_but_itself() -> None:
    user = make_user("admin")
    headers = bearer(user, "viewer")
    other, _text = ApiToken.issue(user, "other", "admin", 1)
    assert status(headers, "/api/v1/tokens/", "post") == 403
    assert status(headers, f"/api/v1/tokens/{other.prefix}/", "delete") == 403
    assert ApiToken.objects.filter(revoked_at=None).count() == 2
    own = ApiToken.objects.exclude(pk=other.pk).get()
    assert status(headers, f"/api/v1/tokens/{own.prefix}/", "delete") == 204
    assert status(headers) == 401


def test_a_token_ends_when_its_time_is_over_or_it_is_revoked_or_its_owner_goes() -> None:
    user = make_user()
    headers = bearer(user)
    assert status(headers) == 200
    with clock.shifted(25 * 3600):
        assert status(headers) == 401
    ApiToken.objects.get().revoke()
    assert status(headers) == 401
    other = bearer(user)
    user.is_active = False
    user.save()
    assert status(other) == 401


@pytest.mark.parametrize(
    ("owner", "role", "expected"),
    [
        ("viewer", "viewer", 403),
        ("engineer", "viewer", 403),
        ("engineer", "operator", 409),
        ("operator", "operator", 409),
    ],
)
def test_a_token_may_do_what_both_it_and_its_owner_may(owner: str, role: str, expected: int) -> None:
    make_machine("vm_a")
    headers = bearer(make_user(owner), role)
    # 409: allowed, and the machine is not connected.
    assert status(headers, f"{MACHINES}vm_a/start/", "post") == expected


def test_a_token_falls_with_its_owners_role() -> None:
    make_machine("vm_a")
    user = make_user("engineer")
    headers = bearer(user, "engineer")
    user.role = "viewer"
    user.save()
    assert status(headers, f"{MACHINES}vm_a/start/", "post") == 403


@pytest.mark.parametrize("role", ["engineer", "admin", "quality"])
def test_nobody_makes_a_token_that_can_do_more(role: str) -> None:
    client = Client()
    client.force_login(make_user("operator"))
    answer = client.post("/api/v1/tokens/", {"name": "x", "role": role}, content_type="application/json")
    assert answer.status_code == 400
    assert not ApiToken.objects.exists()


def test_its_text_is_shown_once_and_stored_nowhere() -> None:
    user = make_user("engineer")
    client = Client()
    client.force_login(user)
    answer = client.post("/api/v1/tokens/", {"name": "robot", "role": "operator"}, content_type="application/json")
    assert answer.status_code == 201
    text = answer.json()["token"]
    assert status({"Authorization": f"Bearer {text}"}) == 200
    secret = text.split("_", 2)[2]
    listed = client.get("/api/v1/tokens/")
    assert secret not in listed.content.decode()
    assert [row["name"] for row in listed.json()["results"]] == ["robot"]
    rows: list[Any] = [*ApiToken.objects.values(), *AuditEntry.objects.values()]
    assert secret not in str(rows)


def test_each_sees_and_revokes_only_their_own() -> None:
    owner, other = make_user("admin"), make_user("admin")
    row, _token = ApiToken.issue(owner, "mine", "viewer")
    client = Client()
    client.force_login(other)
    assert client.get("/api/v1/tokens/").json()["results"] == []
    assert client.delete(f"/api/v1/tokens/{row.prefix}/").status_code == 404
    client.force_login(owner)
    assert client.delete(f"/api/v1/tokens/{row.prefix}/").status_code == 204
    assert client.delete(f"/api/v1/tokens/{row.prefix}/").status_code == 204
    row.refresh_from_db()
    assert row.revoked_at is not None


@pytest.mark.parametrize("days", [0, MOST_TOKEN_DAYS + 1, "x", None])
def test_a_token_lives_for_some_days(days: Any) -> None:
    client = Client()
    client.force_login(make_user())
    answer = client.post("/api/v1/tokens/", {"name": "x", "days": days}, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("days: ")


def test_what_is_done_with_a_token_names_it() -> None:
    machine = make_machine("vm_a")
    user = make_user("operator")
    headers = bearer(user, "operator")
    assert status(headers, f"{MACHINES}vm_a/stop/", "post") == 202
    prefix = ApiToken.objects.get().prefix
    version = machine.desired()
    assert version is not None
    assert version.author == f"{user.username} (alp_{prefix})"
    assert AuditEntry.objects.filter(actor_name=version.author, actor_id=user.pk).exists()


def test_a_session_needs_proof_against_forgery() -> None:
    make_machine("vm_a")
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("operator"))
    answer = client.post(f"{MACHINES}vm_a/stop/", content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"
