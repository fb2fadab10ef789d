"""The way through the pages of two-step sign-in, as a browser goes it."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from audit.models import AuditEntry
from tests.rows import make_user
from tests.totp import code_of
from user.models import User

PASSWORD = "correct horse battery"
PAGE = "/settings/second-step/"


def somebody(role: str = "engineer") -> User:
    """Return a person who signs in by password."""
    user = make_user(role)
    user.set_password(PASSWORD)
    user.save()
    return user


def english(**how: Any) -> Client:
    """Return a browser that speaks English."""
    return Client(headers={"Accept-Language": "en"}, **how)


def type_password(client: Client, name: str, password: str = PASSWORD, page: str = "/login/", **more: Any) -> Any:
    """Do the first step."""
    return client.post(page, {"username": name, "password": password}, **more)


def type_code(client: Client, code: str, **more: Any) -> Any:
    """Do the second step."""
    return client.post("/login/code/", {"code": code}, **more)


def key_on(client: Client) -> str:
    """Return the key the page shows as text."""
    found = re.search(r'<code class="key">([^<]+)</code>', client.get(PAGE).content.decode())
    assert found is not None
    return found[1]


def turned_on(client: Client) -> tuple[str, list[str]]:
    """Turn it on through the pages, and return the key and the recovery codes."""
    client.post(f"{PAGE}begin", {"password": PASSWORD})
    secret = key_on(client)
    answer = client.post(f"{PAGE}confirm", {"code": code_of(secret, -1)})
    assert answer.status_code == 200
    return secret, re.findall(r"<li><code>([0-9-]+)</code></li>", answer.content.decode())


def signed_in(client: Client) -> bool:
    """Return whether the browser holds a session of somebody."""
    return "_auth_user_id" in client.session


def scope_of(client: Client) -> dict[str, Any]:
    """Return a browser's call of the event stream, as the server hands it on."""
    cookies = "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())
    return {
        "type": "http",
        "method": "GET",
        "path": "/live/",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"cookie", cookies.encode())],
    }


def verbs(refused: bool = False) -> list[str]:
    """Return the acts the audit trail tells of, or those refused, in order."""
    return list(AuditEntry.objects.filter(refused=refused).order_by("seq").values_list("verb", flat=True))
