"""Every role at every route of REST: what the table says is what happens, to sessions and to tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from config.access import permission_of
from config.management.commands.roles import routes, table
from tests.rows import make_machine, make_user
from user.models import INCLUDES, ApiToken

ROOT = Path(__file__).parents[2]
FILLED = {
    "<str:machine_id>": "vm_a",
    "<str:prefix>": "0" * 12,
    "<int:pk>": "1",
    "<int:version>": "1",
    "<int:number>": "1",
    "<slug:code>": "nothing",
    "<uuid:command_id>": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
    "<slug:name>": "source_user",
    "<str:sha256>": "0" * 64,
}
METHODS = ("get", "post", "put", "patch", "delete")
# What everybody may do with what is their own.
OWN = {"rest:tokens", "rest:token"}
# What a token may not, whatever its role.
SESSION_ONLY = {("rest:tokens", "post"), ("rest:token", "delete")}


def rest() -> list[tuple[str, str]]:
    """Return name and address of each route of REST."""
    return [(name, address) for name, address in routes(get_resolver("config.urls")) if name.startswith("rest:")]


def resolved(resolver: URLResolver, space: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and class of each view of REST."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from resolved(entry, f"{space}{entry.namespace}:" if entry.namespace else space)
        elif space == "rest:":
            yield f"{space}{entry.name}", getattr(entry.callback, "cls", None)


def filled(address: str) -> str:
    for place, value in FILLED.items():
        address = address.replace(place, value)
    return address


def test_the_page_of_roles_is_current() -> None:
    assert (ROOT / "docs" / "roles.md").read_text(encoding="utf-8") == table(), (
        "run: analyticlens manage roles --file docs/roles.md"
    )


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(INCLUDES))
def test_a_role_reaches_what_the_table_says_and_nothing_else(role: str) -> None:
    make_machine("vm_a")
    user = make_user(role)
    session, nobody = Client(), Client()
    session.force_login(user)
    _row, token = ApiToken.issue(user, "test", role)
    for name, address in rest():
        for method in METHODS:
            wanted = permission_of(name, method.upper())
            assert wanted is not None
            for client, headers in ((session, {}), (nobody, {"Authorization": f"Bearer {token.text}"})):
                answer = getattr(client, method)(
                    filled(address),
                    headers=headers,
                    **({"content_type": "application/json"} if method in {"post", "put", "patch"} else {}),
                )
                refused = wanted not in INCLUDES[role] or (bool(headers) and (name, method) in SESSION_ONLY)
                assert (answer.status_code == 403) is refused, (name, method, answer.status_code)
                assert answer.status_code < 500, (name, method)
    assert not nobody.cookies


def test_no_write_is_for_whoever_may_only_read() -> None:
    for name, view in resolved(get_resolver("config.urls")):
        writes = [
            method
            for method in ("POST", "PUT", "PATCH", "DELETE")
            if hasattr(view, method.lower()) and method.lower() in view.http_method_names
        ]
        for method in writes:
            assert name in OWN or permission_of(name, method) != "viewer", (name, method)


@pytest.mark.django_db
@pytest.mark.parametrize("limit", list(INCLUDES))
def test_a_token_is_no_more_than_the_role_it_was_given(limit: str) -> None:
    make_machine("vm_a")
    _row, token = ApiToken.issue(make_user("admin"), "test", limit)
    nobody = Client()
    for name, address in rest():
        answer = nobody.post(
            filled(address), content_type="application/json", headers={"Authorization": f"Bearer {token.text}"}
        )
        refused = permission_of(name, "POST") not in INCLUDES[limit] or (name, "post") in SESSION_ONLY
        assert (answer.status_code == 403) is refused, name
