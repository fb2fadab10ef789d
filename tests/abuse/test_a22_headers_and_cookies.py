"""A22: every answer says how it may be used, and every cookie goes only where it must.

tests/config/test_settings.py holds one page, and cookies behind a proxy; tests/line/test_tls.py a real one over TLS. Here is every route,
refusals, files, what is answered before Django, and each cookie.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.asgi import application
from config.plain import Message
from tests.abuse.plant import ROUTES, Yard, said, session, yard
from tests.rows import make_user


@pytest.fixture
def own(db: None, settings: Any, tmp_path: Path) -> Yard:
    """A machine with everything, at a server that speaks TLS."""
    settings.MEDIA_ROOT = tmp_path
    settings.SECURE_HSTS_SECONDS = 31536000
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    return yard("own")


def assert_strict(headers: Any, where: str) -> None:
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy or policy == "sandbox", where
    assert "default-src" in policy or policy == "sandbox", where
    assert headers["X-Content-Type-Options"] == "nosniff", where
    assert headers["Referrer-Policy"] == "same-origin", where
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000"), where
    assert "Server" not in headers, where
    assert "X-Powered-By" not in headers, where


@pytest.mark.parametrize("who", ["stranger", "admin"])
def test_every_route_answers_with_strict_headers(own: Yard, who: str) -> None:
    client = session(make_user("admin")) if who == "admin" else Client()
    # Django's admin is many routes of one kind; REST's description takes seconds to write.
    ours = [
        route for route in ROUTES if not route.name.startswith("admin:") and route.name not in {"logout", "rest:schema"}
    ]
    for route in [*ours, *[route for route in ROUTES if route.name.startswith("admin:")][::8]]:
        values = {**own.values, "object_id": str(own.machine.pk)}
        answer = client.get(route.at(**values), secure=True)
        assert said(answer)
        assert_strict(answer.headers, f"{route.name} {answer.status_code}")


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("/nothing/", {}),
        ("/media/", {}),
        ("/static/dashboard/css/base.css", {}),
        ("/", {"Host": "evil.example"}),
        ("/api/v1/machines/", {"Authorization": "Bearer alp_x"}),
        ("/edge/v1/desired", {}),
    ],
)
def test_refusals_and_files_do_too(own: Yard, address: str, headers: dict[str, str]) -> None:
    answer = Client().get(address, headers=headers, secure=True)
    assert said(answer)
    assert_strict(answer.headers, f"{address} {answer.status_code}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/live/", "/edge/v1/desired", "http://evil.example/", "/login/"])
def test_what_is_answered_before_django_does_too(path: str, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 31536000
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    # At the sign-in page a body that is far too large: what is in the way answers.
    length = [(b"content-length", b"9" * 12)] if path == "/login/" else []
    method = "POST" if length else "GET"
    pairs = [(b"host", b"localhost"), *length]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"wait=0", "headers": pairs}
    asyncio.run(asyncio.wait_for(application(scope, receive, send), 30))
    assert told[0]["status"] in {400, 401, 413}
    found = {name.decode().title(): value.decode() for name, value in told[0]["headers"]}
    assert_strict(found, path)


def test_every_cookie_is_strict(own: Yard, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = make_user("admin", language="en")
    user.set_password("correct horse battery")
    user.save()
    client = Client()
    client.get("/login/", secure=True)
    form = {"username": user.username, "password": "correct horse battery"}
    assert client.post("/login/", form, secure=True).status_code == 302
    client.post("/preferences/", {"theme": "dark", "language": "en"}, secure=True)
    assert len(client.cookies) == 4
    for name, cookie in client.cookies.items():
        assert cookie["secure"], name
        assert cookie["samesite"] == "Lax", name
        assert (cookie["path"], cookie["domain"]) == ("/", ""), name
        # Our scripts take the proof against forgery from its cookie or its page; nothing takes anything from the others.
        assert cookie["httponly"] or name == settings.CSRF_COOKIE_NAME, name


def test_pictures_of_machines_are_nothing_but_pictures(own: Yard) -> None:
    client = session(make_user("viewer"))
    for address in (f"/m/vm_own/pictures/{own.picture}", "/m/vm_own/frame.jpg", f"/api/v1/pictures/{own.picture}/"):
        answer = client.get(address, secure=True)
        assert said(answer)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg"), address
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "private" in answer["Cache-Control"]
