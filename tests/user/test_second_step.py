"""Two-step sign-in: the password alone opens nothing, each code opens once, and what is secret stays so."""

from __future__ import annotations

import logging
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.plugins.otp_static.models import StaticToken

from api import clock
from audit.models import AuditEntry
from tests.rows import make_user
from tests.totp import code_of, wrong_of
from tests.user.second_step_codes import (
    PAGE,
    PASSWORD,
    english,
    key_on,
    scope_of,
    somebody,
    turned_on,
    type_code,
    type_password,
    verbs,
)
from user.models import INCLUDES, AppKey, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("standing")]
JSON = "application/json"
LATER = timedelta(minutes=2)


# Turning it on


def test_turning_on_wants_the_password_then_a_code_and_only_then_counts(ana: User, own: Client) -> None:
    assert own.post(f"{PAGE}begin", {"password": "wrong"}).status_code == 400
    assert not AppKey.objects.exists()
    assert own.post(f"{PAGE}begin", {"password": PASSWORD}).status_code == 302
    secret = key_on(own)
    assert own.post(f"{PAGE}confirm", {"code": wrong_of(secret)}).status_code == 400
    ana.refresh_from_db()
    assert ana.second_step_at is None
    assert type_password(english(), ana.username)["Location"] == "/"
    with time_machine.travel(clock.wall() + LATER):
        assert own.post(f"{PAGE}confirm", {"code": code_of(secret)}).status_code == 200
        assert type_password(english(), ana.username)["Location"] == "/login/code/"


def test_the_key_is_shown_to_the_session_that_typed_the_password_and_for_a_while(ana: User, own: Client) -> None:
    other = english()
    type_password(other, ana.username)
    own.post(f"{PAGE}begin", {"password": PASSWORD})
    secret = key_on(own)
    assert secret not in other.get(PAGE).content.decode()
    assert other.post(f"{PAGE}confirm", {"code": code_of(secret)}).status_code == 302
    assert not User.objects.filter(second_step_at__isnull=False).exists()
    with time_machine.travel(clock.wall() + timedelta(minutes=11)):
        assert secret not in own.get(PAGE).content.decode()


def test_a_key_that_was_let_go_of_is_not_shown(own: Client) -> None:
    own.post(f"{PAGE}begin", {"password": PASSWORD})
    assert 'class="key"' in own.get(PAGE).content.decode()
    own.post(f"{PAGE}begin", {"cancel": "1"})
    assert 'class="key"' not in own.get(PAGE).content.decode()


def test_it_cannot_be_begun_anew_while_it_is_on(ana: User, own: Client) -> None:
    turned_on(own)
    before = AppKey.objects.get().key
    own.post(f"{PAGE}begin", {"password": PASSWORD})
    assert (AppKey.objects.get().key, AppKey.objects.get().confirmed) == (before, True)


def test_who_has_no_password_here_is_told_so(settings: Any) -> None:
    client = english()
    client.force_login(make_user())
    assert "You have no password here" in client.get(PAGE).content.decode()
    assert client.post(f"{PAGE}begin", {"password": ""}).status_code == 400


def test_sessions_from_before_end_and_the_one_that_turned_it_on_stays(ana: User, own: Client) -> None:
    other = english()
    type_password(other, ana.username)
    turned_on(own)
    assert own.get(PAGE).status_code == 200
    assert other.get(PAGE).status_code == 302


# Turning it off


@pytest.mark.parametrize(
    ("password", "right"), [(PASSWORD, False), ("wrong", True), ("wrong", False)], ids=["code", "password", "both"]
)
@pytest.mark.parametrize("act", ["off", "codes"])
def test_off_and_new_codes_want_password_and_code(ana: User, own: Client, act: str, password: str, right: bool) -> None:
    secret, _codes = turned_on(own)
    before = set(StaticToken.objects.values_list("token", flat=True))
    code = code_of(secret) if right else wrong_of(secret)
    assert own.post(f"{PAGE}{act}", {"password": password, "code": code}).status_code == 400
    ana.refresh_from_db()
    assert ana.second_step_at is not None
    assert set(StaticToken.objects.values_list("token", flat=True)) == before


