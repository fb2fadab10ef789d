"""Machines over REST: who they are, what was asked of them, and asking. The acts call what pages and admin call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import django_filters
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.filters import SearchFilter
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.errors import BadInput
from api.models import Command, DesiredVersion, Transition, VirtualMachine, VMHeartbeat
from api.rest.serializers import (
    CommandSerializer,
    DesiredSerializer,
    HeartbeatSerializer,
    MachineSerializer,
    ReasonSerializer,
    TransitionSerializer,
    TriggerActSerializer,
)
from api.scope import machines_for
from audit.middleware import actor_of

if TYPE_CHECKING:
    MachineList = ListAPIView[VirtualMachine]
    MachineRetrieve = RetrieveAPIView[VirtualMachine]
    DesiredList = ListAPIView[DesiredVersion]
    CommandList = ListAPIView[Command]
    TransitionList = ListAPIView[Transition]
    HeartbeatList = ListAPIView[VMHeartbeat]
else:
    MachineList = DesiredList = CommandList = TransitionList = HeartbeatList = ListAPIView
    MachineRetrieve = RetrieveAPIView

IF_MATCH = re.compile(r'"?(\d{1,15})"?')
VERSION_HEADER = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description='The newest version you know, such as "41": where another one is newest, the answer is 412 and names it.',
)
KEY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    UUID,
    OpenApiParameter.HEADER,
    description="A UUID of yours: the same one again is the same act, done once. With another body it is refused with 409.",
)


def machines(request: HttpRequest | Request) -> QuerySet[VirtualMachine]:
    """Return the machines of who asks, with the number of the newest version asked of each."""
    newest = DesiredVersion.objects.filter(machine=OuterRef("pk")).order_by("-version").values("version")[:1]
    return (
        machines_for(request.user)
        .select_related("owner", "line__site")
        .annotate(desired_version=Coalesce(Subquery(newest), 0))
    )


def machine_of(request: Request, machine_id: str) -> VirtualMachine:
    """Return the machine of that id. Raises Http404, also for one that who asks may not see."""
    return get_object_or_404(machines(request), machine_id=machine_id)


class MachineFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What machines are listed."""

    class Meta:
        model = VirtualMachine
        fields = ("status", "connection_status", "mode", "link_kind", "is_active")

    site = django_filters.CharFilter("line__site__code", help_text="Of this site, by its code.")
    line = django_filters.CharFilter("line__code", help_text="Of this line, by its code.")


class Machines(MachineList):
    """The machines, by machine_id."""

    serializer_class = MachineSerializer
    filterset_class = MachineFilter
    filter_backends = (DjangoFilterBackend, SearchFilter)
    search_fields = ("machine_id", "name", "description")
    keyset = ("machine_id",)

    def get_queryset(self) -> QuerySet[VirtualMachine]:
        """Return them all, the retired ones only where asked for."""
        asked_for = "is_active" in self.request.query_params
        found = machines(self.request)
        return found if asked_for else found.filter(is_active=True)


class Machine(MachineRetrieve):
    """One machine."""

    serializer_class = MachineSerializer
    lookup_field = "machine_id"

    def get_queryset(self) -> QuerySet[VirtualMachine]:
        """Return them all; the address chooses."""
        return machines(self.request)


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


class DesiredVersions(OfMachine, DesiredList):
    """What was asked of a machine, version by version."""

    serializer_class = DesiredSerializer
    rows = DesiredVersion.objects.all()
    keyset = ("-version",)


class Commands(OfMachine, CommandList):
    """The one-shot acts asked of a machine."""

    serializer_class = CommandSerializer
    rows = Command.objects.all()
    keyset = ("-created_at", "-id")


class Transitions(OfMachine, TransitionList):
    """The changes of a machine's state."""

    serializer_class = TransitionSerializer
    rows = Transition.objects.all()


class Heartbeats(OfMachine, HeartbeatList):
    """The signs of life of a machine that were kept."""

    serializer_class = HeartbeatSerializer
    rows = VMHeartbeat.objects.all()
    of = "virtual_machine"


def asked(version: DesiredVersion) -> Response:
    """Return the answer that says which version asks it. It is accepted, and not yet done: the machine reports that."""
    return Response(DesiredSerializer(version).data, 202, headers={"ETag": f'"{version.version}"'})


class Desired(APIView):
    """The newest version of what was asked of a machine."""

    @extend_schema(operation_id="desired_current", responses={200: DesiredSerializer})
    def get(self, request: Request, machine_id: str) -> Response:
        """Return it; 404 where nothing was asked yet."""
        version = get_object_or_404(machine_of(request, machine_id).desired_versions.order_by("-version")[:1])
        return Response(DesiredSerializer(version).data, headers={"ETag": f'"{version.version}"'})


class Act(APIView):
    """Something asked of a machine that is a new desired version."""

    wish: dict[str, Any]
    usual_reason: str

    def ask(self, request: Request, machine_id: str) -> Response:
        """Ask, and say which version asks it."""
        machine = machine_of(request, machine_id)
        body = ReasonSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        reason = body.validated_data["reason"].strip() or str(self.usual_reason)
        return asked(
            machine.want(by=actor_of(request._request), reason=reason, if_version=_version(request), **self.wish)
        )


def _version(request: Request) -> int | None:
    """Return the version the asker knows, None where nothing is said. Raises BadInput for what is no version."""
    given = request.headers.get("If-Match")
    if given is None:
        return None
    match = IF_MATCH.fullmatch(given)
    if match is None:
        raise BadInput(_("If-Match is the number of a version."))
    return int(match[1])


def act(name: str, summary: str, usual_reason: str, **wish: Any) -> Any:
    """Return the view of an act."""

    @extend_schema(
        operation_id=f"machine_{name}",
        summary=summary,
        request=ReasonSerializer,
        parameters=[VERSION_HEADER],
        responses={202: OpenApiResponse(DesiredSerializer, description="The version that asks it.")},
    )
    def post(self: Act, request: Request, machine_id: str) -> Response:
        return self.ask(request, machine_id)

    said = {"wish": wish, "usual_reason": usual_reason, "post": post, "__doc__": summary}
    return type(name.capitalize(), (Act,), said)


Start = act("start", "Ask a machine to run.", "Start over REST", run_state="running")
Stop = act("stop", "Ask a machine to stop.", "Stop over REST", run_state="stopped")
Restart = act("restart", "Ask a machine to rebuild source and engine, and run.", "Restart over REST", restart=True)


class Trigger(APIView):
    """One inspection."""

    @extend_schema(
        operation_id="machine_trigger",
        request=TriggerActSerializer,
        parameters=[KEY_HEADER],
        responses={202: CommandSerializer},
    )
    def post(self, request: Request, machine_id: str) -> Response:
        """Ask for it."""
        machine = machine_of(request, machine_id)
        body = TriggerActSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        key = request.headers.get("Idempotency-Key")
        command = machine.command("trigger", actor_of(request._request), ttl=body.validated_data["ttl"], key=key)
        return Response(CommandSerializer(command).data, 202)
