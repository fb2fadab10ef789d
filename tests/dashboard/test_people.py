"""The page of people: who may do what and where, and a lost second step reset with a reason."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from api import clock
from audit.models import AuditEntry
from tests.rows import make_user
from user.models import Line, Role, Site, User

pytestmark = pytest.mark.django_db
PAGE = "/settings/people/"


@pytest.fixture
def admin() -> User:
    return make_user("admin", first_name="Ada", last_name="Boss")


@pytest.fixture
def browser(admin: User) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(admin)
    return client


def lost(**more: Any) -> User:
    """Return somebody with a second step whose phone is gone."""
    return make_user("engineer", second_step_at=clock.wall(), **more)


def row(answer: Any, person: User) -> str:
    """Return what the page says of a person, without its markup."""
    found = re.search(rf'<tr id="person-{person.pk}".*?</tr>', answer.content.decode(), re.DOTALL)
    assert found is not None
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])))


def reset(browser: Client, person: User, reason: str = "phone fell into the press") -> Any:
    return browser.post(f"{PAGE}{person.pk}/reset-second-step", {"reason": reason})


def test_everybody_is_there_with_role_scope_second_step_and_last_sign_in(
    browser: Client, admin: User, settings: Any
) -> None:
    settings.REQUIRE_SECOND_STEP = ["quality"]
    site = Site.objects.create(code="betim", name="Betim")
    line = Line.objects.create(site=site, code="l1", name="Line 1")
    bound, nowhere = make_user("operator", bounded=True), make_user("viewer", bounded=True)
    bound.sites.add(site)
    bound.lines.add(line)
    safe, gone, owing = lost(), make_user("viewer", is_active=False), make_user("quality")
    owing.set_password("correct horse battery")
    owing.save()
    page = browser.get(PAGE)
    assert all(word in row(page, admin) for word in ("Ada Boss", "Administrator", "all sites", "Your own"))
    assert all(word in row(page, bound) for word in ("Operator", "Betim", "Betim / Line 1", "never"))
    assert "sees nothing" in row(page, nowhere)
    assert "on, since" in row(page, safe)
    assert "Reset" in row(page, safe)
    assert "switched off" in row(page, gone)
    assert "the role needs it" in row(page, owing)
    assert "Reset" not in row(page, owing)


def test_the_page_costs_the_same_however_many_there_are(browser: Client) -> None:
    browser.get(PAGE)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert browser.get(PAGE).status_code == 200
        counts.append(len(queries))
        for _number in range(10):
            make_user("operator", bounded=True).sites.add(Site.objects.get_or_create(code="s", name="S")[0])
    assert counts[0] == counts[1] or counts[1] <= counts[0] + 2


def test_a_lost_second_step_is_reset_with_a_reason_and_their_sessions_end(browser: Client, admin: User) -> None:
    person = lost()
    theirs = Client()
    theirs.force_login(person)
    assert theirs.get("/").status_code == 200
    assert reset(browser, person).status_code == 302
    person.refresh_from_db()
    assert person.second_step_at is None
    assert theirs.get("/").status_code == 302
    entry = AuditEntry.objects.get(verb="second step reset")
    assert (entry.actor_name, entry.reason) == (admin.username, "phone fell into the press")
    assert "is reset" in browser.get(PAGE).content.decode()
    # Once more there is nothing to take away, and no act.
    assert reset(browser, person).status_code == 302
    assert AuditEntry.objects.filter(verb="second step reset").count() == 1


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_without_a_reason_nothing_is_taken_away(browser: Client, reason: str) -> None:
    person = lost()
    answer = reset(browser, person, reason)
    assert (answer.status_code, "Say why" in row(answer, person)) == (400, True)
    person.refresh_from_db()
    assert person.second_step_at is not None


def test_nobody_resets_their_own(browser: Client, admin: User) -> None:
    answer = reset(browser, admin)
    assert (answer.status_code, "turned off at its page" in row(answer, admin)) == (409, True)


def test_who_is_not_there_is_not_found(browser: Client) -> None:
    assert browser.post(f"{PAGE}999999/reset-second-step", {"reason": "r"}).status_code == 404


@pytest.mark.parametrize("role", [role for role in Role.values if role != "admin"])
def test_it_is_for_administrators_alone(role: str) -> None:
    client, person = Client(headers={"Accept-Language": "en"}), lost()
    client.force_login(make_user(role))
    assert client.get(PAGE).status_code == 403
    assert reset(client, person).status_code == 403
    assert PAGE not in client.get("/").content.decode()
    person.refresh_from_db()
    assert person.second_step_at is not None


def test_a_name_is_no_markup(browser: Client) -> None:
    person = lost(first_name="<script>alert(1)</script>")
    assert "<script>alert" not in browser.get(PAGE).content.decode()
    assert "<script>alert(1)</script>" in row(browser.get(PAGE), person)
