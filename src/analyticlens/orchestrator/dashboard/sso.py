"""Signing in through a provider: to it, and back from it.

What must come back waits in a signed cookie for ten minutes, so that a stranger who begins and never ends leaves nothing here.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core import signing
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from audit.actor import current_actor
from audit.models import record, record_refusal
from dashboard.preferences import keep_language, safe_next
from user.models import User
from user.sso import BACKEND, Refused, person_of
from user.sso_settings import the_provider

log = logging.getLogger(__name__)
MINUTES = 10
SALT = "sso"


def cookie_name() -> str:
    """Return the name of the cookie a sign-in that was begun waits in."""
    return f"{'__Host-' if settings.HTTPS else ''}al_sso"


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider."""
    _asked_for()
    from user import provider

    wanted = safe_next(request, request.GET.get("next", ""))
    try:
        begun = provider.begin(_callback_address(request))
    except (provider.ProviderDown, provider.NotTrusted, provider.NotSetUp) as problem:
        log.warning("single sign-on did not begin", extra={"cause": str(problem)})
        return _back(request, wanted, _sentence(problem))
    waiting = {"state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier, "next": wanted}
    response = redirect(begun.url)
    response.set_cookie(
        cookie_name(),
        signing.dumps(waiting, salt=SALT),
        max_age=MINUTES * 60,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Sign in whoever the provider sent back, or tell in a sentence why not."""
    _asked_for()
    waiting = _waiting(request)
    try:
        user = _whoever_came_back(request, waiting)
    except Refused as refused:
        record_refusal("sign in", the_provider().name, refused.reason, **refused.data)
        response = _back(request, waiting.get("next", ""), str(refused))
    else:
        with transaction.atomic():
            login(request, user, backend=BACKEND)
            record("sign in", user, reason=f"signed in by {the_provider().name}")
        response = redirect(safe_next(request, waiting["next"]))
        if user.language:
            keep_language(response, user.language)
    response.delete_cookie(cookie_name(), samesite="Lax")
    return response


def _whoever_came_back(request: HttpRequest, waiting: dict[str, str]) -> User:
    from user import provider

    said = request.GET
    if not waiting or not constant_time_compare(waiting["state"], said.get("state", "")):
        raise Refused(_("That sign-in was not begun here, or took too long. Try again."), "state does not match")
    # Providers that name themselves in the answer must be the one that was asked (RFC 9207).
    if said.get("iss", the_provider().issuer) != the_provider().issuer:
        raise Refused(_sentence(provider.NotTrusted()), "another issuer answered")
    if not said.get("code"):
        sentence = _("{provider} did not sign you in.").format(provider=the_provider().name)
        raise Refused(sentence, f"the provider said no: {said.get('error', '')[:50]}")
    try:
        claims = provider.finish(said["code"], waiting["nonce"], waiting["verifier"], _callback_address(request))
    except (provider.ProviderDown, provider.NotTrusted, provider.NotSetUp) as problem:
        log.warning("single sign-on did not end", extra={"cause": str(problem)})
        raise Refused(_sentence(problem), str(problem)) from None
    groups = provider.values_of(claims, the_provider().claim) or []
    return person_of(claims["sub"], groups, claims, current_actor().address)


def _asked_for() -> None:
    if settings.SSO is None:
        raise Http404


def _callback_address(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("sso_callback"))


def _waiting(request: HttpRequest) -> dict[str, str]:
    try:
        found: dict[str, str] = signing.loads(request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=MINUTES * 60)
    except signing.BadSignature:
        return {}
    return found


def _sentence(problem: Exception) -> str:
    from user import provider

    sentences: dict[type[Any], str] = {
        provider.ProviderDown: _("{provider} does not answer. Sign in with your password, or try again in a minute."),
        provider.NotTrusted: _(
            "What {provider} said does not hold, and nobody was signed in. Try again, or tell an administrator."
        ),
        provider.NotSetUp: _("This server is not set up rightly for {provider}. Tell an administrator."),
    }
    return sentences[type(problem)].format(provider=the_provider().name)


def _back(request: HttpRequest, wanted: str, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return redirect(f"{reverse('login')}?{urlencode({'next': safe_next(request, wanted)})}")
