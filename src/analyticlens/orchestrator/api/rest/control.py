"""Control of a machine over REST: seen, taken, kept, given back, and broken by an administrator."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import control
from api.models import VirtualMachine
from api.rest.asking import machine_of
from api.rest.serializers import WhySerializer
from audit.middleware import actor_of
from user.bodies import Closed


class ControlSerializer(serializers.Serializer[Any]):
    """Who controls a machine."""

    holder = serializers.CharField(allow_null=True, help_text="Who has control; null: nobody, and anybody may ask.")
    mine = serializers.BooleanField(help_text="Whether that is this session or token.")
    seconds_left = serializers.FloatField(help_text="How long it holds unless it is taken again before.")
    fence = serializers.IntegerField(
        help_text="The number of the newest taking. Sent as Control-Fence, what is asked is refused once that taking is over."
    )


class TakeControlSerializer(Closed):
    """For how long control is taken."""

    seconds = serializers.IntegerField(
        min_value=control.SHORTEST,
        max_value=control.LONGEST,
        default=control.SECONDS,
        help_text="How long it holds; take it again before that to keep it.",
    )


def _said(machine: VirtualMachine, request: Request) -> Response:
    lease = control.current(machine)
    said = {
        "holder": lease.holder if lease else None,
        "mine": control.holds(lease, actor_of(request._request)),
        "seconds_left": round(lease.seconds_left, 3) if lease else 0.0,
        "fence": control.fence_of(machine),
    }
    return Response(said)


class Control(APIView):
    """Control of a machine."""

    @extend_schema(operation_id="control", responses={200: ControlSerializer})
    def get(self, request: Request, machine_id: str) -> Response:
        """Return who has it."""
        return _said(machine_of(request, machine_id), request)

    @extend_schema(operation_id="control_take", request=TakeControlSerializer, responses={200: ControlSerializer})
    def post(self, request: Request, machine_id: str) -> Response:
        """Take it, or keep it for another while. While one has it nobody else asks anything of the machine but to stop."""
        machine = machine_of(request, machine_id)
        body = TakeControlSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        control.take(machine, actor_of(request._request), body.validated_data["seconds"])
        return _said(machine, request)

    @extend_schema(operation_id="control_give_back", request=None, responses={204: None})
    def delete(self, request: Request, machine_id: str) -> Response:
        """Give it back. Once more is as good."""
        control.give_back(machine_of(request, machine_id), actor_of(request._request))
        return Response(status=204)


class BreakControl(APIView):
    """The end of somebody's control."""

    @extend_schema(operation_id="control_break", request=WhySerializer, responses={200: ControlSerializer})
    def post(self, request: Request, machine_id: str) -> Response:
        """End it, whoever has it. Whoever takes control next has a higher fence."""
        machine = machine_of(request, machine_id)
        body = WhySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        control.break_it(machine, actor_of(request._request), body.validated_data["reason"])
        return _said(machine, request)
