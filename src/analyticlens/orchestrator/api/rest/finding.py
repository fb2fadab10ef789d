"""Cameras found and asked by a machine, over REST: the orchestrator opens none."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analyticlens.protocol.discovery import LEAST_SECONDS, MOST_ADDRESS, MOST_SECONDS, USUAL_SECONDS
from api import validators
from api.rest.asking import FENCE_HEADER, command_asked, machine_of
from api.rest.serializers import CommandSerializer
from user.bodies import Closed

# What a machine does first may take this long: a source that is tried, or a camera that answers slowly.
WAIT_SECONDS = 40.0


class DiscoverSerializer(Closed):
    """How to look for cameras."""

    seconds = serializers.FloatField(
        default=USUAL_SECONDS,
        min_value=LEAST_SECONDS,
        max_value=MOST_SECONDS,
        help_text="How long answers are waited for.",
    )


class Discover(APIView):
    """The cameras a machine can see."""

    @extend_schema(
        operation_id="machine_discover",
        request=DiscoverSerializer,
        parameters=[FENCE_HEADER],
        responses={202: CommandSerializer},
    )
    def post(self, request: Request, machine_id: str) -> Response:
        """Ask the machine for its own cameras and for the ONVIF cameras in its networks.

        The command's `result` holds `cameras`, `more` where there are more than are listed, and `problems` where it could not look.
        """
        machine = machine_of(request, machine_id)
        body = DiscoverSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return command_asked(machine, "discover", request, args=dict(body.validated_data), ttl=WAIT_SECONDS)


class LookupSerializer(Closed):
    """Which camera to ask."""

    address = serializers.CharField(
        max_length=MOST_ADDRESS,
        help_text="Its host name or address, or the `address` it was found with; without user and password.",
    )

    def validate_address(self, value: str) -> str:
        """Refuse what is no address, and one with a user or a password, which everybody would see."""
        try:
            validators.check_camera_address(value)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from None
        return value


class Lookup(APIView):
    """What one camera offers."""

    @extend_schema(
        operation_id="machine_camera_lookup",
        request=LookupSerializer,
        parameters=[FENCE_HEADER],
        responses={202: CommandSerializer},
    )
    def post(self, request: Request, machine_id: str) -> Response:
        """Have the machine ask an ONVIF camera for its streams, as the user in the machine's secrets.

        The command's `result` holds `maker`, `model` and `profiles` with resolution, encoding and addresses, or its `message` says why not.
        """
        machine = machine_of(request, machine_id)
        body = LookupSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return command_asked(machine, "camera_lookup", request, args=dict(body.validated_data), ttl=WAIT_SECONDS)
