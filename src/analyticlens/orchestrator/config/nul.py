"""The character NUL, which PostgreSQL keeps in no text and compares with none: nothing is called so, and nothing can be found by it."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from analyticlens.protocol.errors import error_answer
from config.access import wants_json


class NulMiddleware:
    """Answers an address with a NUL: 404 for its path, 400 for its query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path:
            raise Http404
        if "%00" in request.META.get("QUERY_STRING", ""):
            if wants_json(request):
                return JsonResponse(error_answer("bad_input", _("A text contains the character NUL.")), status=400)
            raise BadRequest("a NUL in the query")
        return self.get_response(request)
