"""A01: no address works without a credential, whatever the method and whatever stands in for one.

tests/config/test_access.py asks the guard itself about every route. Here every address is really called, and beside Django's table those
that `config.asgi` answers, and what REST describes.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from api.scope import machines_for
from config.access import MACHINE, PUBLIC
from config.asgi import application
from config.plain import Message
from tests.abuse.plant import ROUTES, Route
from tests.rows import make_machine

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get")
# Signing in (with a code, by a provider), the page's language and look, and the two ways in of a machine that has no token yet.
OPEN = {"login", "sign_in_code", "sso", "sso_callback", "preferences", "admin:login", "edge:enrol", "edge:authority"}
NOTHINGS: dict[str, dict[str, str]] = {
    "nothing": {},
    "a password in the header": {"Authorization": "Basic YWRtaW46YWRtaW4="},
    "a token that is none": {"Authorization": "Bearer alp_000000000000_" + "a" * 43 + "_00000000"},
    "a machine's token that is none": {"Authorization": "Bearer alm_000000000000_" + "a" * 43 + "_00000000"},
    "a session that is none": {"Cookie": "al_session=" + "a" * 32 + "; sessionid=" + "a" * 32},
    "another's word": {"X-Forwarded-User": "admin", "Remote-User": "admin", "X-Original-URL": "/login/"},
}


def test_what_is_open_to_strangers_is_this_alone() -> None:
    assert {route.name for route in ROUTES if PUBLIC in {route.asks(method) for method in METHODS}} == OPEN


@pytest.mark.django_db
@pytest.mark.parametrize("given", NOTHINGS)
def test_no_address_works_without_a_credential(given: str) -> None:
    machine = make_machine("vm_a")
    client, called = Client(headers=NOTHINGS[given]), 0
    for route in (route for route in ROUTES if route.name not in OPEN):
        # With nothing in hand, by every method; with something that is no credential, and at Django's own, by the two that matter.
        every = given == "nothing" and not route.name.startswith("admin:")
        for method in METHODS if every else ("GET", "POST"):
            answer = client.generic(method, route.at(machine_id=machine.machine_id), b"{}", "application/json")
            called += 1
            assert _is_refused(route, answer), (method, route.name, answer.status_code)
    assert called >= 2 * (len(ROUTES) - len(OPEN))


def _is_refused(route: Route, answer: Any) -> bool:
    """Tell whether a stranger learned nothing: refused, or sent to sign in. The door says of a wrong method that it is one."""
    if route.asks("GET") == MACHINE:
        return answer.status_code in {401, 405}
    if answer.status_code == 302:
        return str(answer["Location"]).startswith(("/login/?next=", "/admin/login/"))
    return answer.status_code in {401, 403}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/live/", "/edge/v1/desired"])
@pytest.mark.parametrize("given", NOTHINGS)
def test_what_stands_before_django_works_without_a_credential_as_little(path: str, given: str) -> None:
    pairs = {"Host": "localhost", **NOTHINGS[given]}.items()
    headers = [(name.lower().encode(), value.encode()) for name, value in pairs]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"wait=0", "headers": headers}
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    asyncio.run(asyncio.wait_for(application(scope, receive, send), 30))
    assert told[0]["status"] == 401


@pytest.mark.django_db
def test_a_stranger_sees_no_machine() -> None:
    make_machine()
    assert not machines_for(AnonymousUser()).exists()


def test_all_that_is_described_is_a_route_of_the_table() -> None:
    described = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())["paths"]
    known = {route.at().split("?")[0] for route in ROUTES}
    nothing = Route("", "")
    for path in described:
        places = path.replace("{", "<").replace("}", ">").replace("<id>", "<pk>")
        assert Route(nothing.name, places).at() in known, path
