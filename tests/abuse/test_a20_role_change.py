"""A20: whoever may less, may less at the next call: session, token, stream, kept answers, Django's admin.

Held elsewhere: tokens that fall with their owner (tests/user/test_tokens.py), an ended account's session (tests/config/test_access.py), a
stream that ends with its session (tests/journeys/test_live.py). Here is each of the rest, and the streams of somebody demoted or moved.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from api import bus
from config import live
from config.hub import Hub, in_thread
from config.plain import Message
from tests.abuse.plant import JSON, program, session
from tests.rows import make_machine, make_user
from user.models import Line, Site, User

V1 = "/api/v1/"
ACT = {"act": "tag", "add": ["x"], "machines": ["vm_a"]}


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["session", "token"])
@pytest.mark.parametrize("change", [{"role": "viewer"}, {"is_active": False}])
def test_the_next_call_is_refused(way: str, change: dict[str, Any]) -> None:
    make_machine("vm_a")
    user = make_user("engineer")
    client = session(user) if way == "session" else program(user)
    assert client.post(f"{V1}machines/vm_a/recipes/", {"reason": "r"}, content_type=JSON).status_code not in {401, 403}
    boss = session(make_user("admin"))
    assert boss.patch(f"{V1}users/{user.pk}/", change, content_type=JSON).status_code == 200
    refused = 403 if "role" in change else 401
    assert client.post(f"{V1}machines/vm_a/recipes/", {"reason": "r"}, content_type=JSON).status_code == refused
    assert client.get(f"{V1}machines/").status_code == (200 if "role" in change else 401)


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["session", "token", "smaller token"])
def test_what_was_answered_before_is_not_told_again(way: str) -> None:
    make_machine("vm_a")
    user, key = make_user("engineer"), {"Idempotency-Key": "one"}
    client = session(user) if way == "session" else program(user)
    assert client.post(f"{V1}acts/", ACT, content_type=JSON, headers=key).status_code == 200
    if way == "smaller token":
        client = program(user, "viewer")
    else:
        User.objects.filter(pk=user.pk).update(role="viewer")
    answer = client.post(f"{V1}acts/", ACT, content_type=JSON, headers=key)
    assert (answer.status_code, "Idempotent-Replayed" in answer) == (403, False)


@pytest.mark.django_db
def test_djangos_admin_closes_with_the_role() -> None:
    user = make_user("admin")
    client = session(user)
    assert client.get("/admin/").status_code == 200
    user.role = "engineer"
    user.save()
    assert client.get("/admin/").status_code == 403
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (False, False)


@pytest.mark.django_db
def test_a_new_password_ends_the_other_sessions(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = make_user("engineer")
    thief = session(user)
    boss = session(make_user("admin"))
    changed = boss.patch(f"{V1}users/{user.pk}/", {"password": "correct horse battery"}, content_type=JSON)
    assert changed.status_code == 200
    assert thief.get("/").status_code == 302
    assert thief.get(f"{V1}machines/").status_code == 401


@pytest.mark.django_db
def test_who_signed_out_leaves_nothing_behind() -> None:
    client = session(make_user("engineer"))
    thief = Client()
    name = django_settings.SESSION_COOKIE_NAME
    thief.cookies[name] = client.cookies[name].value
    assert client.post("/logout/").status_code == 302
    assert thief.get("/").status_code == 302


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["bound elsewhere", "gone"])
def test_an_open_stream_follows_within_its_period(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The period is shortened, and what is told afterwards is counted: nothing may come after one look at the session."""
    assert live.CHECK_SECONDS <= 5
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.05)
    site = Site.objects.create(code="one", name="One")
    make_machine("vm_a", line=Line.objects.create(site=site, code="l", name="L"))
    user = make_user("viewer")
    cookie = session(user).cookies[django_settings.SESSION_COOKIE_NAME].value
    said = [(b"host", b"localhost"), (b"cookie", f"{django_settings.SESSION_COOKIE_NAME}={cookie}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/live/", "query_string": b"", "headers": said}
    told: list[Message] = []

    looks = Looks()
    monkeypatch.setattr(live, "_hearer", looks.look)

    def happens(number: int) -> None:
        bus.publish("machine:vm_a", {"what": "state", "number": number})

    def lessen() -> None:
        changes: dict[str, Any] = {"bounded": True} if change == "bound elsewhere" else {"is_active": False}
        User.objects.filter(pk=user.pk).update(**changes)

    def heard(number: int) -> bool:
        return any(f'"number":{number}'.encode() in message.get("body", b"") for message in told)

    async def send(message: Message) -> None:
        told.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async def story() -> None:
        hub = Hub()
        stream = asyncio.create_task(live.live(scope, receive, send, hub))
        await _until(lambda: len(told) > 1)
        await in_thread(happens, 1)
        await _until(lambda: heard(1))
        await in_thread(lessen)
        # The second look from now on began after the change, and is acted on before the third.
        await _until(lambda seen=looks.count: looks.count >= seen + 3 or stream.done())
        await in_thread(happens, 2)
        await _until(lambda seen=looks.count: looks.count >= seen + 3 or stream.done())
        hub.stop()
        await asyncio.wait_for(stream, 30)

    asyncio.run(asyncio.wait_for(story(), 60))
    assert heard(1)
    assert not heard(2)


class Looks:
    """Counts the looks at a stream's session."""

    def __init__(self) -> None:
        self.count = 0
        self._look = live._hearer

    def look(self, scope: Any) -> Any:
        """Look, and count."""
        self.count += 1
        return self._look(scope)


async def _until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)
