"""What a role lets a person do."""

from __future__ import annotations

import pytest

from tests.rows import make_user
from user.models import INCLUDES, Role, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("viewer", {"viewer"}, {"operator", "engineer", "quality", "admin"}),
        ("operator", {"viewer", "operator"}, {"engineer", "quality", "admin"}),
        ("engineer", {"viewer", "operator", "engineer"}, {"quality", "admin"}),
        ("quality", {"viewer", "operator", "quality"}, {"engineer", "admin"}),
        ("admin", {"viewer", "operator", "engineer", "quality", "admin"}, set()),
    ],
)
def test_a_role_includes(role: str, may: set[str], may_not: set[str]) -> None:
    user = User(role=role)
    assert {wanted for wanted in Role.values if user.may(wanted)} == may
    assert not any(user.may(wanted) for wanted in may_not)


def test_every_role_has_its_line() -> None:
    assert set(INCLUDES) == set(Role.values)


def test_an_account_that_was_ended_may_nothing() -> None:
    assert not User(role="admin", is_active=False).may("viewer")


def test_only_an_administrator_reaches_djangos_admin() -> None:
    user = make_user("engineer", is_staff=True, is_superuser=True)
    assert not user.is_staff
    assert not user.is_superuser
    user.role = "admin"
    user.save(update_fields=["role"])
    user.refresh_from_db()
    assert user.is_staff
    assert user.is_superuser


def test_a_superuser_is_an_administrator() -> None:
    assert User.objects.create_superuser("root").role == "admin"


def test_a_person_acts_under_their_user_name() -> None:
    user = make_user("operator")
    actor = user.actor("192.0.2.1")
    assert (actor.kind, actor.name, actor.address, actor.user_id) == ("user", user.username, "192.0.2.1", user.pk)
