"""Django's admin, with the one way to sign in: a password form of its own would let people past their second step."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse


class AdminSite(admin.AdminSite):
    """Django's, signed in to at our page."""

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show our sign-in page, at the admin's own address."""
        # Django makes this site before its apps are ready.
        from dashboard.preferences import sign_in

        return sign_in(request)  # type: ignore[return-value]  # Django promises a template's answer; a redirect is one too
