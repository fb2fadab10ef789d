"""Pictures for the pages: the newest of a machine, and those its results name. Nothing else of the storage can be reached."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import get_object_or_404
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from api.models import VirtualMachine
from api.scope import machines_for
from edge import live
from results.pictures import named_by

SHA256 = re.compile(r"[0-9a-f]{64}")
A_YEAR = 365 * 24 * 60 * 60


def active(request: HttpRequest, machine_id: str) -> VirtualMachine:
    """Return the machine of that id; a retired one has no page, and one outside a person's scope is not there."""
    return get_object_or_404(machines_for(request.user), machine_id=machine_id, is_active=True)


@require_safe
def frame(request: HttpRequest, machine_id: str) -> HttpResponse:
    """The live picture numbered `v`, else the newest. Asking for it is looking: the machine sends live pictures while someone does.

    A page draws an overlay over the very picture it belongs to, so another one is never given in its place.
    """
    machine = active(request, machine_id)
    live.watch(machine)
    number = request.GET.get("v", "")
    asked = number.isascii() and number.isdigit() and len(number) < 19
    newest = live.numbered(machine, int(number)) if asked else live.latest(machine)
    if newest is None:
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})
    etag = quote_etag(f"{machine.pk}-{newest.number}")
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    return HttpResponse(newest.jpeg, content_type="image/jpeg", headers=headers)


@require_safe
def picture(request: HttpRequest, machine_id: str, sha256: str) -> HttpResponseBase:
    """A picture of one of the machine's results, or of an act asked of it."""
    machine = active(request, machine_id)
    found = named_by(VirtualMachine.objects.filter(pk=machine.pk), sha256) if SHA256.fullmatch(sha256) else None
    if found is None:
        raise Http404
    response = FileResponse(default_storage.open(found.name, "rb"), content_type=found.mime)
    response["Cache-Control"] = f"private, max-age={A_YEAR}, immutable"
    return response
