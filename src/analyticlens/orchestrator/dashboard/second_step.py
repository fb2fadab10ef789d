"""Settings: two-step sign-in, turned on and off by each person for themselves; recovery codes, shown once."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth import authenticate, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from api import clock
from dashboard.sign_in_code import refused_page
from user import second_step as steps
from user.models import AppKey, User

# Until when this session, where the password was typed, is shown the fresh key.
SETUP = "second_step_setup"
PATIENCE = timedelta(minutes=10)
TEMPLATE = "dashboard/second_step.html"
# From so few recovery codes on the page says that new ones are due.
FEW = 3


@never_cache
@require_safe
def second_step(request: HttpRequest) -> HttpResponse:
    """Show whether the second step is on, and what can be done about it."""
    return render(request, TEMPLATE, _context(request))


@never_cache
@sensitive_post_parameters("password")
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Make a fresh key for whoever knows the password, or let go of one that was begun."""
    person = _person(request)
    request.session.pop(SETUP, None)
    if person.second_step_at is not None or "cancel" in request.POST:
        return redirect("second_step")
    if not _knows_password(request, person):
        return _again(request, "begin")
    steps.begin(person)
    request.session[SETUP] = (clock.wall() + PATIENCE).timestamp()
    return redirect("second_step")


@never_cache
@sensitive_post_parameters("code")
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Turn it on, with a first code of the fresh key; the answer shows the recovery codes, this once."""
    person = _person(request)
    if _fresh_key(request, person) is None:
        return redirect("second_step")
    try:
        codes = steps.turn_on(person, request.POST.get("code", ""))
    except steps.Refused as refused:
        return refused_page(request, person, refused, TEMPLATE, {**_context(request), "at": "confirm"})
    request.session.pop(SETUP, None)
    update_session_auth_hash(request, person)
    return _codes_page(request, codes, just_on=True)


@never_cache
@sensitive_post_parameters("password", "code")
@require_POST
def renew(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes; the answer shows them, this once."""
    person = _person(request)
    refusal = _refusal(request, person, "renew")
    return refusal or _codes_page(request, steps.renew_recovery_codes(person), just_on=False)


@never_cache
@sensitive_post_parameters("password", "code")
@require_POST
def turn_off(request: HttpRequest) -> HttpResponse:
    """Forget the key, for whoever knows the password and has a code."""
    person = _person(request)
    refusal = _refusal(request, person, "off")
    if refusal:
        return refusal
    steps.turn_off(person)
    update_session_auth_hash(request, person)
    messages.success(request, gettext("Two-step sign-in is off: your password alone signs you in."))
    return redirect("second_step")


def _person(request: HttpRequest) -> User:
    """Return who asks; nobody else gets this far."""
    assert isinstance(request.user, User)
    return request.user


def _knows_password(request: HttpRequest, person: User) -> bool:
    """Return whether the password typed is this person's. A wrong one is counted as at the sign-in page."""
    found = authenticate(request, username=person.get_username(), password=request.POST.get("password", ""))
    return found is not None and found.pk == person.pk


def _refusal(request: HttpRequest, person: User, at: str) -> HttpResponse | None:
    """Return the answer to whoever lacks password or code; None for who has both."""
    if person.second_step_at is None:
        return redirect("second_step")
    if not _knows_password(request, person):
        return _again(request, at)
    try:
        steps.check(person, request.POST.get("code", ""))
    except steps.Refused as refused:
        return refused_page(request, person, refused, TEMPLATE, {**_context(request), "at": at})
    return None


def _again(request: HttpRequest, at: str) -> HttpResponse:
    context = {**_context(request), "at": at, "problem": gettext("This is not your password.")}
    return render(request, TEMPLATE, context, status=HTTPStatus.BAD_REQUEST)


def _codes_page(request: HttpRequest, codes: list[str], *, just_on: bool) -> HttpResponse:
    return render(request, "dashboard/recovery_codes.html", {"codes": codes, "just_on": just_on})


def _fresh_key(request: HttpRequest, person: User) -> AppKey | None:
    """Return the key that waits for its first code, where this session typed the password for it a moment ago."""
    until = request.session.get(SETUP)
    fresh = until is not None and clock.wall().timestamp() < until
    return steps.being_set_up(person) if fresh else None


def _context(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows."""
    person = _person(request)
    context: dict[str, Any] = {"since": person.second_step_at, "owed": person.owes_second_step()}
    if person.second_step_at is not None:
        left = steps.codes_left(person)
        return {**context, "state": "on", "left": left, "few": left <= FEW}
    if not person.has_usable_password():
        return {**context, "state": "elsewhere"}
    device = _fresh_key(request, person)
    if device is None:
        return {**context, "state": "off"}
    return {**context, "state": "setup", "picture": _picture(device), "secret": steps.secret_of(device)}


def _picture(device: AppKey) -> SafeString:
    """Draw the QR code of a key: dark on white in every theme, since readers want it so."""
    code = segno.make_qr(device.config_url, error="m")
    drawn = code.svg_inline(border=4, dark="#000", light="#fff", svgclass=None, lineclass=None, omitsize=True)
    return mark_safe(drawn)
