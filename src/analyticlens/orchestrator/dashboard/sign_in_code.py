"""Between password and session: the page that asks for the second step's code. Until it is right nobody is signed in."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from api import clock
from user import second_step, throttle
from user.models import User

# What the session knows meanwhile. It names nobody as signed in.
ASKED = "second_step_asked"
PATIENCE = timedelta(minutes=5)


def ask_for_code(request: HttpRequest, person: User, then: str) -> HttpResponse:
    """Note that a person's password was right, and send the browser to the page for the code; then is where they want to go."""
    request.session.cycle_key()
    request.session[ASKED] = {
        "person": person.pk,
        # Set by what found the password right.
        "backend": person.backend,
        "hash": person.get_session_auth_hash(),
        "until": (clock.wall() + PATIENCE).timestamp(),
        "then": then,
    }
    return redirect("sign_in_code")


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code, and sign in whoever has it."""
    person = _asked(request)
    if person is None:
        then = request.session.get(ASKED, {}).get("then") or reverse("fleet")
        return redirect(then) if request.user.is_authenticated else redirect_to_login(then)
    if request.method != "POST":
        return render(request, "dashboard/sign_in_code.html", {"person": person})
    if throttle.has_to_wait(request, person.get_username()):
        return HttpResponse(status=HTTPStatus.TOO_MANY_REQUESTS)
    try:
        kind = second_step.check(person, request.POST.get("code", ""))
    except second_step.Refused as refused:
        return refused_page(request, person, refused, "dashboard/sign_in_code.html", {"person": person})
    asked = request.session.pop(ASKED)
    login(request, person, asked["backend"])
    if kind == "recovery":
        _warn(request, second_step.codes_left(person))
    return redirect(asked["then"])


def _asked(request: HttpRequest) -> User | None:
    """Return whose password was right a moment ago, if nothing changed since."""
    asked = request.session.get(ASKED)
    if asked is None or clock.wall().timestamp() > asked["until"]:
        return None
    person = User.objects.filter(pk=asked["person"], is_active=True, second_step_at__isnull=False).first()
    same = person is not None and constant_time_compare(person.get_session_auth_hash(), asked["hash"])
    return person if same else None


def refused_page(
    request: HttpRequest, person: User, refused: second_step.Refused, template: str, context: dict[str, object]
) -> HttpResponse:
    """Return a page with one sentence about a code that does not count, and count it where it was wrong."""
    if isinstance(refused, second_step.TooSoon):
        page = {**context, "problem": _how_long(refused.seconds)}
        response = render(request, template, page, status=HTTPStatus.TOO_MANY_REQUESTS)
        response["Retry-After"] = str(refused.seconds)
        return response
    throttle.count_wrong_code(request, person.get_username())
    problem = gettext("This code is wrong, too old, or was used already. Type the one the app shows now.")
    return render(request, template, {**context, "problem": problem}, status=HTTPStatus.BAD_REQUEST)


def _how_long(seconds: int) -> str:
    if seconds < 100:
        return ngettext(
            "After a wrong code there is a pause: wait {n} second and type the code the app shows then.",
            "After a wrong code there is a pause: wait {n} seconds and type the code the app shows then.",
            seconds,
        ).format(n=seconds)
    minutes = -(-seconds // 60)
    return gettext("After many wrong codes there is a pause: wait {n} minutes, or ask an administrator.").format(
        n=minutes
    )


def _warn(request: HttpRequest, left: int) -> None:
    said = ngettext(
        "You signed in with a recovery code, which is used up now. {n} is left.",
        "You signed in with a recovery code, which is used up now. {n} are left.",
        left,
    )
    messages.warning(request, said.format(n=left))
