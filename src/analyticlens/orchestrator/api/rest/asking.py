"""What the views that ask something of a machine have in common: whose machine, which version, what is answered."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import BadInput
from api.known import version_in
from api.models import DesiredVersion, VirtualMachine
from api.rest.serializers import CommandSerializer, DesiredSerializer
from api.scope import machines_for
from audit import middleware

VERSION_HEADER = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description='The newest version you know, such as "41": where another one is newest, the answer is 412 and names it.',
)
FENCE_HEADER = OpenApiParameter(
    middleware.FENCE_HEADER,
    int,
    OpenApiParameter.HEADER,
    description="The fence of the control you took: where that taking is over, the answer is 409. Not needed where nobody has control.",
)
TAG_HEADER = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what you know: where somebody edited it since, the answer is 412.",
)


def machines(request: HttpRequest | Request) -> QuerySet[VirtualMachine]:
    """Return the machines of who asks, with the number of the newest version asked of each."""
    newest = DesiredVersion.objects.filter(machine=OuterRef("pk")).order_by("-version").values("version")[:1]
    return (
        machines_for(request.user)
        .select_related("owner", "line__site", "membership__group")
        .annotate(desired_version=Coalesce(Subquery(newest), 0))
    )


def machine_of(request: Request, machine_id: str, *, lock: bool = False) -> VirtualMachine:
    """Return the machine of that id; locked, nobody else changes its row until the transaction ends.

    Raises Http404, also for one that who asks may not see.
    """
    found = machines(request)
    return get_object_or_404(
        found.select_for_update(of=("self",), no_key=True) if lock else found, machine_id=machine_id
    )


class OfMachine:
    """A list of what one machine has, newest first."""

    keyset: tuple[str, ...] = ("-id",)
    rows: Any

    def get_queryset(self) -> Any:
        """Return the machine's rows; of no machine there are none, and the answer is 404."""
        if getattr(self, "swagger_fake_view", False):
            return self.rows.none()
        view: Any = self
        return self.rows.filter(**{self.of: machine_of(view.request, view.kwargs["machine_id"])})

    of = "machine"


def asked(version: DesiredVersion) -> Response:
    """Return the answer that says which version asks it. It is accepted, and not yet done: the machine reports that."""
    return Response(DesiredSerializer(version).data, 202, headers={"ETag": f'"{version.version}"'})


def version_named(request: Request) -> int | None:
    """Return the version the asker knows, None where nothing is said. Raises BadInput for what is no version."""
    given = request.headers.get("If-Match")
    if given is None:
        return None
    version = version_in(given)
    if version is None:
        raise BadInput(_("If-Match is the number of a version."))
    return version


def command_asked(
    machine: VirtualMachine, kind: str, request: Request, args: dict[str, Any] | None = None, ttl: float = 10.0
) -> Response:
    """Ask for a one-shot act and answer with it. Raises NotNow, BadInput."""
    command = machine.command(kind, middleware.actor_of(request._request), args, ttl=ttl)
    return Response(CommandSerializer(command).data, 202)