@pytest.mark.parametrize("by", ["app", "recovery"])
def test_turned_off_the_password_signs_in_and_nothing_is_kept(ana: User, own: Client, by: str) -> None:
    secret, codes = turned_on(own)
    code = code_of(secret) if by == "app" else codes[0]
    assert own.post(f"{PAGE}off", {"password": PASSWORD, "code": code}).status_code == 302
    assert own.get(PAGE).status_code == 200
    assert (AppKey.objects.count(), StaticToken.objects.count()) == (0, 0)
    assert type_password(english(), ana.username)["Location"] == "/"


# Administrators


def reset(client: Client, user: User, **body: Any) -> Any:
    return client.post(f"/api/v1/users/{user.pk}/reset-second-step/", body, content_type=JSON)


def test_an_administrator_resets_anothers_with_a_reason_and_ends_their_sessions(ana: User, own: Client) -> None:
    turned_on(own)
    admin = english()
    admin.force_login(make_user("admin"))
    assert reset(admin, ana).status_code == 400
    assert own.get(PAGE).status_code == 200
    answer = reset(admin, ana, reason="phone fell into the press")
    assert (answer.status_code, answer.json()["second_step_at"]) == (200, None)
    assert own.get(PAGE).status_code == 302
    assert type_password(english(), ana.username)["Location"] == "/"
    entry = AuditEntry.objects.filter(verb="second step reset").get()
    assert (entry.object_repr, entry.reason) == (ana.username, "phone fell into the press")
    assert entry.actor_name.startswith("admin_")
    assert reset(admin, ana, reason="again").status_code == 200
    assert AuditEntry.objects.filter(verb="second step reset").count() == 1


@pytest.mark.parametrize("role", sorted(set(INCLUDES) - {"admin"}))
def test_nobody_else_resets_it(ana: User, own: Client, role: str) -> None:
    turned_on(own)
    client = english()
    client.force_login(make_user(role))
    assert reset(client, ana, reason="x").status_code == 403
    assert reset(Client(), ana, reason="x").status_code == 401


def test_ones_own_is_not_reset_by_a_session_or_a_token_alone() -> None:
    adam = somebody("admin")
    own = english()
    type_password(own, adam.username)
    turned_on(own)
    assert reset(own, adam, reason="x").status_code == 409
    data = {"action": "reset_second_step", "_selected_action": [adam.pk]}
    own.post("/admin/user/user/", data)
    adam.refresh_from_db()
    assert adam.second_step_at is not None


def test_the_admin_resets_it_and_shows_no_key(ana: User, own: Client) -> None:
    turned_on(own)
    key = AppKey.objects.get().key
    admin = english()
    admin.force_login(make_user("admin"))
    for address in ("/admin/otp_totp/totpdevice/", "/admin/otp_static/staticdevice/"):
        assert admin.get(address).status_code == 404
    assert key not in admin.get(f"/admin/user/user/{ana.pk}/change/").content.decode()
    answer = admin.post("/admin/user/user/", {"action": "reset_second_step", "_selected_action": [ana.pk]}, follow=True)
    assert "Reset for 1 person." in answer.content.decode()
    ana.refresh_from_db()
    assert ana.second_step_at is None
    assert AuditEntry.objects.get(verb="second step reset").reason == "reset in the admin"


def test_the_command_line_resets_it_where_nobody_can_sign_in(ana: User, own: Client) -> None:
    turned_on(own)
    out = StringIO()
    call_command("reset_second_step", ana.username, reason="only administrator, phone lost", stdout=out)
    assert "Reset" in out.getvalue()
    assert type_password(english(), ana.username)["Location"] == "/"
    with pytest.raises(CommandError, match="nobody named"):
        call_command("reset_second_step", "nobody", reason="x")


# Where it is required


