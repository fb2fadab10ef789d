"""A call made twice under one key is made once: the second is answered with the first one's answer.

Only what was done is kept. A call that was refused changed nothing, and may be made again under its key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from rest_framework.authentication import CSRFCheck

from analyticlens.protocol.errors import error_answer
from api import clock
from api.models import KeptAnswer
from user.models import User
from user.rest import person

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST_KEY = 255
KEPT_FOR = timedelta(hours=24)
# A call that began so long ago and was never answered died with its process.
DEAD_AFTER = timedelta(seconds=60)


class OnceMiddleware:
    """Stands before the views that do something, for whoever names a key."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        row: KeptAnswer | None = getattr(request, "claimed", None)
        return response if row is None else self._kept(row, response)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Answer what was answered before; None lets the view do it.

        Only now is it known that who asks may ask (`config.access` stands before this): an answer of before is none for who no longer may.
        """
        key = request.headers.get(HEADER)
        wanted = request.method == "POST" and request.path.startswith("/api/v1/")
        if key is None or not wanted or not request.user.is_authenticated or _is_forged(request):
            return None
        if not 0 < len(key) <= LONGEST_KEY or not key.isprintable() or not key.isascii():
            return _refused(400, "bad_input", _("A key has 1 to 255 visible characters."))
        try:
            asked = _fingerprint(request)
        except RequestDataTooBig:
            return None
        row, known = _claim(person(request), key, asked)
        if known is None:
            vars(request)["claimed"] = row
        return known

    @staticmethod
    def _kept(row: KeptAnswer, response: HttpResponse) -> HttpResponse:
        """Keep what the view did."""
        kept = KeptAnswer.objects.filter(pk=row.pk)
        if not 200 <= response.status_code < 300:
            kept.delete()
            return response
        secret = "no-store" in response.get("Cache-Control", "")
        headers = {name: response[name] for name in ("ETag", "Location") if name in response}
        body = "" if secret else response.content.decode()
        kept.update(status=response.status_code, body=body, headers=headers)
        return response


def _is_forged(request: HttpRequest) -> bool:
    """Return whether a session's call lacks the proof that a page of ours made it: the view refuses it."""

    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    check = CSRFCheck(view)
    check.process_request(request)
    return check.process_view(request, view, (), {}) is not None


def _fingerprint(request: HttpRequest) -> str:
    """Return what stands for a call: where to, with what."""
    said = hashlib.sha256(
        f"{request.method} {request.get_full_path()} {request.headers.get('If-Match', '')}\n".encode()
    )
    said.update(request.body)
    return said.hexdigest()


def _claim(user: User, key: str, asked: str) -> tuple[KeptAnswer, HttpResponse | None]:
    """Return the row of this call, and its answer where it was made before, or is being made, or was another."""
    now = clock.wall()
    KeptAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(user=user, key=key, asked=asked), None
    except IntegrityError:
        pass
    row = KeptAnswer.objects.filter(user=user, key=key).first()
    if row is None:
        return _claim(user, key, asked)
    if row.asked != asked:
        return row, _refused(409, "key_used", _("Another call was made under that key."))
    if row.status:
        return row, _again(row)
    dead = KeptAnswer.objects.filter(pk=row.pk, status=0, created_at=row.created_at)
    if now - row.created_at > DEAD_AFTER and dead.update(created_at=now):
        return row, None
    response = _refused(409, "not_now", _("That call is being made."))
    response["Retry-After"] = "1"
    return row, response


def _again(row: KeptAnswer) -> HttpResponse:
    if not row.body and row.status not in {204, 205}:
        return _refused(409, "key_used", _("That call was made; its answer held a secret and is not kept."))
    response = HttpResponse(row.body, status=row.status, content_type="application/json", headers=row.headers)
    response[REPLAYED] = "true"
    return response


def _refused(status: int, code: str, sentence: str) -> HttpResponse:
    return JsonResponse(error_answer(code, sentence), status=status)
