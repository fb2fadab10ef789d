"""A07: passwords are not guessed.

tests/user/test_throttle.py holds the waits by name and address, many names from one address, forged and true X-Forwarded-For, and that a
real person still signs in. Here: that no answer and no work done tells whether there is such a person, and the ways round the sign-in page.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client

from tests.abuse.plant import JSON
from tests.rows import make_user
from user.models import User
from user.throttle import MOST_OF_ONE

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"


@pytest.fixture
def people(settings: Any) -> dict[str, User]:
    """Somebody with a password, somebody without one, and somebody who may no longer sign in."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    found = {"known": make_user("admin"), "without a password": make_user("admin"), "gone": make_user("admin")}
    for name in ("known", "gone"):
        found[name].set_password(GOOD)
    found["gone"].is_active = False
    for user in found.values():
        user.save()
    return found


def attempt(name: str, password: str, where: str = "192.0.2.7") -> Any:
    return Client(headers={"Accept-Language": "en"}).post(
        "/login/", {"username": name, "password": password}, REMOTE_ADDR=where
    )


KINDS = ["known", "unknown", "without a password", "gone"]


def test_every_wrong_sign_in_is_answered_alike(people: dict[str, User]) -> None:
    answers = set()
    for kind in KINDS:
        name = people[kind].username if kind in people else "nobody"
        answer = attempt(name, GOOD if kind == "gone" else "wrong", f"192.0.2.{KINDS.index(kind)}")
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode()).replace(name, "NAME")
        answers.add((answer.status_code, text))
    assert len(answers) == 1
    assert answers.pop()[0] == 200


@pytest.mark.parametrize("kind", KINDS)
def test_every_wrong_sign_in_costs_one_hashing(
    people: dict[str, User], kind: str, settings: Any, monkeypatch: Any
) -> None:
    """Hashing is all that takes long: as many are done for a name that is not there as for one that is, so no clock tells them apart."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    hashed: list[str] = []
    cheap = "argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    def encode(*_args: Any) -> str:
        hashed.append("encode")
        return cheap

    def verify(*_args: Any) -> bool:
        hashed.append("verify")
        return False

    monkeypatch.setattr(Argon2PasswordHasher, "encode", encode)
    monkeypatch.setattr(Argon2PasswordHasher, "verify", verify)
    User.objects.exclude(pk=people["without a password"].pk).update(password=cheap)
    attempt(people[kind].username if kind in people else "nobody", "wrong")
    assert len(hashed) == 1


def test_there_is_no_other_way_to_try_a_password(people: dict[str, User]) -> None:
    basic = {"Authorization": "Basic YWRtaW46YWRtaW4="}
    for address in ("/", "/admin/", "/api/v1/machines/", "/edge/v1/desired"):
        answer = Client().get(address, headers=basic)
        assert answer.status_code in {302, 401}
        assert "Basic" not in answer.get("WWW-Authenticate", "")
    assert Client().post("/api/v1/tokens/", {"username": "a", "password": GOOD}, content_type=JSON).status_code == 401


@pytest.mark.parametrize("spelling", ["{} ", " {}", "{}\0", "{}\u200b"])
def test_another_spelling_of_a_name_is_no_fresh_count(people: dict[str, User], spelling: str) -> None:
    """A name that is another one does not sign in; one that is the same is counted as the same."""
    name = people["known"].username
    for _ in range(MOST_OF_ONE):
        attempt(name, "wrong")
    assert attempt(spelling.format(name), GOOD).status_code in {200, 429}


def test_who_signed_in_has_a_session_of_their_own(people: dict[str, User], settings: Any) -> None:
    """A session id that somebody was made to carry beforehand is worth nothing afterwards."""
    client = Client()
    client.get("/login/")
    client.cookies[settings.SESSION_COOKIE_NAME] = "planted0000000000000000000000000"
    assert client.post("/login/", {"username": people["known"].username, "password": GOOD}).status_code == 302
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != "planted0000000000000000000000000"
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = "planted0000000000000000000000000"
    assert thief.get("/").status_code == 302
