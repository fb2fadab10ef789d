"""Who may say for whom they speak: X-Forwarded headers count from the proxies that are named, and from nobody else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from audit.models import AuditEntry
from config import proxies
from config.proxies import ProxyMiddleware, client_behind
from edge.models import MachineToken
from tests.rows import make_machine, make_user
from user.throttle import address

PROXY, STRANGER, CLIENT = "10.0.0.5", "192.0.2.66", "198.51.100.9"
OURS = [ip_network("10.0.0.0/24"), ip_network("::1"), ip_network("127.0.0.0/8")]
SAID = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}


@pytest.fixture(autouse=True)
def _behind_a_proxy(settings: Any) -> Iterator[None]:
    settings.BEHIND_PROXY, settings.TRUSTED_PROXIES = True, OURS
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    yield
    proxies._TOLD.clear()


def passed(peer: str, **headers: str) -> HttpRequest:
    """Return a request as the views see it."""
    request = RequestFactory(REMOTE_ADDR=peer).get("/", headers=headers or SAID)
    assert request.headers  # Read before, as a server may.
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    ProxyMiddleware(view)(request)
    return seen[0]


@pytest.mark.parametrize("peer", [PROXY, "127.0.0.1", "::1", "::ffff:10.0.0.5"])
def test_a_named_proxy_is_believed(peer: str) -> None:
    request = passed(peer)
    assert (address(request), request.is_secure(), request.get_host().partition(":")[0]) == (CLIENT, True, "testserver")


@pytest.mark.parametrize("peer", [STRANGER, "10.0.1.5", "fe80::1", "", "unknown"])
def test_nobody_else_is(peer: str) -> None:
    request = passed(peer)
    assert (address(request), request.is_secure(), request.get_host().partition(":")[0]) == (peer, False, "testserver")
    assert not [name for name in request.headers if name.startswith("X-Forwarded")]


def test_without_a_proxy_not_even_loopback_is(settings: Any) -> None:
    settings.BEHIND_PROXY, settings.SECURE_PROXY_SSL_HEADER = False, None
    request = passed("127.0.0.1")
    assert (address(request), request.is_secure()) == ("127.0.0.1", False)


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        (CLIENT, CLIENT),
        (f"127.0.0.1, 203.0.113.1, {CLIENT}", CLIENT),
        (f"203.0.113.1, {CLIENT}, 10.0.0.7", CLIENT),
        (f"{CLIENT}, 10.0.0.7 , 10.0.0.8", CLIENT),
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:198.51.100.9", CLIENT),
        ("2001:DB8::1", "2001:db8::1"),
        ("", PROXY),
        ("not an address", PROXY),
        (f"{CLIENT}, not an address", PROXY),
        (f"{CLIENT}, 10.0.0.7:8443", PROXY),
        (f"{CLIENT},", PROXY),
    ],
)
def test_the_client_is_who_the_last_proxy_of_ours_was_called_by(chain: str, client: str) -> None:
    assert client_behind(PROXY, chain, OURS) == client


@pytest.mark.parametrize(("said", "secure"), [("https", True), ("http", False), ("https, http", False), ("", False)])
def test_of_the_scheme_the_last_word_counts(said: str, secure: bool) -> None:
    assert passed(PROXY, **{"X-Forwarded-Proto": said}).is_secure() is secure


@pytest.mark.django_db
@pytest.mark.parametrize(("peer", "written"), [(PROXY, CLIENT), (STRANGER, STRANGER)])
def test_the_audit_trail_names_who_really_asked(peer: str, written: str) -> None:
    make_machine("vm_a")
    client = Client(REMOTE_ADDR=peer, headers=SAID)
    client.force_login(make_user("viewer"))
    assert client.post("/m/vm_a/start").status_code == 403
    entry = AuditEntry.objects.filter(refused=True).latest("seq")
    assert entry.remote_addr == written


@pytest.mark.django_db
@pytest.mark.parametrize(("peer", "strict"), [(PROXY, True), (STRANGER, False)])
def test_only_over_tls_is_tls_promised(settings: Any, peer: str, strict: bool) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    answer = Client(REMOTE_ADDR=peer, headers=SAID).get("/login/")
    assert ("Strict-Transport-Security" in answer) is strict


@pytest.mark.django_db
@pytest.mark.parametrize(("peer", "written"), [(PROXY, CLIENT), (STRANGER, STRANGER)])
def test_a_machine_is_where_it_calls_from(peer: str, written: str) -> None:
    machine = make_machine("vm_a")
    token = MachineToken.issue(machine).text
    client = Client(REMOTE_ADDR=peer, headers={**SAID, "Authorization": f"Bearer {token}"})
    assert client.post("/edge/v1/token", {}, content_type="application/json").status_code == 200
    assert AuditEntry.objects.filter(actor_name="vm_a").latest("seq").remote_addr == written


def test_who_is_not_believed_is_told_of_once_and_not_without_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "config.proxies"):
        for number in range(2 * proxies.MOST_TOLD):
            for _ in range(2):
                passed(f"192.0.2.{number}")
        passed(PROXY)
    assert len(caplog.records) == proxies.MOST_TOLD
    assert "AL_TRUSTED_PROXIES" in caplog.records[0].getMessage()
