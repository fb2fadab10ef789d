"""Pictures that nobody judges, over REST: a snapshot, and a picture of a source that is only tried."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import configuring
from api.rest.asking import FENCE_HEADER, command_asked, machine_of
from api.rest.serializers import CommandSerializer
from user.bodies import Closed

# A camera that does not answer is given up by the machine after ten seconds to open and ten for the picture.
TEST_SECONDS = 40.0


class Snapshot(APIView):
    """One picture that is not inspected."""

    @extend_schema(
        operation_id="machine_snapshot", request=None, parameters=[FENCE_HEADER], responses={202: CommandSerializer}
    )
    def post(self, request: Request, machine_id: str) -> Response:
        """Ask for it, whether or not the machine runs.

        The command's `result` names the picture by its SHA-256 (`pictures/{sha256}/`), or its `message` says why there is none.
        """
        return command_asked(machine_of(request, machine_id), "snapshot", request)


class SourceTestSerializer(Closed):
    """A source to try."""

    source = serializers.DictField(  # type: ignore[assignment]  # every field has a text of that name
        help_text="A source as it stands in a configuration, with its type; what is not named has its default."
    )


class SourceTest(APIView):
    """One picture of a source that the machine does not use yet."""

    @extend_schema(
        operation_id="machine_test_source",
        request=SourceTestSerializer,
        parameters=[FENCE_HEADER],
        responses={202: CommandSerializer},
    )
    def post(self, request: Request, machine_id: str) -> Response:
        """Ask the machine to open it beside what runs and take one picture.

        The command's `result` names the picture by its SHA-256 (`pictures/{sha256}/`), or its `message` says why there is none.
        """
        machine = machine_of(request, machine_id)
        body = SourceTestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        source = configuring.source_to_try(body.validated_data["source"])
        return command_asked(machine, "test_source", request, args={"source": source}, ttl=TEST_SECONDS)


class OneCommand(APIView):
    """One act asked of a machine."""

    @extend_schema(operation_id="command", responses={200: CommandSerializer})
    def get(self, request: Request, machine_id: str, command_id: UUID) -> Response:
        """Return what became of it."""
        return Response(
            CommandSerializer(get_object_or_404(machine_of(request, machine_id).commands, pk=command_id)).data
        )
