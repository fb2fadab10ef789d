"""A08: nothing is changed by a page that is not ours, in the name of who looks at it.

tests/user/test_tokens.py holds one REST call of a session without proof. Here is every route that takes anything, by all the ways a page
of somebody else's can send.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from api.models import DesiredVersion, KeptAnswer, VirtualMachine
from config.access import MACHINE
from tests.abuse.plant import JSON, ROUTES, Yard, said, yard
from tests.rows import make_user

pytestmark = pytest.mark.django_db
WRITES = ("POST", "PUT", "PATCH", "DELETE")
FORM = "application/x-www-form-urlencoded"
TAKERS = [
    route for route in ROUTES if route.asks("POST") != MACHINE and route.name not in {"edge:enrol", "edge:authority"}
]


@pytest.fixture
def own(settings: Any, tmp_path: Path) -> Yard:
    """A machine with everything."""
    settings.MEDIA_ROOT = tmp_path
    return yard("own")


@pytest.fixture
def victim(own: Yard) -> Client:
    """The browser of an administrator who signed in, and who is asked for proof like everybody."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("admin"))
    return client


def counts() -> tuple[int, ...]:
    return DesiredVersion.objects.count(), VirtualMachine.objects.count(), KeptAnswer.objects.count()


@pytest.mark.parametrize("kind", [FORM, JSON, "text/plain", "multipart/form-data; boundary=x"])
def test_nothing_is_taken_without_proof(victim: Client, own: Yard, kind: str) -> None:
    before = counts()
    for route in TAKERS:
        for method in WRITES if not route.name.startswith("admin:") else ("POST",):
            raw = json.dumps({"reason": "r"}).encode() if kind != FORM else b"reason=r&mode=TESTE"
            answer = victim.generic(
                method, route.at(**own.values), raw, kind, headers={"Origin": "https://evil.example"}
            )
            # What stands for nothing that is there may be missed before it is refused.
            expected = {403, 405, 404} if route.places else {403, 405}
            assert answer.status_code in expected, (route.name, method, answer.status_code)
    assert counts() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "http://testserver@evil.example"},
        {"Origin": "https://testserver"},
        {"Origin": "file://"},
        {"Origin": "http://testserver:81"},
    ],
)
def test_a_stolen_proof_is_none_from_elsewhere(
    victim: Client, own: Yard, headers: dict[str, str], settings: Any
) -> None:
    page = victim.get("/m/vm_own/", headers={"Host": "testserver"})
    proof = page.cookies[settings.CSRF_COOKIE_NAME].value
    form = {"reason": "r", "mode": "TESTE", "csrfmiddlewaretoken": proof}
    before = counts()
    assert victim.post("/m/vm_own/mode", form, headers=headers).status_code == 403
    assert victim.post("/m/vm_own/stop", form, headers=headers).status_code == 403
    rest = victim.post(
        "/api/v1/machines/vm_own/stop/", {"reason": "r"}, content_type=JSON, headers={**headers, "X-CSRFToken": proof}
    )
    assert rest.status_code == 403
    assert counts() == before
    assert victim.post("/m/vm_own/mode", form, headers={"Origin": "http://testserver"}).status_code == 302


def test_no_get_changes_anything(victim: Client, own: Yard) -> None:
    before = counts()
    for route in TAKERS:
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            if route.name.startswith("admin:"):
                continue
            answer = victim.get(f"{route.at(**own.values)}?_method=POST&method=DELETE", headers={name: "POST"})
            assert said(answer)
            assert answer.status_code < 500
    for address in ("/m/vm_own/stop", "/logout/", "/preferences/", "/m/vm_own/tools/1/remove"):
        assert victim.get(f"{address}?_method=POST", headers={"X-HTTP-Method-Override": "POST"}).status_code == 405
    assert counts() == before
    assert victim.get("/").status_code == 200


def test_a_form_that_names_another_method_is_a_post(victim: Client, own: Yard, settings: Any) -> None:
    proof = victim.get("/m/vm_own/").cookies[settings.CSRF_COOKIE_NAME].value
    form = {"_method": "DELETE", "csrfmiddlewaretoken": proof}
    answer = victim.post("/api/v1/machines/vm_own/tools/1/", form, headers={"Origin": "http://testserver"})
    assert answer.status_code in {403, 405, 415}
    own.tool.refresh_from_db()


@pytest.mark.parametrize("page", ["/login/", "/admin/login/"])
def test_nobody_is_signed_in_as_somebody_else(page: str, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    attacker = make_user("viewer")
    attacker.set_password("correct horse battery")
    attacker.save()
    client = Client(enforce_csrf_checks=True)
    form = {"username": attacker.username, "password": "correct horse battery"}
    answer = client.post(page, form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert settings.SESSION_COOKIE_NAME not in client.cookies


def test_the_door_takes_no_plain_text_and_no_cookie(victim: Client, own: Yard) -> None:
    for address in ("enrol", "heartbeat", "batches"):
        answer = victim.generic("POST", f"/edge/v1/{address}", b"{}", "text/plain")
        assert answer.status_code in {401, 415}, address


def test_a_key_is_no_proof(own: Yard, settings: Any) -> None:
    """An answer kept under a key is given to who made the call, and not to a page that sends it in their name."""
    client, body = Client(enforce_csrf_checks=True), {"act": "tag", "add": ["x"], "machines": ["vm_own"]}
    client.force_login(make_user("engineer"))
    page = client.get("/m/vm_own/")
    proof = {"X-CSRFToken": page.cookies[settings.CSRF_COOKIE_NAME].value, "Idempotency-Key": "one"}
    assert client.post("/api/v1/acts/", body, content_type=JSON, headers=proof).status_code == 200
    forged = client.post("/api/v1/acts/", body, content_type=JSON, headers={"Idempotency-Key": "one"})
    assert (forged.status_code, "Idempotent-Replayed" in forged) == (403, False)
    again = client.post("/api/v1/acts/", body, content_type=JSON, headers=proof)
    assert (again.status_code, again["Idempotent-Replayed"]) == (200, "true")


def test_no_answer_lets_another_page_read_it(victim: Client, own: Yard) -> None:
    evil = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for address in ("/", "/api/v1/machines/", "/api/schema/", "/edge/v1/enrol"):
        for method in ("GET", "OPTIONS"):
            answer = victim.generic(method, address, headers=evil)
            assert not [name for name in answer.headers if name.lower().startswith("access-control-")], address


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "\t//evil.example",
    ],
)
def test_nobody_is_sent_to_another_page(victim: Client, target: str, settings: Any) -> None:
    client = Client()
    answer = client.post("/preferences/", {"language": "en", "next": target})
    assert answer["Location"] == "/"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = make_user()
    user.set_password("correct horse battery")
    user.save()
    form = {"username": user.username, "password": "correct horse battery", "next": target}
    assert client.post("/login/", form)["Location"] == "/"
