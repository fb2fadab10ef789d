"""Programs come with a person's token instead of a session."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from analyticlens.protocol.errors import error_answer
from user.models import ApiToken

BEARER = "Bearer "
# The door for installed machines, below `/api/` too, has keys of its own.
ROOTS = ("/api/v1/", "/api/schema/", "/api/docs/")


class TokenMiddleware:
    """Makes the owner of a token in the Authorization header the request's user; where REST is alone.

    A browser never sends such a header by itself, so that a request with one needs no proof against forgery.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("Authorization", "")
        if not given or not request.path.startswith(ROOTS):
            return self.get_response(request)
        token = ApiToken.find(given.removeprefix(BEARER).strip()) if given.startswith(BEARER) else None
        if token is None:
            body = error_answer("bad_token", _("This token is not known here, was revoked, or is too old."))
            return JsonResponse(body, status=401, headers={"WWW-Authenticate": "Bearer"})
        token.used()
        request.user = token.owner()
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        return self.get_response(request)
