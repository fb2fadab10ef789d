"""What every call of the door goes through: method, size, token, JSON, model; and the one place where refusals become answers."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic import BaseModel, ValidationError

from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.errors import error_answer
from analyticlens.protocol.strict import first_error, plain
from api.errors import Refused
from api.models import VirtualMachine
from audit import Actor, acting
from edge.models import MachineToken
from results.records import NUL, check_nul

log = logging.getLogger(__name__)
KIB = 1024
NUL_SPELT = b"\\u0000"
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
View = Callable[..., HttpResponseBase]
BEARER = "Bearer "


class DoorError(Exception):
    """A call that is refused; `details` is what a program needs to go on."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details


def answer(body: BaseModel | dict[str, Any], status: int = 200) -> JsonResponse:
    """Return a JSON answer that nobody stores."""
    data = plain(body) if isinstance(body, BaseModel) else body
    response = JsonResponse(data, status=status, json_dumps_params={"ensure_ascii": False})
    response["Cache-Control"] = "no-store"
    return response


def machine_of(authorization: str) -> VirtualMachine:
    """Return the machine whose token an Authorization header carries. Raises DoorError: 401, or 403 for a retired machine."""
    text = authorization.removeprefix(BEARER) if authorization.startswith(BEARER) else ""
    token = MachineToken.find(text.strip())
    if token is None:
        raise DoorError(
            HTTPStatus.UNAUTHORIZED, "bad_token", "this machine token is not known here, revoked, or missing"
        )
    if not token.machine.is_active:
        raise DoorError(HTTPStatus.FORBIDDEN, "retired", "this machine is retired; its door is closed")
    token.used()
    return token.machine


def read_body(request: HttpRequest, read: Callable[[bytes], T], limit: int) -> T:
    """Return what `read` makes of the request's JSON. Raises DoorError: 413, 415 or 400 with one sentence; Refused as `read` does."""
    check_size(request, limit)
    if request.content_type != "application/json" or request.headers.get("Content-Encoding", "identity") != "identity":
        raise DoorError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json", "send plain application/json")
    try:
        return read(request.body)
    except ValidationError as error:
        raise DoorError(HTTPStatus.BAD_REQUEST, "bad_input", first_error(error)) from None
    except ValueError as error:
        raise DoorError(HTTPStatus.BAD_REQUEST, "not_json", f"the body cannot be read: {error}") from None


def loads_shown(raw: bytes) -> Any:
    """Return JSON with the character for what cannot be shown where it has a NUL, which PostgreSQL keeps in no text: who says one lives."""
    if NUL_SPELT in raw:
        raw = NUL.sub(lambda found: found.group()[: -len(NUL_SPELT)] + b"\\ufffd", raw)
    return strict_loads(raw)


def loads_kept(raw: bytes) -> Any:
    """Return JSON every text of which can be kept. Raises ValueError with one sentence."""
    value = strict_loads(raw)
    check_nul(raw)
    return value


def reader(model: type[M], loads: Callable[[bytes], Any] = loads_kept) -> Callable[[bytes], M]:
    """Return what reads JSON as a model, by `loads`. It raises ValueError, and of those pydantic.ValidationError."""

    def read(raw: bytes) -> M:
        return model.model_validate(loads(raw))

    return read


def check_size(request: HttpRequest, limit: int) -> None:
    """Raise DoorError 413 for a body larger than limit bytes."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise DoorError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"the body may have at most {limit} bytes", limit=limit
        )


def door(
    method: str, read: Callable[[bytes], Any] | None = None, *, limit: int = 64 * KIB, enrolled: bool = True
) -> Callable[[View], View]:
    """Make a view of the door: it is called as view(request, machine, body, **path), or without what it does not ask for.

    `read` makes of a JSON body what the view is given (see `reader`); None leaves the body to the view. Only `enrolled=False` lets a call
    in without a token.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def called(request: HttpRequest, **path: Any) -> HttpResponseBase:
            try:
                return enter(request, path)
            except (DoorError, Refused) as error:
                return _refusal(error)
            except OperationalError as error:
                log.warning("the database could not take a machine's call", extra={"error": str(error)})
                return _later("busy", "the database is busy or full; try again")
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise
                return _refusal(
                    DoorError(HTTPStatus.INSUFFICIENT_STORAGE, "storage_full", "the orchestrator's disk is full")
                )

        def enter(request: HttpRequest, path: Mapping[str, Any]) -> HttpResponseBase:
            if request.method != method:
                raise DoorError(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", f"this call is {method}")
            given: list[Any] = []
            actor = None
            if enrolled:
                machine = machine_of(request.headers.get("Authorization", ""))
                actor = Actor("machine", machine.machine_id, request.META.get("REMOTE_ADDR"))
                given.append(machine)
            if read is not None:
                given.append(read_body(request, read, limit))
            else:
                check_size(request, limit)
            with acting(actor):
                return view(request, *given, **path)

        return called

    return decorate


def by_method(**views: View) -> View:
    """Return one view for several methods of an address."""

    @csrf_exempt
    def called(request: HttpRequest, **path: Any) -> HttpResponseBase:
        view = views.get(request.method or "")
        if view is None:
            allowed = " or ".join(views)
            return _refusal(DoorError(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", f"this call is {allowed}"))
        return view(request, **path)

    return called


def body_of(error: DoorError | Refused) -> dict[str, Any]:
    """Return a refusal in its one shape."""
    return error_answer(error.code, str(error), **getattr(error, "details", {}))


def _refusal(error: DoorError | Refused) -> HttpResponse:
    response = answer(body_of(error), error.status)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _later(code: str, message: str) -> HttpResponse:
    response = answer(error_answer(code, message), HTTPStatus.SERVICE_UNAVAILABLE)
    response["Retry-After"] = "2"
    return response
