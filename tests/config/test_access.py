"""Deny by default: every route has its line, and what a line asks is asked of everybody."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import ResolverMatch, URLPattern, URLResolver, get_resolver, include, path

from audit.models import AuditEntry
from config.access import ACCESS, MACHINE, PUBLIC, SESSION, AccessMiddleware, permission_of
from config.routes import route_names
from tests.rows import make_user
from user.models import INCLUDES

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


def answer(request: HttpRequest, **_path: Any) -> HttpResponse:
    return HttpResponse("the view itself")


# Routes of every kind, as rooms may bring them along; the table below has no line for some of them.
door = ([path("heartbeat", answer, name="heartbeat"), path("secret", answer, name="secret")], "edge")
urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", answer, name="fleet"),
    path("login/", answer, name="login"),
    path("own/", answer, name="logout"),
    path("m/<str:machine_id>/start", answer, name="machine_start"),
    path("m/<str:machine_id>/publish", answer, name="machine_publish"),
    path("nameless/", answer),
    path("unknown/", answer, name="unknown"),
    path("edge/v1/", include(door)),
]


@pytest.fixture
def routes(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    settings.LANGUAGE_CODE = "en"


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(make_user(role))
    return client


def test_every_route_has_its_line() -> None:
    missing = [name for name in route_names(get_resolver("config.urls")) if permission_of(name) is None]
    assert missing == []


def test_every_line_has_its_route() -> None:
    names = set(route_names(get_resolver("config.urls")))
    spare = [
        line
        for line in ACCESS
        if not (line.partition(" ")[0] in names or (line.endswith(":") and any(map(line.__eq__, _spaces(names)))))
    ]
    assert spare == []


def _spaces(names: set[str]) -> set[str]:
    return {name.rpartition(":")[0] + ":" for name in names if ":" in name}


# What a stranger reaches: signing in (by a provider too), the language and look of pages, and the two ways in of the door, which ask for a
# code or a token.
FOR_STRANGERS = {"login", "sign_in_code", "sso", "sso_callback", "preferences", "admin:login"}


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS)
def test_of_all_real_routes_strangers_reach_these_alone(method: str, rf: RequestFactory) -> None:
    guard = AccessMiddleware(answer)
    reached = set()
    for name in route_names(get_resolver("config.urls")):
        request = getattr(rf, method)("/somewhere")
        request.user = AnonymousUser()
        request.resolver_match = ResolverMatch(
            answer, (), {}, url_name=name.rpartition(":")[2], namespaces=_spaces_of(name)
        )
        if guard.process_view(request, answer, (), {}) is None:
            reached.add(name)
    assert {name for name in reached if not name.startswith("edge:")} == FOR_STRANGERS
    assert all(permission_of(name) == MACHINE for name in reached - FOR_STRANGERS - {"edge:enrol", "edge:authority"})


def _spaces_of(name: str) -> list[str | None]:
    return [*name.split(":")[:-1]]


def test_every_line_says_something_that_exists() -> None:
    assert set(ACCESS.values()) <= {PUBLIC, SESSION, MACHINE, *INCLUDES}


def test_a_route_without_a_name_has_no_permission() -> None:
    assert permission_of("") is None
    assert permission_of("nothing_like_it") is None
    assert permission_of("edge:secret") is None


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/nameless/", "/unknown/", "/edge/v1/secret"])
@pytest.mark.parametrize("method", METHODS)
def test_what_has_no_line_is_refused_to_all(
    routes: None, address: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "config.access")
    for client in (Client(), signed_in("admin")):
        response = getattr(client, method)(address)
        assert response.status_code == 403
        assert b"the view itself" not in response.content
    assert any("without a permission" in record.message for record in caplog.records)


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS)
def test_strangers_are_sent_to_the_sign_in_page(routes: None, method: str) -> None:
    response = getattr(Client(), method)("/m/vm_1/start")
    assert response.status_code == 302
    assert response["Location"] == "/login/?next=/m/vm_1/start"


@pytest.mark.django_db
def test_a_program_without_a_session_is_told_401(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.config.api_routes"
    response = Client().get("/api/v1/fleet")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert response.json()["error"]["code"] == "unauthenticated"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "role", "status"),
    [
        ("/", "viewer", 200),
        ("/m/vm_1/start", "viewer", 403),
        ("/m/vm_1/start", "operator", 200),
        ("/m/vm_1/start", "quality", 200),
        ("/m/vm_1/publish", "operator", 403),
        ("/m/vm_1/publish", "quality", 403),
        ("/m/vm_1/publish", "engineer", 200),
        ("/m/vm_1/publish", "admin", 200),
        ("/own/", "viewer", 200),
        ("/admin/", "engineer", 403),
        ("/admin/", "quality", 403),
        ("/admin/", "admin", 200),
    ],
)
def test_the_role_decides(routes: None, address: str, role: str, status: int) -> None:
    assert signed_in(role).get(address).status_code == status


@pytest.mark.django_db
def test_public_and_machine_routes_reach_their_view(routes: None) -> None:
    assert Client().get("/login/").content == b"the view itself"
    assert Client().get("/edge/v1/heartbeat").content == b"the view itself"


@pytest.mark.django_db
def test_an_attempt_that_was_refused_is_told_in_the_entries(routes: None) -> None:
    client = signed_in("viewer")
    client.post("/m/vm_1/start", REMOTE_ADDR="192.0.2.44", headers={"X-Forwarded-For": "203.0.113.9"})
    entry = AuditEntry.objects.get(refused=True)
    assert entry.actor_name.startswith("viewer_")
    assert (entry.object_repr, entry.verb, entry.remote_addr) == ("/m/vm_1/start", "POST machine_start", "192.0.2.44")


@pytest.mark.django_db
def test_an_account_that_was_ended_is_a_stranger(routes: None) -> None:
    user = make_user("admin")
    client = Client()
    client.force_login(user)
    user.is_active = False
    user.save()
    assert client.get("/").status_code == 302
