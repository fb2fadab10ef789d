"""Guessing passwords is slow, and says nothing."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.test import Client

from api import clock
from audit.models import AuditEntry
from tests.rows import make_user
from user.throttle import MOST_OF_ALL, MOST_OF_ONE

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"


@pytest.fixture
def ana(settings: Any) -> Any:
    # What is counted here are tries; the hashing that makes each of them dear is not what is asked about.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = make_user("admin")
    user.set_password(GOOD)
    user.save()
    return user


def attempt(name: str, password: str, where: str = "192.0.2.7", page: str = "/login/", **headers: str) -> Any:
    client = Client(headers={"Accept-Language": "en", **headers})
    return client.post(page, {"username": name, "password": password}, REMOTE_ADDR=where)


def fail(name: str, times: int, where: str = "192.0.2.7") -> Any:
    for _ in range(times):
        answer = attempt(name, "wrong", where)
    return answer


@pytest.mark.parametrize("known", [True, False])
def test_after_five_failures_a_name_waits_whether_or_not_there_is_such_a_person(ana: Any, known: bool) -> None:
    name = ana.username if known else "nobody"
    assert fail(name, MOST_OF_ONE - 1).status_code == 200
    answer = fail(name, 1)
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "Too many tries. Wait 15 minutes." in answer.content.decode()
    assert attempt(name, GOOD).status_code == 429


def test_the_same_person_signs_in_from_elsewhere(ana: Any) -> None:
    fail(ana.username, MOST_OF_ONE)
    assert attempt(ana.username, GOOD, "192.0.2.8").status_code == 302
    assert attempt(ana.username, GOOD).status_code == 429


def test_a_success_forgets_the_failures_before_it(ana: Any) -> None:
    fail(ana.username, MOST_OF_ONE - 1)
    assert attempt(ana.username, GOOD).status_code == 302
    assert fail(ana.username, MOST_OF_ONE - 1).status_code == 200


def test_the_wait_ends(ana: Any) -> None:
    fail(ana.username, MOST_OF_ONE)
    with time_machine.travel(clock.wall() + timedelta(minutes=15, seconds=1)):
        assert attempt(ana.username, GOOD).status_code == 302


def test_an_address_that_tries_many_names_waits_as_a_whole(ana: Any) -> None:
    for number in range(MOST_OF_ALL):
        fail(f"name{number}", 1)
    assert attempt(ana.username, GOOD).status_code == 429
    assert attempt(ana.username, GOOD, "192.0.2.8").status_code == 302


def test_who_writes_another_address_into_a_header_is_counted_where_they_are(ana: Any) -> None:
    for number in range(MOST_OF_ONE):
        attempt(ana.username, "wrong", **{"X-Forwarded-For": f"198.51.100.{number}"})
    assert attempt(ana.username, GOOD).status_code == 429


def test_behind_a_proxy_its_own_word_counts_and_no_other(ana: Any, settings: Any) -> None:
    settings.BEHIND_PROXY, settings.TRUSTED_PROXIES = True, [ip_network("10.0.0.1")]
    for number in range(MOST_OF_ONE):
        attempt(ana.username, "wrong", "10.0.0.1", **{"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.9"})
    held = {"X-Forwarded-For": "198.51.100.9"}
    assert attempt(ana.username, GOOD, "10.0.0.1", **held).status_code == 429
    assert attempt(ana.username, GOOD, "10.0.0.1", **{"X-Forwarded-For": "198.51.100.8"}).status_code == 302


def test_who_plays_a_proxy_is_counted_where_they_are(ana: Any, settings: Any) -> None:
    settings.BEHIND_PROXY = True
    for number in range(MOST_OF_ONE):
        attempt(ana.username, "wrong", **{"X-Forwarded-For": f"198.51.100.{number}"})
    assert attempt(ana.username, GOOD, **{"X-Forwarded-For": "198.51.100.99"}).status_code == 429
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"192.0.2.7"}


def test_the_admins_own_sign_in_is_no_way_round(ana: Any) -> None:
    fail(ana.username, MOST_OF_ONE)
    assert attempt(ana.username, GOOD, page="/admin/login/").status_code == 429


def test_no_password_is_kept_and_the_trail_tells(ana: Any) -> None:
    fail(ana.username, MOST_OF_ONE)
    attempt(ana.username, GOOD)
    kept = str(list(AccessAttempt.objects.values()))
    assert GOOD not in kept
    assert "wrong" not in kept
    entry = AuditEntry.objects.filter(verb="sign in", refused=True).latest("seq")
    assert (entry.object_repr, entry.reason, entry.remote_addr) == (ana.username, "too many tries", "192.0.2.7")
    assert all(GOOD not in str(one.content()) for one in AuditEntry.objects.all())


def test_a_name_without_end_and_a_nul_are_counted_as_any_other(ana: Any) -> None:
    for page in ("/login/", "/admin/login/"):
        assert attempt("n" * 5000, "wrong", page=page).status_code == 200
    assert AccessAttempt.objects.get().username == "n" * 150
    for more in ({"next": "/\0"}, {"\0": "x"}, {"username": "a\0b"}, {"password": "\0"}):
        said = {"username": "nobody", "password": "wrong", **more}
        assert Client().post("/login/", said, REMOTE_ADDR="192.0.2.9").status_code in {200, 400}, more
