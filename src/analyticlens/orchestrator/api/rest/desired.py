"""What is asked of a machine, over REST: the version in force, its history with what changed, and the next one."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analyticlens.protocol.configuration import patched
from analyticlens.protocol.differences import differences
from api.errors import BadInput
from api.models import DesiredVersion
from api.models.choices import MODES
from api.rest.asking import FENCE_HEADER, VERSION_HEADER, OfMachine, asked, machine_of, version_named
from api.rest.serializers import DesiredSerializer
from audit.fields import AnyJson
from audit.middleware import actor_of
from user.bodies import Closed


class DifferenceSerializer(serializers.Serializer[Any]):
    """One place that changed."""

    path = serializers.ListField(child=serializers.CharField(), help_text="The way there, from the outside in.")
    before = AnyJson(help_text="What it was; null where there was nothing.", allow_null=True)
    after = AnyJson(help_text="What it became; null where nothing is left.", allow_null=True)


def changes(before: Any, after: Any) -> list[dict[str, Any]]:
    """Return what differs, ready to be said."""
    return [{"path": list(path), "before": old, "after": new} for path, old, new in differences(before, after)]


class DesiredWithChanges(DesiredSerializer):
    """A version of what was asked, with what it changed."""

    changes = serializers.SerializerMethodField(help_text="What it changed of the version before it, place by place.")

    class Meta(DesiredSerializer.Meta):
        fields = (*DesiredSerializer.Meta.fields, "changes")

    @extend_schema_field(DifferenceSerializer(many=True))
    def get_changes(self, version: DesiredVersion) -> list[dict[str, Any]]:
        """Return what it changed; all of it where it is the first."""
        before = version.machine.desired_versions.filter(version=version.version - 1).first()
        return changes(before.body if before else {}, version.body)


class WishSerializer(Closed):
    """What a machine shall be; what is not named stays."""

    reason = serializers.CharField(max_length=2000, help_text="Why; it stays in the history.")
    run_state = serializers.ChoiceField(
        ["running", "stopped"], required=False, help_text="Whether it shall inspect: running or stopped."
    )
    mode = serializers.ChoiceField(MODES, required=False, help_text="The mode it shall work in.")
    configuration = serializers.DictField(
        required=False,
        help_text="A JSON merge patch of the configuration: what it does not name stays, null means the default.",
    )
    recipe_sha256 = serializers.RegexField(
        r"^[0-9a-f]{64}$", required=False, help_text="SHA-256 of one of its recipe versions."
    )


class DesiredVersions(OfMachine, ListAPIView[DesiredVersion]):
    """What was asked of a machine, version by version."""

    serializer_class = DesiredSerializer
    rows = DesiredVersion.objects.all()
    keyset = ("-version",)


class OneDesiredVersion(APIView):
    """One version of what was asked of a machine."""

    @extend_schema(operation_id="desired_version", responses={200: DesiredWithChanges})
    def get(self, request: Request, machine_id: str, version: int) -> Response:
        """Return it, with what it changed."""
        return Response(DesiredWithChanges(version_of(request, machine_id, version)).data)


def version_of(request: Request, machine_id: str, version: int) -> DesiredVersion:
    """Return a version of a machine's desired state. Raises Http404."""
    versions = machine_of(request, machine_id).desired_versions.select_related("machine")
    return get_object_or_404(versions, version=version)


class Desired(APIView):
    """The newest version of what was asked of a machine."""

    @extend_schema(operation_id="desired_current", responses={200: DesiredSerializer})
    def get(self, request: Request, machine_id: str) -> Response:
        """Return it; 404 where nothing was asked yet."""
        version = get_object_or_404(machine_of(request, machine_id).desired_versions.order_by("-version")[:1])
        return Response(DesiredSerializer(version).data, headers={"ETag": f'"{version.version}"'})

    @extend_schema(
        operation_id="desired_change",
        request=WishSerializer,
        parameters=[VERSION_HEADER, FENCE_HEADER],
        responses={202: OpenApiResponse(DesiredSerializer, description="The version that asks it.")},
    )
    def patch(self, request: Request, machine_id: str) -> Response:
        """Ask for something else. What changes nothing is answered with the version in force."""
        machine = machine_of(request, machine_id)
        body = WishSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wish = dict(body.validated_data)
        reason, known = wish.pop("reason"), version_named(request)
        if "configuration" in wish:
            current = machine.desired()
            before = current.asked.configuration if current else machine.get_configuration()
            try:
                wish["configuration"] = patched(before, wish["configuration"])
            except ValueError as error:
                raise BadInput(f"configuration.{error}") from None
            # The patch was laid over this version: over another one that came in between it would undo that.
            known = known if known is not None else (current.version if current else 0)
        return asked(machine.want(by=actor_of(request._request), reason=reason, if_version=known, **wish))
