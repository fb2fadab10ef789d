"""Single sign-on: whoever a provider vouches for gets in with the role of their groups, and nobody else does."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError
from django.test import Client

from audit import clock
from audit.models import AuditEntry
from config.checks import check_single_sign_on
from config.sso import single_sign_on
from tests.rows import make_user
from tests.user.oidc_provider import CLIENT_ID, CLIENT_SECRET, STRANGERS_KEY, OidcProvider
from user import provider as ours
from user.models import ApiToken, Line, Role, Site, User
from user.sso import BACKEND
from user.sso_settings import ROLES, Grant, Granted, SingleSignOn, granted, parse_grants

pytestmark = pytest.mark.django_db
GRANTS = "makers=engineer, bosses=admin, people=operator"
GOOD = "correct horse battery"


@pytest.fixture
def oidc(settings: Any, tmp_path: Path) -> Iterator[OidcProvider]:
    """Return a provider that people may sign in with."""
    provider = OidcProvider()
    secret = tmp_path / "client-secret"
    secret.touch(mode=0o600)
    secret.write_text(CLIENT_SECRET + "\n")
    settings.SSO = SingleSignOn(provider.url, CLIENT_ID, secret, "Plant ID", parse_grants(GRANTS), "groups")
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, BACKEND]
    ours.forget()
    yield provider
    provider.close()
    ours.forget()


def grant(settings: Any, text: str) -> None:
    settings.SSO = SingleSignOn(**{**vars(settings.SSO), "grants": parse_grants(text)})


def browser(**headers: str) -> Client:
    return Client(headers={"Accept-Language": "en", **headers})


def to_provider_and_back(client: Client, wanted: str = "/") -> str:
    """Begin, let the provider sign the person in, and return where it sends the browser."""
    begun = client.get("/sso/", {"next": wanted})
    assert begun.status_code == 302
    back = requests.get(begun["Location"], allow_redirects=False, timeout=30)
    assert back.status_code == 302, back.text
    return str(back.headers["Location"])


def sign_in(client: Client | None = None, wanted: str = "/") -> Any:
    client = client or browser()
    return client.get(to_provider_and_back(client, wanted))


def sentence(client: Client, answer: Any) -> str:
    """Return what the sign-in page then says, and see that nobody is signed in."""
    assert answer.status_code == 302, answer.content
    assert answer["Location"].startswith("/login/?next=")
    page = client.get(answer["Location"])
    assert page.status_code == 200
    assert "_auth_user_id" not in client.session
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)) for text in notes(page.content.decode()))


def notes(page: str) -> list[str]:
    return re.findall(r'<p class="note error".*?</p>', page, re.DOTALL)


def refused(client: Client | None = None) -> str:
    client = client or browser()
    return sentence(client, sign_in(client))


def last_refusal() -> AuditEntry:
    entry: AuditEntry = AuditEntry.objects.filter(verb="sign in", refused=True).latest("seq")
    return entry


# In


@pytest.mark.django_db(transaction=True)
def test_a_person_signs_in_over_the_network_and_out_again(oidc: OidcProvider, live_server: Any) -> None:
    with httpx2.Client(base_url=live_server.url, follow_redirects=True, headers={"Accept-Language": "en"}) as person:
        page = person.get("/?verdict=nok").text
        link = re.search(r'<a class="button provider" href="([^"]+)".*?Sign in with Plant ID', page, re.DOTALL)
        assert link is not None
        landed = person.get(html.unescape(link[1]))
        assert landed.url == f"{live_server.url}/?verdict=nok"
        assert landed.status_code == 200
        assert "ana" in landed.text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', landed.text)
        assert token is not None
        person.post("/logout/", data={"csrfmiddlewaretoken": token[1]})
        assert person.get("/").url.path == "/login/"


def test_a_newcomer_gets_the_role_of_their_group_and_no_password(oidc: OidcProvider) -> None:
    oidc.said.person |= {"email": "ana@plant.example", "given_name": "Ana", "family_name": "Lima"}
    client = browser()
    assert sign_in(client)["Location"] == "/"
    user = User.objects.get(sso_issuer=oidc.url, sso_subject="42")
    assert (user.username, user.email, user.get_full_name()) == ("ana", "ana@plant.example", "Ana Lima")
    assert (user.role, user.bounded, user.has_usable_password()) == ("engineer", False, False)
    assert client.get("/").context["user"] == user


def test_signing_in_is_in_the_trail(oidc: OidcProvider) -> None:
    sign_in()
    made, came = AuditEntry.objects.order_by("seq").filter(object_type="user.user")
    assert (made.verb, made.actor_name, made.reason) == ("create", "single sign-on", "signed in by Plant ID")
    assert (came.verb, came.actor_name, came.refused, came.remote_addr) == ("sign in", "ana", False, "127.0.0.1")


def test_the_second_time_it_is_the_same_person_whatever_they_are_called_now(oidc: OidcProvider) -> None:
    sign_in()
    oidc.said.person |= {"preferred_username": "ana.souza", "email": "other@plant.example"}
    sign_in()
    assert [user.username for user in User.objects.all()] == ["ana"]


def test_the_provider_is_asked_who_it_is_once_an_hour(oidc: OidcProvider) -> None:
    sign_in()
    sign_in()
    assert oidc.asked.count("/.well-known/openid-configuration") == oidc.asked.count("/jwks") == 1
    with clock.shifted(3601):
        sign_in()
    assert oidc.asked.count("/.well-known/openid-configuration") == oidc.asked.count("/jwks") == 2


def test_a_name_that_cannot_be_one_here_is_replaced(oidc: OidcProvider) -> None:
    oidc.said.person["preferred_username"] = "ana <script>"
    sign_in()
    assert re.fullmatch("sso-[0-9a-f]{16}", User.objects.get().username)


def test_groups_may_come_from_userinfo(oidc: OidcProvider) -> None:
    del oidc.said.person["groups"]
    oidc.said.userinfo = {"sub": "42", "groups": "bosses"}
    sign_in()
    assert User.objects.get().role == "admin"


def test_userinfo_of_somebody_else_is_refused(oidc: OidcProvider) -> None:
    del oidc.said.person["groups"]
    oidc.said.userinfo = {"sub": "43", "groups": ["bosses"]}
    assert "does not hold" in refused()


def test_groups_may_lie_deeper(oidc: OidcProvider, settings: Any) -> None:
    settings.SSO = SingleSignOn(**{**vars(settings.SSO), "claim": "realm_access.roles"})
    oidc.said.person["realm_access"] = {"roles": ["people"]}
    sign_in()
    assert User.objects.get().role == "operator"


def test_their_language_is_that_of_the_pages(oidc: OidcProvider) -> None:
    sign_in()
    User.objects.update(language="en")
    assert sign_in().cookies["al_language"].value == "en"


# What the provider or the browser brings must hold


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "nonce": ({"nonce": "another"}, "InvalidClaimError of nonce"),
    "no nonce": ({"nonce": None}, "MissingClaimError of nonce"),
    "audience": ({"aud": "another"}, "InvalidClaimError of aud"),
    "audience, for us": ({"aud": "another", "azp": CLIENT_ID}, "InvalidClaimError of aud"),
    "issuer": ({"iss": "https://another.example"}, "InvalidClaimError of iss"),
    "expired": ({"exp": 1_000_000_000}, "ExpiredTokenError"),
    "no end": ({"exp": None}, "MissingClaimError of exp"),
    "not yet": ({"nbf": 32_000_000_000}, "InvalidClaimError of nbf"),
    "no subject": ({"sub": None}, "MissingClaimError of sub"),
    "a subject that is none": ({"sub": ""}, "subject"),
    "a subject too long": ({"sub": "x" * 256}, "no subject"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_says_something_wrong_is_refused(oidc: OidcProvider, lie: str) -> None:
    oidc.said.claims, why = LIES[lie]
    assert "What Plant ID said does not hold" in refused()
    assert why in last_refusal().reason
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"key": STRANGERS_KEY}, "BadSignatureError"),
        ({"algorithm": "none"}, "UnsupportedAlgorithmError"),
    ],
)
def test_a_signature_that_is_not_the_providers_is_refused(
    oidc: OidcProvider, changes: dict[str, Any], why: str
) -> None:
    vars(oidc.said).update(changes)
    assert "does not hold" in refused()
    assert why in last_refusal().reason


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
    ],
)
def test_a_description_that_does_not_fit_the_settings_is_refused(oidc: OidcProvider, lie: dict[str, Any]) -> None:
    oidc.said.description = lie
    client = browser()
    assert "does not hold" in sentence(client, client.get("/sso/"))


def test_a_state_that_is_not_ours_is_refused(oidc: OidcProvider) -> None:
    oidc.said.state = "another"
    assert "not begun here" in refused()
    assert "/token" not in oidc.asked


def test_an_answer_in_another_browser_is_refused(oidc: OidcProvider) -> None:
    answer, other = to_provider_and_back(browser()), browser()
    assert "not begun here" in sentence(other, other.get(answer))


def test_an_answer_works_once(oidc: OidcProvider) -> None:
    client = browser()
    answer = to_provider_and_back(client)
    kept = client.cookies["al_sso"].value
    client.get(answer)
    other = browser()
    other.cookies["al_sso"] = kept
    assert "does not hold" in sentence(other, other.get(answer))


def test_an_answer_after_ten_minutes_is_refused(oidc: OidcProvider) -> None:
    client = browser()
    answer = to_provider_and_back(client)
    with time_machine.travel(clock.wall() + timedelta(minutes=10, seconds=1)):
        assert "took too long" in sentence(client, client.get(answer))


def test_a_verifier_of_another_sign_in_is_refused_by_the_provider(oidc: OidcProvider) -> None:
    # What makes a stolen code useless: the provider sees that it comes without the verifier it was asked with.
    victim, thief = browser(), browser()
    stolen = re.search(r"code=([^&]+)", to_provider_and_back(victim))
    own = to_provider_and_back(thief)
    assert stolen is not None
    assert "does not hold" in sentence(thief, thief.get(re.sub(r"code=[^&]+", stolen[0], own)))
    assert "OAuthError" in last_refusal().reason


def test_another_providers_name_in_the_answer_is_refused(oidc: OidcProvider) -> None:
    client = browser()
    answer = to_provider_and_back(client)
    assert "does not hold" in sentence(client, client.get(f"{answer}&iss=https://another.example"))


def test_whoever_the_provider_turns_away_reads_so(oidc: OidcProvider) -> None:
    oidc.said.error = "access_denied"
    assert "Plant ID did not sign you in." in refused()
    assert last_refusal().reason == "the provider said no: access_denied"


# Who gets in, and as what


def test_without_a_group_that_has_a_role_nobody_gets_in(oidc: OidcProvider) -> None:
    oidc.said.person["groups"] = ["strangers", "makers2"]
    assert "none of your groups has a role here" in refused()
    assert not User.objects.exists()
    entry = last_refusal()
    assert (entry.object_repr, entry.reason) == ("Plant ID", "no group with a role")
    assert entry.additional_data == {"sso_issuer": oidc.url, "sso_subject": "42", "username": "ana"}


@pytest.mark.parametrize("groups", [None, [], {}, 7, [["makers"]], {"makers": True}])
def test_groups_that_are_none_give_nothing(oidc: OidcProvider, groups: Any) -> None:
    oidc.said.claims = {"groups": groups}
    assert "none of your groups" in refused()


@pytest.mark.parametrize("same", [{"username": "Ana"}, {"username": "other", "email": "ANA@plant.example"}])
def test_an_account_with_the_name_or_address_is_not_taken_over(oidc: OidcProvider, same: dict[str, str]) -> None:
    local = User.objects.create_user(**same, role="viewer")
    oidc.said.person["email"] = "ana@plant.example"
    assert "An administrator can link it to Plant ID." in refused()
    assert [user.pk for user in User.objects.all()] == [local.pk]
    assert User.objects.get().role == "viewer"


def test_an_administrator_links_an_account_over_rest(oidc: OidcProvider) -> None:
    local = User.objects.create_user("ana")
    refused()
    boss = make_user("admin")
    _row, token = ApiToken.issue(boss, "test", "admin")
    told = last_refusal().additional_data
    link = {name: told[name] for name in ("sso_issuer", "sso_subject")}
    bearer = {"Authorization": f"Bearer {token.text}"}
    client = Client(headers=bearer)

    def patch(who: User, body: dict[str, str]) -> Any:
        return client.patch(f"/api/v1/users/{who.pk}/", body, content_type="application/json")

    assert patch(local, {"sso_subject": "42"}).status_code == 400
    answer = patch(local, link)
    assert (answer.status_code, answer.json()["sso_subject"]) == (200, "42")
    assert patch(boss, link).status_code == 400
    assert patch(local, {"first_name": "Ana"}).status_code == 200
    assert sign_in()["Location"] == "/"
    local.refresh_from_db()
    assert local.role == "engineer"
    # And undone.
    assert patch(local, {"sso_issuer": "", "sso_subject": ""}).status_code == 200
    assert "can link it" in refused()


def test_an_administrator_links_an_account_in_the_admin(oidc: OidcProvider) -> None:
    local, boss = User.objects.create_user("ana"), make_user("admin")
    client = browser()
    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/admin/user/user/{local.pk}/change/").context["adminform"].form
    kept = {name: value for name, value in page.initial.items() if value is not None and name != "password"}
    kept |= {"last_login": "", "sites": [], "lines": [], "is_active": "on"}
    half = client.post(f"/admin/user/user/{local.pk}/change/", {**kept, "sso_subject": "42"})
    assert "Name the sign-in provider and the subject there, or neither." in half.content.decode()
    whole = {**kept, "sso_issuer": oidc.url, "sso_subject": "42"}
    assert client.post(f"/admin/user/user/{local.pk}/change/", whole).status_code == 302
    sign_in()
    assert User.objects.get(pk=local.pk).role == "engineer"


def test_two_accounts_are_never_the_same_person_there(oidc: OidcProvider) -> None:
    make_user(sso_issuer=oidc.url, sso_subject="42")
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        make_user(sso_issuer=oidc.url, sso_subject="42")


def test_the_same_subject_of_another_provider_is_somebody_else(oidc: OidcProvider) -> None:
    other = make_user("viewer", sso_issuer="https://another.example", sso_subject="42")
    sign_in()
    assert User.objects.get(sso_issuer=oidc.url, sso_subject="42") != other


def test_an_account_that_is_switched_off_stays_out(oidc: OidcProvider) -> None:
    client = browser()
    sign_in(client)
    User.objects.filter(username="ana").update(is_active=False)
    assert client.get("/")["Location"].startswith("/login/")
    assert "switched off" in refused()
    assert last_refusal().additional_data == {"username": "ana"}


def test_the_role_follows_the_groups_at_each_sign_in(oidc: OidcProvider) -> None:
    oidc.said.person["groups"] = ["bosses"]
    sign_in()
    assert User.objects.get().is_superuser
    oidc.said.person["groups"] = ["people"]
    sign_in()
    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser) == ("operator", False, False)
    entry = AuditEntry.objects.filter(verb="update", object_type="user.user").latest("seq")
    assert (entry.actor_name, entry.changes["role"]) == ("single sign-on", ["admin", "operator"])


def test_sites_follow_the_groups_where_the_mapping_speaks_of_them(oidc: OidcProvider, settings: Any) -> None:
    betim, contagem = (Site.objects.create(code=code, name=code) for code in ("betim", "contagem"))
    grant(settings, "makers=engineer@betim, others=engineer@contagem+nowhere, all=engineer")
    sign_in()
    user = User.objects.get()
    assert (user.bounded, [*user.sites.all()]) == (True, [betim])
    user.lines.add(Line.objects.create(site=contagem, code="a", name="A"))
    oidc.said.person["groups"] = ["others", "makers"]
    sign_in()
    assert ([*user.sites.all()], [*user.lines.all()]) == ([betim, contagem], [])
    oidc.said.person["groups"] = ["all", "makers"]
    sign_in()
    user.refresh_from_db()
    assert (user.bounded, [*user.sites.all()]) == (False, [])


def test_sites_are_the_administrators_where_the_mapping_does_not_speak_of_them(oidc: OidcProvider) -> None:
    sign_in()
    user = User.objects.get()
    user.sites.add(Site.objects.create(code="betim", name="Betim"))
    User.objects.update(bounded=True)
    sign_in()
    user.refresh_from_db()
    assert (user.bounded, user.sites.count()) == (True, 1)


def test_a_site_that_does_not_exist_opens_nothing(oidc: OidcProvider, settings: Any) -> None:
    grant(settings, "makers=engineer@nowhere")
    sign_in()
    assert (User.objects.get().bounded, User.objects.get().sites.count()) == (True, 0)


# When it cannot be


def password_signs_in() -> bool:
    user = make_user("viewer")
    user.set_password(GOOD)
    user.save()
    return bool(browser().post("/login/", {"username": user.username, "password": GOOD}).status_code == 302)


def test_a_provider_that_is_down_is_told_and_a_password_still_signs_in(oidc: OidcProvider, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    oidc.close()
    client = browser()
    assert "Plant ID does not answer. Sign in with your password" in sentence(client, client.get("/sso/?next=/m/vm_1/"))
    assert client.get("/sso/?next=/m/vm_1/")["Location"] == "/login/?next=%2Fm%2Fvm_1%2F"
    assert password_signs_in()


def test_a_provider_that_went_down_meanwhile_is_told(oidc: OidcProvider) -> None:
    client = browser()
    answer = to_provider_and_back(client)
    oidc.close()
    assert "Plant ID does not answer" in sentence(client, client.get(answer))


def test_a_provider_that_never_answers_is_given_up_and_not_asked_by_all(
    oidc: OidcProvider, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(ours, "TIMEOUT", (0.3, 0.3))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        issuer = f"http://127.0.0.1:{mute.getsockname()[1]}"
        settings.SSO = SingleSignOn(**{**vars(settings.SSO), "issuer": issuer})
        client = browser()
        assert "does not answer" in sentence(client, client.get("/sso/"))
        mute.accept()[0].close()
        mute.setblocking(False)
        assert "does not answer" in sentence(client, client.get("/sso/"))
        with pytest.raises(BlockingIOError):
            mute.accept()


def test_it_is_asked_again_soon_after_it_was_down(oidc: OidcProvider) -> None:
    oidc.said.description = {"issuer": "https://another.example"}
    client = browser()
    client.get("/sso/")
    oidc.said.description = {}
    with clock.shifted(11):
        assert sign_in(client)["Location"] == "/"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_nobody_is_sent_on_to_another_server(oidc: OidcProvider, wanted: str) -> None:
    assert sign_in(wanted=wanted)["Location"] == "/"
    oidc.said.person["groups"] = []
    assert sign_in(wanted=wanted)["Location"] == "/login/?next=%2F"


def test_where_no_provider_is_named_there_is_no_such_way_in(settings: Any) -> None:
    assert settings.SSO is None
    assert BACKEND not in settings.AUTHENTICATION_BACKENDS
    assert [browser().get(path).status_code for path in ("/sso/", "/sso/callback?code=x&state=y")] == [404, 404]
    assert "/sso/" not in browser().get("/login/").content.decode()


def test_sessions_it_began_end_when_it_is_switched_off(oidc: OidcProvider, settings: Any) -> None:
    client = browser()
    sign_in(client)
    assert client.get("/").status_code == 200
    settings.AUTHENTICATION_BACKENDS = [name for name in settings.AUTHENTICATION_BACKENDS if name != BACKEND]
    assert client.get("/")["Location"].startswith("/login/")


def test_the_pages_are_in_portuguese_too(oidc: OidcProvider) -> None:
    client = Client(headers={"Accept-Language": "pt-BR"})
    assert "Entrar com Plant ID" in client.get("/login/").content.decode()
    oidc.said.person["groups"] = []
    assert "nenhum dos seus grupos tem um papel aqui" in refused(client)


def test_the_policy_for_pages_stays_as_strict_and_the_way_there_is_a_link(oidc: OidcProvider) -> None:
    # A form's way out would need the provider in form-action; a link needs nothing.
    page = browser().get("/login/?next=/m/vm_1/")
    assert "form-action 'self'" in page["Content-Security-Policy"]
    assert 'href="/sso/?next=%2Fm%2Fvm_1%2F"' in page.content.decode()


def test_nothing_secret_is_repeated(oidc: OidcProvider, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = browser()
    seen = [sign_in(client).content.decode(), client.get("/").content.decode()]
    for said in ({"nonce": "x"}, {"aud": "x"}):
        oidc.said.claims = said
        seen.append(refused())
    oidc.said.error = "access_denied"
    seen.append(refused())
    # At DEBUG too.
    assert any(record.name == "dashboard.sso" for record in caplog.records)
    seen += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    seen += [str(entry.content()) for entry in AuditEntry.objects.all()]
    seen.append(str(list(User.objects.values())))
    assert len(oidc.secrets) > 10
    told = "\n".join(seen)
    assert [secret for secret in oidc.secrets if secret in told] == []


# Settings


def environment(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    usual = {
        "ISSUER": "https://id.plant.example",
        "CLIENT_ID": "lens",
        "CLIENT_SECRET_FILE": "/nowhere/secret",
        "ROLES": "makers=engineer",
    }
    for name, value in (usual | more).items():
        monkeypatch.setenv(f"AL_OIDC_{name}", value)


def test_the_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch)
    found = single_sign_on()
    assert found is not None
    assert (found.name, found.claim, found.grants) == ("id.plant.example", "groups", (Grant("makers", "engineer"),))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", "http://id.plant.example"),
        ("ISSUER", "id.plant.example"),
        ("CLIENT_ID", ""),
        ("CLIENT_SECRET_FILE", ""),
        ("ROLES", ""),
        ("ROLES", "makers=king"),
        ("ROLES", "makers"),
        ("ROLES", "=viewer"),
        ("ROLES", "makers=viewer@"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment(monkeypatch, **{name: value})
    with pytest.raises(ImproperlyConfigured, match=f"AL_OIDC_{name}"):
        single_sign_on()


@pytest.mark.parametrize(("mode", "text"), [(0o644, "x"), (0o640, "x"), (0o600, " \n"), (None, "")])
def test_a_secret_file_that_is_not_as_it_should_be_is_told(
    oidc: OidcProvider, settings: Any, mode: int | None, text: str
) -> None:
    path = settings.SSO.secret_file
    assert check_single_sign_on(None) == []
    path.unlink()
    if mode is not None:
        path.write_text(text)
        path.chmod(mode)
    (found,) = check_single_sign_on(None)
    assert found.id == "config.E007"
    assert str(path) in found.msg
    client = browser()
    assert "not set up rightly for Plant ID" in sentence(client, client.get("/sso/"))


def test_grants_know_the_roles_there_are() -> None:
    assert set(ROLES) == set(Role.values)


def test_what_groups_give() -> None:
    grants = parse_grants("CN=makers=engineer@betim, q = quality , m2=engineer@contagem")
    assert granted(grants, ["CN=makers", "q", "m2"]) == Granted("engineer", ("betim", "contagem"))
    assert granted(grants, ["q", "m2"]) == Granted("quality", ())
    assert granted(parse_grants("q=quality"), ["q"]) == Granted("quality", None)
    assert granted(grants, ["other"]) is None


def test_ten_minutes_are_what_the_cookie_lives(oidc: OidcProvider) -> None:
    cookie = browser().get("/sso/").cookies["al_sso"]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (600, True, "Lax")
    assert CLIENT_SECRET not in cookie.value
