"""Enrolment over REST: codes that make a computer a machine, and the tokens that came of them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.errors import NotNow
from api.rest.asking import FENCE_HEADER, VERSION_HEADER, OfMachine, machine_of, version_named
from api.rest.serializers import DesiredSerializer, ReasonSerializer, WhySerializer
from audit.middleware import actor_of
from edge import secrets
from edge.commissioning import commission
from edge.models import CODE_LIFE, MachineToken, carried, enrol_command, issue_code
from edge.secrets import MachineSecret


class CodeSerializer(serializers.Serializer[Any]):
    """A one-time code, shown this once."""

    code = serializers.CharField(help_text="The code, shown this once; good for one use.")
    seconds = serializers.IntegerField(help_text="How long it is good.")
    command = serializers.CharField(help_text="What to run at the computer that shall be the machine.")


class KeySerializer(serializers.ModelSerializer[MachineToken]):
    """A machine's token, without its text."""

    class Meta:
        model = MachineToken
        fields = ("prefix", "created_at", "last_used_at", "expires_at", "revoked_at")
        read_only_fields = fields
        extra_kwargs = {
            "prefix": {"help_text": "Its name in lists and logs."},
            "created_at": {"help_text": "When it was made."},
            "last_used_at": {"help_text": "When it was last used, to within five minutes."},
            "expires_at": {"help_text": "Until when it is good; null: until it is revoked."},
            "revoked_at": {"help_text": "When it was ended."},
        }


class Code(APIView):
    """A new computer for a machine: its first one, or another in the place of a dead one."""

    @extend_schema(operation_id="machine_code", request=None, responses={201: CodeSerializer})
    def post(self, request: Request, machine_id: str) -> Response:
        """Make a code. Whoever uses it becomes the machine, with its configuration, recipe and history; older tokens die then."""
        machine = machine_of(request, machine_id)
        if not machine.is_active:
            raise NotNow(_("%(machine)s is retired.") % {"machine": machine.machine_id})
        code = carried(issue_code(machine, actor_of(request._request)))
        address = machine.django_url or settings.ADDRESS
        said = {
            "code": code,
            "seconds": int(CODE_LIFE.total_seconds()),
            "command": enrol_command(machine.machine_id, address, code),
        }
        return Response(said, 201, headers={"Cache-Control": "no-store"})


class Keys(OfMachine, ListAPIView[MachineToken]):
    """The tokens of a machine, newest first."""

    serializer_class = KeySerializer
    rows: QuerySet[MachineToken] = MachineToken.objects.all()


class OneKey(APIView):
    """One token of a machine."""

    @extend_schema(operation_id="machine_key_revoke", request=None, responses={204: None})
    def delete(self, request: Request, machine_id: str, prefix: str) -> Response:
        """End it at once. Once more is as good."""
        get_object_or_404(MachineToken, machine=machine_of(request, machine_id), prefix=prefix).revoke()
        return Response(status=204)


class SecretSerializer(serializers.ModelSerializer[MachineSecret]):
    """A secret of a machine, without what it says."""

    class Meta:
        model = MachineSecret
        fields = ("name", "set_at", "set_by")
        read_only_fields = fields
        extra_kwargs = {
            "name": {"help_text": f"One of {', '.join(secrets.NAMES)}."},
            "set_at": {"help_text": "When it was set."},
            "set_by": {"help_text": "Who set it."},
        }


class NewSecretSerializer(ReasonSerializer):
    """What a secret shall be. It is never said again."""

    value = serializers.CharField(
        max_length=secrets.LONGEST,
        trim_whitespace=False,
        write_only=True,
        help_text="The secret; it is never said again.",
    )


class Secrets(OfMachine, ListAPIView[MachineSecret]):
    """The secrets of a machine by name: what they say is told to nobody but the machine."""

    serializer_class = SecretSerializer
    rows: QuerySet[MachineSecret] = MachineSecret.objects.all()
    keyset = ("name",)


class OneSecret(APIView):
    """One secret of a machine."""

    @extend_schema(operation_id="machine_secret_set", request=NewSecretSerializer, responses={204: None})
    def put(self, request: Request, machine_id: str, name: str) -> Response:
        """Set it."""
        machine = machine_of(request, machine_id)
        body = NewSecretSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        secrets.put(machine, name, said["value"], actor_of(request._request), said["reason"])
        return Response(status=204)

    @extend_schema(operation_id="machine_secret_remove", request=None, responses={204: None})
    def delete(self, request: Request, machine_id: str, name: str) -> Response:
        """Forget it. Once more is as good."""
        secrets.remove(machine_of(request, machine_id), name, actor_of(request._request))
        return Response(status=204)


class CommissionSerializer(WhySerializer):
    """Which picture, and why."""

    picture = serializers.RegexField(
        r"^([0-9a-f]{64})?$",
        required=False,
        default="",
        allow_blank=True,
        help_text="SHA-256 of a picture this machine made, as a snapshot's result names it; empty: the newest live picture.",
    )


class Commission(APIView):
    """The picture of the finished station."""

    @extend_schema(
        operation_id="machine_commission",
        request=CommissionSerializer,
        parameters=[VERSION_HEADER, FENCE_HEADER],
        responses={202: DesiredSerializer},
    )
    def post(self, request: Request, machine_id: str) -> Response:
        """Make a picture the one that later pictures are held against; 409 where none is named and none is live now."""
        machine = machine_of(request, machine_id)
        body = CommissionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = commission(
            machine,
            by=actor_of(request._request),
            reason=body.validated_data["reason"],
            picture=body.validated_data["picture"],
            if_version=version_named(request),
        )
        return Response(DesiredSerializer(asked).data, 202)


urlpatterns = [
    path("machines/<str:machine_id>/commission/", Commission.as_view(), name="commission"),
    path("machines/<str:machine_id>/secrets/", Secrets.as_view(), name="machine_secrets"),
    path("machines/<str:machine_id>/secrets/<slug:name>/", OneSecret.as_view(), name="machine_secret"),
    path("machines/<str:machine_id>/code/", Code.as_view(), name="machine_code"),
    path("machines/<str:machine_id>/keys/", Keys.as_view(), name="machine_keys"),
    path("machines/<str:machine_id>/keys/<str:prefix>/", OneKey.as_view(), name="machine_key"),
]
