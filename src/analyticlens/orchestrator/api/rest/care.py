"""Machines come and go over REST: added, described, in maintenance, retired, brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.errors import BadInput, StaleTag
from api.known import tag_in, tag_of
from api.models import VirtualMachine
from api.rest.asking import machine_of, machines
from api.rest.serializers import MachineSerializer, ReasonSerializer
from audit import acting
from audit.middleware import actor_of
from user.bodies import Closed
from user.rest import person
from user.rest_people import lines_for

if TYPE_CHECKING:
    from audit import Actor
    from user.models import Line, User


class DescriptionSerializer(Closed):
    """What people say of a machine; what is not named stays."""

    name = serializers.CharField(max_length=100, required=False, help_text="What people call it.")
    description = serializers.CharField(
        max_length=10_000, required=False, allow_blank=True, help_text="What it is for."
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="Words to find it by."
    )
    site = serializers.CharField(
        required=False, allow_null=True, help_text="Code of its site, with its line; null: none."
    )
    line = serializers.CharField(required=False, allow_null=True, help_text="Code of its line at the site.")
    reason = serializers.CharField(
        max_length=2000, required=False, default="", allow_blank=True, help_text="Why; it stays in the audit trail."
    )


class NewMachineSerializer(DescriptionSerializer):
    """A machine that shall be there."""

    machine_id = serializers.CharField(max_length=50, help_text="Its name to the world; it never changes.")
    django_url = serializers.CharField(
        max_length=500, required=False, help_text="This server's address as the machine reaches it."
    )


class MaintenanceSerializer(ReasonSerializer):
    """Whether people work on it."""

    on = serializers.BooleanField(help_text="true: in maintenance, whatever it says of itself.")


def description_tag(machine: VirtualMachine) -> str:
    """Return what stands for what people said of a machine."""
    return tag_of([machine.name, machine.description, machine.tags, machine.line_id, machine.is_active])


def said_of(machine: VirtualMachine, request: Request, status: int = 200) -> Response:
    """Return the machine as it is now."""
    row = machines(request).get(pk=machine.pk)
    return Response(MachineSerializer(row).data, status, headers={"ETag": f'"{description_tag(row)}"'})


def describe(machine: VirtualMachine, said: dict[str, Any], by: User) -> list[str]:
    """Set what somebody said; the row is not saved. Return the names of the fields. Raises BadInput."""
    names: list[str] = [name for name in ("name", "description") if name in said]
    for name in names:
        setattr(machine, name, said[name])
    try:
        if "tags" in said:
            machine.set_tags(said["tags"])
            names.append("tags")
    except ValidationError as problem:
        raise BadInput(problem.messages[0]) from None
    if "site" in said or "line" in said:
        machine.line = _line(said.get("site"), said.get("line"), by)
        names.append("line")
    return names


def _line(site: str | None, line: str | None, by: User) -> Line | None:
    """Return the line somebody names; one they may not know of is not there. Raises BadInput."""
    if site is None and line is None:
        return None
    found = lines_for(by).filter(site__code=site or "", code=line or "").first()
    if found is None:
        raise BadInput(
            _("There is no line %(line)s at the site %(site)s.") % {"line": line or "?", "site": site or "?"}
        )
    return found


def change(request: Request, machine_id: str) -> Response:
    """Describe a machine otherwise, for who knows it as it is."""
    body = DescriptionSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    known = tag_in(request.headers.get("If-Match"))
    with transaction.atomic():
        machine = machine_of(request, machine_id, lock=True)
        if known is not None and known != (now := description_tag(machine)):
            raise StaleTag(now)
        names = describe(machine, body.validated_data, person(request))
        with acting(actor_of(request._request), body.validated_data["reason"]):
            machine.save(update_fields=[*names, "updated_at"])
        if not machines(request).filter(pk=machine.pk).exists():
            raise BadInput(_("There you would not see this machine any more."))
    return said_of(machine, request)


def add(request: Request) -> Response:
    """Add a machine that belongs to who asks."""
    body = NewMachineSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    said = body.validated_data
    if VirtualMachine.objects.filter(machine_id=said["machine_id"]).exists():
        raise BadInput(_("There is a machine of that name already."))
    machine = VirtualMachine(
        machine_id=said["machine_id"],
        name=said.get("name") or said["machine_id"],
        owner=person(request),
        django_url=said.get("django_url") or settings.ADDRESS,
    )
    describe(machine, {name: value for name, value in said.items() if name != "name"}, person(request))
    try:
        with acting(actor_of(request._request), said["reason"]):
            machine.save()
    except ValidationError as problem:
        raise BadInput("; ".join(problem.messages)) from None
    return said_of(machine, request, 201)


class Maintenance(APIView):
    """Whether people work on a machine."""

    @extend_schema(
        operation_id="machine_maintenance", request=MaintenanceSerializer, responses={200: MachineSerializer}
    )
    def post(self, request: Request, machine_id: str) -> Response:
        """Set it, or leave it. Heartbeats do not change that."""
        machine = machine_of(request, machine_id)
        body = MaintenanceSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        machine.maintain(body.validated_data["on"], by=actor_of(request._request), reason=body.validated_data["reason"])
        return said_of(machine, request)


class Retire(APIView):
    """The end of a machine's service."""

    @extend_schema(operation_id="machine_retire", request=ReasonSerializer, responses={200: MachineSerializer})
    def post(self, request: Request, machine_id: str) -> Response:
        """Hide it and close its door; its history stays."""
        return _with_reason(request, machine_id, lambda machine, by, why: machine.retire(by=by, reason=why))


class BringBack(APIView):
    """A retired machine in service again."""

    @extend_schema(operation_id="machine_bring_back", request=ReasonSerializer, responses={200: MachineSerializer})
    def post(self, request: Request, machine_id: str) -> Response:
        """Show it again, standing still. Its computer needs a fresh code."""
        return _with_reason(request, machine_id, lambda machine, by, why: machine.bring_back(by=by, reason=why))


def _with_reason(request: Request, machine_id: str, act: Any) -> Response:
    machine = machine_of(request, machine_id)
    body = ReasonSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    by: Actor = actor_of(request._request)
    act(machine, by, body.validated_data["reason"])
    return said_of(machine, request)
