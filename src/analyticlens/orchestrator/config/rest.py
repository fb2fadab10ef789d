"""How people's REST answers, whatever room it is of: one error shape, keyset pages, strict JSON."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError
from django.db.models import Field, IntegerField, ProtectedError, QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions, pagination, parsers
from rest_framework.response import Response

from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.errors import error_answer
from api.errors import Refused, StaleGroup, StaleTag, StaleVersion
from audit.clock import is_told
from config.access import wants_json
from results.records import check_nul

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

log = logging.getLogger(__name__)
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
# What PostgreSQL and SQLite call a row that is there already, and a row that is not there or still needed.
_TWICE = {"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
_GONE = {"23503", "SQLITE_CONSTRAINT_FOREIGNKEY"}


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
    if isinstance(problem, IntegrityError):
        return _at_once(problem)
    if isinstance(problem, OperationalError):
        log.warning("the database could not take a person's call", extra={"error": str(problem)})
        said = error_answer("busy", _("The database is busy or full; try again."))
        return Response(said, 503, headers={"Retry-After": "2"})
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


def _at_once(problem: IntegrityError) -> Response | None:
    """Return the answer to who came second of two at once; None where the database refuses a row that nobody could have written.

    Whoever writes checks first, so that the sentence is of the field; only somebody else's write between the two leads here, and the
    transaction is undone.
    """
    cause = problem.__cause__
    why = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    if why in _TWICE:
        return Response(error_answer("not_now", _("Somebody made the same just now.")), 409)
    if why in _GONE:
        return Response(error_answer("not_now", _("Somebody changed this meanwhile.")), 409)
    return None


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
            said = strict_loads(raw) if raw.strip() else {}
            check_nul(raw)
            return said
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

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> Any:
        """Return the rows of a page. Raises NotFound for a cursor that this list cannot have given."""
        cursor = self.decode_cursor(request)
        if cursor is not None and cursor.position is not None and view is not None:
            name = self.get_ordering(request, queryset, view)[0].lstrip("-")
            if not _is_position(_field_of(queryset, name), str(cursor.position)):
                raise exceptions.NotFound(self.invalid_cursor_message)
        return super().paginate_queryset(queryset, request, view)


def _field_of(queryset: QuerySet[Any], name: str) -> Field[Any, Any]:
    """Return the column of that name, the one a row refers to where it is a reference, or what was computed under that name."""
    if name in queryset.query.annotations:
        computed: Field[Any, Any] = queryset.query.annotations[name].output_field
        return computed
    field: Any = queryset.model._meta.get_field(name)
    referred: Field[Any, Any] = getattr(field, "target_field", field)
    return referred


def _is_position(field: Field[Any, Any], said: str) -> bool:
    """Tell whether a column could hold what a cursor says: then the database can be asked for what comes after."""
    try:
        value = field.to_python(said)
        if isinstance(field, IntegerField):
            # The bounds of the column.
            field.run_validators(value)
        if isinstance(value, datetime):
            return is_told(value)
    except (ValidationError, ValueError):
        return False
    return "\0" not in said


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
