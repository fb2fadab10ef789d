"""A02: role x route x {own site, other site} is the table of `config.access`, and nothing else.

tests/config/test_roles.py holds the roles for REST. Here are the pages and Django's admin, and the other site for all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.access import MACHINE, PUBLIC, SESSION
from tests.abuse.plant import FOREIGN, JSON, ROUTES, Route, Yard, person_at, said, session, yard
from user.models import INCLUDES

pytestmark = pytest.mark.django_db
PAGES = [route for route in ROUTES if ":" not in route.name]
ADMIN = [route for route in ROUTES if route.name.startswith("admin:") and route.name != "admin:login"]
OF_MACHINES = [route for route in ROUTES if "machine_id" in route.places]


@pytest.fixture
def yards(settings: Any, tmp_path: Path) -> tuple[Yard, Yard]:
    """One's own site and the other one."""
    settings.MEDIA_ROOT = tmp_path
    return yard("own"), yard(FOREIGN)


def call(client: Client, method: str, route: Route, at: Yard) -> int:
    """Call a route with what is of a yard; return the status."""
    kind = {"content_type": JSON} if route.name.startswith("rest:") and method != "get" else {}
    answer = getattr(client, method)(route.at(**at.values), **kind)
    assert said(answer)
    return int(answer.status_code)


@pytest.mark.parametrize("role", INCLUDES)
def test_a_role_reaches_the_pages_the_table_says(yards: tuple[Yard, Yard], role: str) -> None:
    user = person_at(yards[0].line, role)
    client = session(user)
    for route in PAGES:
        for method in ("get", "post"):
            wanted = route.asks(method.upper())
            assert wanted != MACHINE
            may = wanted in {PUBLIC, SESSION} or wanted in INCLUDES[role]
            assert (call(client, method, route, yards[0]) != 403) is may, (route.name, method)
            if route.name == "logout":
                client.force_login(user)


@pytest.mark.parametrize("role", ["viewer", "engineer", "quality"])
def test_djangos_admin_is_for_administrators(yards: tuple[Yard, Yard], role: str) -> None:
    client = session(person_at(yards[0].line, role))
    for route in ADMIN if role == "quality" else ADMIN[::5]:
        assert call(client, "get", route, yards[0]) == 403, route.name


@pytest.mark.parametrize("role", INCLUDES)
def test_at_the_other_site_every_role_but_one_finds_nothing(yards: tuple[Yard, Yard], role: str) -> None:
    own, other = yards
    client = session(person_at(own.line, role))
    for route in OF_MACHINES:
        for method in ("get", "post"):
            found = call(client, method, route, other)
            if route.asks(method.upper()) not in INCLUDES[role]:
                assert found == 403, (route.name, method)
            elif role != "admin":
                assert found in {404, 405}, (route.name, method, found)
            else:
                assert found != 403, (route.name, method)
