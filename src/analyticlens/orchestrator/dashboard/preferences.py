"""Language and theme: kept with the person, and in the browser for the page that comes before signing in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from audit.models import record_refusal
from dashboard.shell import THEME_COOKIE, THEMES
from dashboard.sign_in_code import ask_for_code
from user.throttle import WAIT

YEAR = 365 * 24 * 60 * 60


def safe_next(request: HttpRequest, wanted: str) -> str:
    """Return wanted if it is an address of this service, else the first page."""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours and wanted.startswith("/") else reverse("fleet")


def keep_language(response: HttpResponse, language: str) -> None:
    """Have the browser remember a language."""
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, language, max_age=YEAR, samesite="Lax", secure=secure, httponly=True
    )


def keep_theme(response: HttpResponse, theme: str) -> None:
    """Have the browser remember a theme."""
    response.set_cookie(
        THEME_COOKIE, theme, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, httponly=True
    )


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Switch language or theme, and go back to where the switch stands."""
    response = redirect(safe_next(request, request.POST.get("next", "")))
    chosen: dict[str, str] = {}
    language, theme = request.POST.get("language"), request.POST.get("theme")
    if language in dict(settings.LANGUAGES):
        keep_language(response, language)
        chosen["language"] = language
    if theme in THEMES:
        keep_theme(response, theme)
        chosen["theme"] = theme
    if chosen and request.user.is_authenticated:
        for name, value in chosen.items():
            setattr(request.user, name, value)
        request.user.save(update_fields=list(chosen))
    return response


class SignIn(LoginView):
    """The sign-in page, which may send on to the page for the code; the browser then speaks the person's language."""

    template_name = "dashboard/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        person = form.get_user()
        if person.second_step_at is not None:
            response: HttpResponse = ask_for_code(self.request, person, self.get_success_url())
        else:
            response = super().form_valid(form)
        if person.language:
            keep_language(response, person.language)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["asked_for_fleet"] = context.get("next") in {"", "/"}
        return context


def wait(request: HttpRequest, _response: Any = None, credentials: Any = None) -> HttpResponse:
    """Answer whoever tried too often: the same to all, whether or not there is such a person."""
    name = str(request.POST.get("username", "") or (credentials or {}).get("username", ""))[:150]
    record_refusal("sign in", name or "-", "too many tries")
    minutes = int(WAIT.total_seconds() // 60)
    sentence = gettext("Too many tries. Wait {minutes} minutes.").format(minutes=minutes)
    form = {"errors": True, "non_field_errors": [sentence], "username": {"value": name}}
    page = {"form": form, "next": request.POST.get("next", ""), "asked_for_fleet": False}
    response = render(request, "dashboard/login.html", page, status=HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = str(int(WAIT.total_seconds()))
    return response


sign_in = SignIn.as_view()
sign_out = LogoutView.as_view(next_page="login")