def test_a_role_that_needs_it_is_sent_to_set_it_up_before_anything_else(settings: Any, ana: User, own: Client) -> None:
    settings.REQUIRE_SECOND_STEP = ["engineer"]
    assert (own.get("/").status_code, own.get("/")["Location"]) == (302, PAGE)
    assert own.get("/m/vm_a/")["Location"] == PAGE
    assert "Your role needs it here" in own.get(PAGE).content.decode()
    answer = own.get("/api/v1/machines/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert own.post("/api/v1/tokens/", {"name": "x"}, content_type=JSON).status_code == 403
    assert own.post("/m/vm_a/start")["Location"] == PAGE
    assert verbs(refused=True) == ["GET rest:machines", "POST rest:tokens", "POST machine_start"]
    turned_on(own)
    assert own.get("/").status_code == 200
    assert own.get("/api/v1/machines/").status_code == 200


def test_administrators_are_sent_from_the_admin_too_and_can_leave(settings: Any) -> None:
    settings.REQUIRE_SECOND_STEP = ["admin"]
    client = english()
    type_password(client, somebody("admin").username)
    assert client.get("/admin/")["Location"] == PAGE
    assert client.post("/logout/")["Location"] == "/login/"


def test_the_live_stream_waits_for_it_as_well(settings: Any, own: Client) -> None:
    from config.live import _hearer

    assert _hearer(scope_of(own)) is not None
    settings.REQUIRE_SECOND_STEP = ["engineer"]
    assert _hearer(scope_of(own)) is None


def test_other_roles_tokens_and_who_signs_in_elsewhere_are_not_asked(settings: Any, ana: User) -> None:
    from user.models import ApiToken

    settings.REQUIRE_SECOND_STEP = ["engineer"]
    viewer = english()
    type_password(viewer, somebody("viewer").username)
    assert viewer.get("/").status_code == 200
    _row, token = ApiToken.issue(ana, "robot", "viewer")
    assert Client().get("/api/v1/machines/", headers={"Authorization": f"Bearer {token.text}"}).status_code == 200
    elsewhere = english()
    elsewhere.force_login(make_user("engineer"))
    assert elsewhere.get("/").status_code == 200


def test_a_token_is_made_by_whoever_is_wholly_signed_in_and_works_without_codes(ana: User, own: Client) -> None:
    secret, _codes = turned_on(own)
    client = english()
    type_password(client, ana.username)
    assert client.post("/api/v1/tokens/", {"name": "x"}, content_type=JSON).status_code == 401
    type_code(client, code_of(secret))
    token = client.post("/api/v1/tokens/", {"name": "x"}, content_type=JSON).json()["token"]
    assert Client().get("/api/v1/machines/", headers={"Authorization": f"Bearer {token}"}).status_code == 200


# What is kept and what is told


def test_each_act_leaves_its_entry_and_no_secret_in_any(
    ana: User, own: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret, codes = turned_on(own)
    typed = [secret, secret.replace(" ", ""), AppKey.objects.get().key, *codes]
    client = english()
    type_password(client, ana.username)
    near = codes[0][:-1] + ("1" if codes[0][-1] != "1" else "2")
    type_code(client, near)
    kept = str(list(AccessAttempt.objects.values()))
    assert "/login/code/" in kept
    with time_machine.travel(clock.wall() + LATER):
        type_code(client, codes[1])
        own.post(f"{PAGE}off", {"password": PASSWORD, "code": code_of(secret)})
    typed += [near]
    typed += [code.replace("-", "") for code in typed]
    assert verbs()[-3:] == ["second step turned on", "recovery code used", "second step turned off"]
    assert verbs(refused=True) == ["second step"]
    kept += str([entry.content() for entry in AuditEntry.objects.all()]) + caplog.text
    kept += str([one.get_decoded() for one in Session.objects.all()])
    assert [text for text in typed if text in kept] == []


def test_recovery_codes_are_not_in_the_database(own: Client) -> None:
    _secret, codes = turned_on(own)
    kept = str(list(StaticToken.objects.values_list("token", flat=True)))
    assert [code for code in codes if code.replace("-", "")[:8] in kept] == []


@pytest.mark.parametrize("address", [PAGE, "/login/code/"])
def test_pages_with_secrets_are_kept_by_no_browser(ana: User, own: Client, address: str) -> None:
    turned_on(own)
    half = english()
    type_password(half, ana.username)
    client = own if address == PAGE else half
    assert "no-store" in client.get(address)["Cache-Control"]


def test_rest_tells_since_when_and_nothing_more(ana: User, own: Client) -> None:
    turned_on(own)
    admin = english()
    admin.force_login(make_user("admin"))
    said = admin.get(f"/api/v1/users/{ana.pk}/")
    assert said.json()["second_step_at"] is not None
    assert AppKey.objects.get().key not in said.content.decode()
    admin.patch(f"/api/v1/users/{ana.pk}/", {"second_step_at": None}, content_type=JSON)
    ana.refresh_from_db()
    assert ana.second_step_at is not None
