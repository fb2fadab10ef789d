"""How people's REST answers, whatever room it is of: one error shape, keyset pages, strict JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions, pagination, parsers
from rest_framework.response import Response

from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.errors import error_answer
from api.errors import Refused, StaleGroup, StaleTag, StaleVersion
from config.access import wants_json

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

MOST_BYTES = 1024 * 1024
# What DRF calls its refusals, in our words.
_CODES = {
    400: "bad_input",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "no_such_method",
    406: "not_acceptable",
    409: "not_now",
    413: "too_large",
    415: "not_json",
    429: "too_many",
}


def answer_of(problem: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to what a view refused; None for what nobody foresaw, which stays loud."""
    if isinstance(problem, Refused):
        details: dict[str, Any] = {}
        headers: dict[str, str] = {}
        if isinstance(problem, StaleVersion | StaleGroup):
            details, headers = {"version": problem.version}, {"ETag": f'"{problem.version}"'}
        elif isinstance(problem, StaleTag):
            headers = {"ETag": f'"{problem.tag}"'}
        return Response(error_answer(problem.code, str(problem), **details), problem.status, headers=headers)
    if isinstance(problem, ProtectedError):
        return Response(error_answer("not_now", _("Something else still needs it.")), 409)
    if isinstance(problem, Http404):
        problem = exceptions.NotFound()
    elif isinstance(problem, PermissionDenied):
        problem = exceptions.PermissionDenied()
    if not isinstance(problem, exceptions.APIException):
        return None
    sentence, details = _said(problem)
    response = Response(error_answer(_CODES.get(problem.status_code, "refused"), sentence, **details))
    response.status_code = problem.status_code
    if wait := getattr(problem, "wait", None):
        response["Retry-After"] = str(int(wait))
    if problem.status_code == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _said(problem: exceptions.APIException) -> tuple[str, dict[str, Any]]:
    """Return one sentence, and of a bad body also what is wrong by field."""
    if not isinstance(problem, exceptions.ValidationError):
        return str(problem.detail), {}
    fields = problem.detail if isinstance(problem.detail, dict) else {"": problem.detail}
    wrong = {name: _first(said) for name, said in fields.items()}
    name, sentence = next(iter(wrong.items()))
    return f"{name}: {sentence}" if name else sentence, {"fields": wrong}


def _first(said: Any) -> str:
    """Return the first sentence of DRF's nested ones."""
    while isinstance(said, Sequence | Mapping) and not isinstance(said, str):
        said = next(iter(said.values() if isinstance(said, Mapping) else said))
    return str(said)


class TooLarge(exceptions.APIException):
    """A body that is larger than any call's is."""

    status_code = 413


class StrictJson(parsers.BaseParser):
    """JSON that says one thing only: no name twice, no NaN, no depth without end."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return what the body says. Raises ParseError, TooLarge."""
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise TooLarge(_("A body may have at most %(most)s bytes.") % {"most": MOST_BYTES})
        try:
            return strict_loads(raw) if raw.strip() else {}
        except ValueError as error:
            raise exceptions.ParseError(_("The body cannot be read: %(why)s") % {"why": error}) from None


class Keyset(pagination.CursorPagination):
    """Pages that follow a key rather than count rows: what comes in meanwhile moves nothing. A view's `keyset` is its order."""

    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 500
    invalid_cursor_message = "This cursor is none."

    def get_ordering(self, request: Request, queryset: Any, view: APIView) -> tuple[str, ...]:
        """Return the view's own order."""
        keyset: tuple[str, ...] = getattr(view, "keyset", ("-id",))
        return keyset


def missing(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer whoever asked for what is not there: a program in its words, a person with a page."""
    if wants_json(request):
        return JsonResponse(error_answer("not_found", _("There is nothing here.")), status=404)
    return defaults.page_not_found(request, exception)


def broken(request: HttpRequest) -> HttpResponseBase:
    """Answer where something broke; what it was stands in the log."""
    if wants_json(request):
        return JsonResponse(error_answer("internal", _("Something broke here; the log says what.")), status=500)
    return defaults.server_error(request)
