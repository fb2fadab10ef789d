"""Machines over REST: who they are, what was asked of them, and asking. The acts call what pages and admin call."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.filters import SearchFilter
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.models import Command, Transition, VirtualMachine, VMHeartbeat
from api.rest import care
from api.rest.asking import (
    FENCE_HEADER,
    TAG_HEADER,
    VERSION_HEADER,
    OfMachine,
    asked,
    command_asked,
    machine_of,
    machines,
    version_named,
)
from api.rest.serializers import (
    CommandSerializer,
    DesiredSerializer,
    HeartbeatSerializer,
    MachineSerializer,
    ReasonSerializer,
    TransitionSerializer,
    TriggerActSerializer,
)
from audit.middleware import actor_of


class MachineFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """What machines are listed."""

    class Meta:
        model = VirtualMachine
        fields = ("status", "connection_status", "mode", "link_kind", "is_active")

    site = django_filters.CharFilter("line__site__code", help_text="Of this site, by its code.")
    line = django_filters.CharFilter("line__code", help_text="Of this line, by its code.")
    group = django_filters.CharFilter("membership__group__code", help_text="Of this group, by its code.")
    tag = django_filters.CharFilter(method="tagged", help_text="That have this tag.")

    def tagged(self, rows: QuerySet[VirtualMachine], _name: str, value: str) -> QuerySet[VirtualMachine]:
        """Leave those that have a tag."""
        return rows.filter(tags__contains=f" {value} ")


class Machines(ListAPIView[VirtualMachine]):
    """The machines, by machine_id."""

    serializer_class = MachineSerializer
    filterset_class = MachineFilter
    filter_backends = (DjangoFilterBackend, SearchFilter)
    search_fields = ("machine_id", "name", "description")
    keyset = ("machine_id",)

    @extend_schema(operation_id="machine_add", request=care.NewMachineSerializer, responses={201: MachineSerializer})
    def post(self, request: Request) -> Response:
        """Add a machine. A one-time code makes a computer that machine."""
        return care.add(request)

    def get_queryset(self) -> QuerySet[VirtualMachine]:
        """Return them all, the retired ones only where asked for."""
        asked_for = "is_active" in self.request.query_params
        found = machines(self.request)
        return found if asked_for else found.filter(is_active=True)


class Machine(APIView):
    """One machine."""

    @extend_schema(operation_id="machine", responses={200: MachineSerializer})
    def get(self, request: Request, machine_id: str) -> Response:
        """Return it, `ETag` what stands for what people said of it."""
        return care.said_of(machine_of(request, machine_id), request)

    @extend_schema(
        operation_id="machine_describe",
        request=care.DescriptionSerializer,
        parameters=[TAG_HEADER],
        responses={200: MachineSerializer},
    )
    def patch(self, request: Request, machine_id: str) -> Response:
        """Say something else of it: name, description, tags, line. What is not named stays."""
        return care.change(request, machine_id)


class Commands(OfMachine, ListAPIView[Command]):
    """The one-shot acts asked of a machine."""

    serializer_class = CommandSerializer
    rows = Command.objects.all()
    keyset = ("-created_at", "-id")


class Transitions(OfMachine, ListAPIView[Transition]):
    """The changes of a machine's state."""

    serializer_class = TransitionSerializer
    rows = Transition.objects.all()


class Heartbeats(OfMachine, ListAPIView[VMHeartbeat]):
    """The signs of life of a machine that were kept."""

    serializer_class = HeartbeatSerializer
    rows = VMHeartbeat.objects.all()
    of = "virtual_machine"


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
            machine.want(by=actor_of(request._request), reason=reason, if_version=version_named(request), **self.wish)
        )


def act(name: str, summary: str, usual_reason: str, **wish: Any) -> Any:
    """Return the view of an act."""

    @extend_schema(
        operation_id=f"machine_{name}",
        summary=summary,
        request=ReasonSerializer,
        parameters=[VERSION_HEADER, FENCE_HEADER],
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
        parameters=[FENCE_HEADER],
        responses={202: CommandSerializer},
    )
    def post(self, request: Request, machine_id: str) -> Response:
        """Ask for it."""
        machine = machine_of(request, machine_id)
        body = TriggerActSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return command_asked(machine, "trigger", request, ttl=body.validated_data["ttl"])
