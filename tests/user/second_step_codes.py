"""A person's app, written from RFC 6238 and not from what it is tried on, and the way through the pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from typing import Any

from django.test import Client

from api import clock
from audit.models import AuditEntry
from tests.rows import make_user
from user.models import User

PASSWORD = "correct horse battery"
PAGE = "/settings/second-step/"


def somebody(role: str = "engineer") -> User:
    """Return a person who signs in by password."""
    user = make_user(role)
    user.set_password(PASSWORD)
    user.save()
    return user


def code_of(secret: str, steps: int = 0) -> str:
    """Return what an app shows for a key typed into it, so many half minutes from now."""
    key = base64.b32decode(secret.replace(" ", ""))
    count = int(clock.wall().timestamp()) // 30 + steps
    digest = hmac.new(key, struct.pack(">Q", count), hashlib.sha1).digest()
    at = digest[-1] & 0xF
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def wrong_of(secret: str) -> str:
    """Return six digits that no code near this moment is."""
    near = {code_of(secret, steps) for steps in range(-3, 4)}
    return next(
        text
        for text in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777")
        if text not in near
    )


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
