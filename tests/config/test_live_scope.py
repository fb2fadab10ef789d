"""The event stream tells a person of machines of their scope alone, whatever topics they name."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from api import bus
from config.hub import Hub
from config.live import Hearer, Stream, _hearer
from tests.rows import make_machine, make_user
from user.models import Line, Site

pytestmark = pytest.mark.django_db(transaction=True)


def scope_of(client: Client) -> Any:
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    return {
        "type": "http",
        "method": "GET",
        "path": "/live/",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"cookie", cookie.encode())],
    }


def test_who_may_hear_what() -> None:
    line = Line.objects.create(site=Site.objects.create(code="n", name="North"), code="l", name="Line")
    make_machine("vm_a", line=line)
    make_machine("vm_b")
    user, client = make_user(bounded=True), Client()
    client.force_login(user)
    assert _hearer(scope_of(client)) == Hearer(frozenset())
    user.lines.add(line)
    assert _hearer(scope_of(client)) == Hearer(frozenset({"machine:vm_a"}))
    user.bounded = False
    user.save()
    assert _hearer(scope_of(client)) == Hearer(None)
    user.is_active = False
    user.save()
    assert _hearer(scope_of(client)) is None


@pytest.mark.parametrize("named", [None, frozenset({"machine:vm_a", "machine:vm_b"})])
def test_what_was_missed_is_told_within_the_scope(named: frozenset[str] | None) -> None:
    before = bus.newest_id()
    for machine in ("vm_a", "vm_b"):
        bus.publish(f"machine:{machine}", {"what": "state"})

    async def opening() -> bytes:
        hub = Hub()
        subscription = await hub.subscribe(named)
        stream = Stream({}, None, hub, subscription, Hearer(frozenset({"machine:vm_a"})))  # type: ignore[arg-type]
        try:
            return await stream._opening(before)
        finally:
            hub.leave(subscription)
            hub.stop()

    told = asyncio.run(opening()).decode()
    assert "machine:vm_a" in told
    assert "machine:vm_b" not in told
