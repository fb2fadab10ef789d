"""Signing in in two steps: the password alone opens nothing, each code opens once, and guessing is slow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import get_resolver
from django_otp.plugins.otp_static.models import StaticToken

from api import clock
from audit.models import AuditEntry
from config.access import permission_of
from config.management.commands.roles import routes
from tests.rows import make_machine
from tests.totp import code_of, wrong_of
from tests.user.second_step_codes import (
    PAGE,
    PASSWORD,
    english,
    key_on,
    scope_of,
    signed_in,
    somebody,
    turned_on,
    type_code,
    type_password,
    verbs,
)
from user.models import User
from user.throttle import MOST_OF_ONE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("standing")]
JSON = "application/json"
LATER = timedelta(minutes=2)


# Signing in


def test_password_and_code_sign_in_and_go_where_was_asked(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    client = english()
    client.post("/login/?next=/m/", {"username": ana.username, "password": PASSWORD, "next": "/settings/second-step/"})
    assert not signed_in(client)
    answer = type_code(client, code_of(secret))
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert signed_in(client)


@pytest.mark.parametrize("typed", ["{} {}", "{}-{}", " {}{} "])
def test_spaces_and_dashes_do_not_matter(ana: User, own: Client, typed: str) -> None:
    secret, _codes = turned_on(own)
    client = english()
    type_password(client, ana.username)
    code = code_of(secret)
    assert type_code(client, typed.format(code[:3], code[3:])).status_code == 302


FILLED = {
    "<str:machine_id>": "vm_a",
    "<str:prefix>": "0" * 12,
    "<slug:code>": "nothing",
    "<str:sha256>": "0" * 64,
    "<int:pk>": "1",
    "<int:version>": "1",
    "<int:number>": "1",
}


def test_between_the_steps_every_route_answers_as_to_anyone(ana: User, own: Client) -> None:
    make_machine("vm_a")
    turned_on(own)
    half = Client()
    type_password(half, ana.username)
    for name, address in routes(get_resolver("config.urls")):
        for place, value in FILLED.items():
            address = address.replace(place, value)
        if name == "sign_in_code" or permission_of(name) == "machine":
            continue
        for method in ("get", "post"):
            mine, anyones = (getattr(client, method)(address) for client in (half, Client()))
            assert (mine.status_code, mine.get("Location")) == (anyones.status_code, anyones.get("Location")), address
        assert not signed_in(half), address
    assert half.get("/").status_code == 302


def test_the_live_stream_hears_nobody_between_the_steps(ana: User, own: Client) -> None:
    from config.live import _hearer

    secret, _codes = turned_on(own)
    half = english()
    type_password(half, ana.username)
    assert _hearer(scope_of(half)) is None
    type_code(half, code_of(secret))
    assert _hearer(scope_of(half)) is not None


def test_the_admins_own_sign_in_asks_for_the_code_too() -> None:
    adam = somebody("admin")
    own = english()
    type_password(own, adam.username)
    secret, _codes = turned_on(own)
    client = english()
    answer = type_password(client, adam.username, page="/admin/login/?next=/admin/")
    assert answer["Location"] == "/login/code/"
    assert client.get("/admin/").status_code == 302
    assert not signed_in(client)
    assert type_code(client, code_of(secret))["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_a_code_opens_nothing_without_the_password_before_it(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    client = english()
    assert type_code(client, code_of(secret))["Location"].startswith("/login/")
    assert not signed_in(client)


def test_the_first_step_is_good_for_five_minutes(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    client = english()
    type_password(client, ana.username)
    with time_machine.travel(clock.wall() + timedelta(minutes=5, seconds=1)):
        assert type_code(client, code_of(secret))["Location"].startswith("/login/")
        assert not signed_in(client)


@pytest.mark.parametrize("change", ["password", "inactive", "reset"])
def test_what_changed_between_the_steps_ends_them(ana: User, own: Client, change: str) -> None:
    secret, _codes = turned_on(own)
    client = english()
    type_password(client, ana.username)
    ana.refresh_from_db()
    if change == "password":
        ana.set_password("another horse battery")
    elif change == "inactive":
        ana.is_active = False
    else:
        ana.second_step_at = None
    ana.save()
    type_code(client, code_of(secret))
    assert not signed_in(client)


def test_each_step_ends_the_session_before_it(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    client = english()
    # A session somebody else may have put into this browser.
    planted = client.session
    planted["planted"] = True
    planted.save()
    type_password(client, ana.username)
    between = client.session.session_key
    type_code(client, code_of(secret))
    assert len({planted.session_key, between, client.session.session_key}) == 3
    assert not Session.objects.filter(session_key__in=[planted.session_key, between]).exists()


# Each code once


def test_the_same_code_is_not_accepted_twice(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    code = code_of(secret)
    first, second = english(), english()
    for client in (first, second):
        type_password(client, ana.username)
    assert type_code(first, code).status_code == 302
    answer = type_code(second, code)
    assert (answer.status_code, signed_in(second)) == (400, False)
    assert "was used already" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_browsers_with_one_code_at_the_same_moment_one_gets_in(ana: User, own: Client, kind: str) -> None:
    secret, codes = turned_on(own)
    code = code_of(secret) if kind == "app" else codes[0]
    browsers = [english() for _ in range(4)]
    for browser in browsers:
        type_password(browser, ana.username)
    start = Barrier(len(browsers))

    def go(browser: Client) -> bool:
        start.wait()
        try:
            type_code(browser, code)
            return signed_in(browser)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(browsers)) as pool:
        assert sorted(pool.map(go, browsers)) == [False, False, False, True]


def test_the_code_that_turned_it_on_is_used_up(ana: User, own: Client) -> None:
    own.post(f"{PAGE}begin", {"password": PASSWORD})
    code = code_of(key_on(own))
    own.post(f"{PAGE}confirm", {"code": code})
    client = english()
    type_password(client, ana.username)
    assert type_code(client, code).status_code == 400


def test_a_recovery_code_signs_in_once(ana: User, own: Client) -> None:
    _secret, codes = turned_on(own)
    assert len(set(codes)) == 10
    client = english()
    type_password(client, ana.username)
    answer = type_code(client, codes[3].replace("-", " "), follow=True)
    assert signed_in(client)
    assert "used up now. 9 are left." in answer.content.decode()
    again = english()
    type_password(again, ana.username)
    assert type_code(again, codes[3]).status_code == 400
    assert verbs()[-1] == "recovery code used"


def test_new_recovery_codes_end_the_old_ones(ana: User, own: Client) -> None:
    secret, old = turned_on(own)
    answer = own.post(f"{PAGE}codes", {"password": PASSWORD, "code": code_of(secret)})
    assert answer.status_code == 200
    client = english()
    type_password(client, ana.username)
    assert type_code(client, old[0]).status_code == 400
    assert StaticToken.objects.count() == 10
    assert "recovery codes renewed" in verbs()


def test_recovery_codes_are_shown_once(own: Client) -> None:
    _secret, codes = turned_on(own)
    pages = (
        own.get(PAGE).content.decode() + own.post(f"{PAGE}confirm", {"code": "000000"}, follow=True).content.decode()
    )
    assert all(code not in pages for code in codes)


# Guessing


def test_after_a_wrong_code_even_the_right_one_waits(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    client = english()
    type_password(client, ana.username)
    with time_machine.travel(clock.wall() + LATER, tick=False) as travel:
        assert type_code(client, wrong_of(secret)).status_code == 400
        travel.shift(timedelta(seconds=2))
        assert type_code(client, wrong_of(secret)).status_code == 400
        answer = type_code(client, code_of(secret))
        assert (answer.status_code, answer["Retry-After"], signed_in(client)) == (429, "2", False)
        assert "wait 2 seconds" in answer.content.decode()
        travel.shift(timedelta(seconds=3))
        assert type_code(client, code_of(secret)).status_code == 302


def test_wrong_codes_count_as_wrong_passwords_do(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    client = english()
    with time_machine.travel(clock.wall() + LATER, tick=False) as travel:
        type_password(client, ana.username)
        for _try in range(MOST_OF_ONE - 1):
            assert type_code(client, wrong_of(secret)).status_code == 400
            travel.shift(timedelta(seconds=20))
        answer = type_code(client, wrong_of(secret))
        assert (answer.status_code, answer["Retry-After"]) == (429, "900")
        assert "Too many tries. Wait 15 minutes." in answer.content.decode()
        travel.shift(timedelta(seconds=60))
        assert type_code(client, code_of(secret)).status_code == 429
        assert type_password(english(), ana.username).status_code == 429
        assert not signed_in(client)
    assert AuditEntry.objects.filter(refused=True, verb="sign in", object_repr=ana.username).exists()


def test_a_right_password_between_wrong_codes_forgets_none_of_them(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    with time_machine.travel(clock.wall() + LATER, tick=False) as travel:
        for _try in range(MOST_OF_ONE):
            client = english()
            type_password(client, ana.username)
            answer = type_code(client, wrong_of(secret))
            travel.shift(timedelta(seconds=20))
        assert answer.status_code == 429


def test_guessing_from_many_addresses_is_slowed_as_well(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    tried = 0
    with time_machine.travel(clock.wall() + LATER, tick=False) as travel:
        for number in range(40):
            where = {"REMOTE_ADDR": f"192.0.2.{number}"}
            client = english()
            type_password(client, ana.username, **where)
            tried += type_code(client, wrong_of(secret), **where).status_code == 400
            travel.shift(timedelta(seconds=15))
    # Ten minutes: the pauses are 1, 2, 4 … 256 seconds, and the next one is longer than all of them.
    assert tried <= 10


@pytest.mark.parametrize("act", ["begin", "off", "codes"])
def test_passwords_are_not_guessed_at_the_settings_either(ana: User, own: Client, act: str) -> None:
    if act != "begin":
        turned_on(own)
    for _try in range(MOST_OF_ONE):
        answer = own.post(f"{PAGE}{act}", {"password": "wrong", "code": "000000"})
    assert answer.status_code == 429
    assert own.post(f"{PAGE}{act}", {"password": PASSWORD, "code": "000000"}).status_code == 429


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "1" * 500, "\0", "12_456", "+12345"]
)
def test_what_is_no_code_is_a_wrong_one(ana: User, own: Client, typed: str) -> None:
    turned_on(own)
    client = english()
    type_password(client, ana.username)
    assert type_code(client, typed).status_code == 400
    assert not signed_in(client)
