"""The fleet over REST: how it is in one look, and one act for many machines with an answer for each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analyticlens.protocol.errors import error_answer
from api.errors import BadInput, Refused
from api.models import VirtualMachine
from api.models.choices import MODES
from api.rest.asking import machines
from api.rest.serializers import ReasonSerializer
from audit import acting
from audit.middleware import actor_of
from user.rest import person

if TYPE_CHECKING:
    from audit import Actor

MOST_AT_ONCE = 1000
ACTS = ("start", "stop", "restart", "set_mode", "tag")
# What is more than running and standing still.
FOR_ENGINEERS = frozenset({"set_mode", "tag"})


class SummarySerializer(serializers.Serializer[Any]):
    """The fleet in one look."""

    machines = serializers.IntegerField(help_text="Machines that are not retired.")
    status = serializers.DictField(child=serializers.IntegerField(), help_text="How many of each status.")
    connection = serializers.DictField(child=serializers.IntegerField(), help_text="How many of each connection.")
    mode = serializers.DictField(child=serializers.IntegerField(), help_text="How many of each mode asked for.")
    applying = serializers.IntegerField(help_text="Machines that do not yet have what was asked last.")
    refused = serializers.IntegerField(help_text="Machines that refused or rolled back what was asked last.")


class Summary(APIView):
    """The fleet in one look."""

    @extend_schema(operation_id="summary", responses={200: SummarySerializer})
    def get(self, request: Request) -> Response:
        """Return how many machines there are of each kind, of those that who asks may see."""
        rows = machines(request).filter(is_active=True)
        counted = ("status", "connection_status", "mode")
        fields = (*counted, "apply_state", "reported_version", "desired_version")
        found = list(rows.values_list(*fields))
        status, connection, mode = (dict(Counter(sorted(row[place] for row in found))) for place in range(len(counted)))
        late = Counter(
            "refused" if state in {"rejected", "rolled_back"} else "applying"
            for *_others, state, reported, asked in found
            if reported < asked or state in {"rejected", "rolled_back"}
        )
        return Response(
            {
                "machines": len(found),
                "status": status,
                "connection": connection,
                "mode": mode,
                "applying": late["applying"],
                "refused": late["refused"],
            }
        )


class BulkSerializer(ReasonSerializer):
    """One act for many machines."""

    act = serializers.ChoiceField(ACTS, help_text="What to do: start, stop, restart, set_mode or tag.")
    machines = serializers.ListField(
        child=serializers.CharField(max_length=50),
        min_length=1,
        max_length=MOST_AT_ONCE,
        help_text="The machine ids.",
    )
    mode = serializers.ChoiceField(MODES, required=False, help_text="Of set_mode: the mode asked for.")
    add = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="Of tag: tags they shall have."
    )
    remove = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="Of tag: tags they shall not have."
    )


class BulkAnswerSerializer(serializers.Serializer[Any]):
    """What became of an act at one machine."""

    machine_id = serializers.CharField(help_text="Which machine.")
    status = serializers.IntegerField(help_text="What the act alone would have been answered: 202, 404, 409…")
    version = serializers.IntegerField(allow_null=True, help_text="The version that asks it, where it was asked.")
    error = serializers.DictField(allow_null=True, help_text="Why not: code, message and details.")


class BulkAnswersSerializer(serializers.Serializer[Any]):
    """What became of an act, machine by machine."""

    results = BulkAnswerSerializer(many=True, help_text="One for each machine, in the order they were named.")


class Bulk(APIView):
    """One act for many machines."""

    @extend_schema(operation_id="machines_act", request=BulkSerializer, responses={200: BulkAnswersSerializer})
    def post(self, request: Request) -> Response:
        """Do it at each machine by itself: one that refuses does not keep the others from it."""
        body = BulkSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        if asked["act"] in FOR_ENGINEERS and not person(request).may("engineer"):
            raise PermissionDenied
        if asked["act"] == "set_mode" and "mode" not in asked:
            raise BadInput(_("Say which mode."))
        names = list(dict.fromkeys(asked["machines"]))
        found = {machine.machine_id: machine for machine in machines(request).filter(machine_id__in=names)}
        by = actor_of(request._request)
        return Response({"results": [_answer(name, found.get(name), asked, by) for name in names]})


def _answer(name: str, machine: VirtualMachine | None, asked: dict[str, Any], by: Actor) -> dict[str, Any]:
    """Do the act at one machine, and return what became of it."""
    said: dict[str, Any] = {"machine_id": name, "status": 202, "version": None, "error": None}
    if machine is None:
        return {**said, "status": 404, **error_answer("not_found", _("There is nothing here."))}
    try:
        said["version"] = _do(machine, asked, by)
    except Refused as refusal:
        return {**said, "status": refusal.status, **error_answer(refusal.code, str(refusal))}
    return said


def _do(machine: VirtualMachine, asked: dict[str, Any], by: Actor) -> int | None:
    """Do the act; return the version that asks it, where it is asked rather than done. Raises Refused."""
    act, reason = asked["act"], asked["reason"].strip() or f"{asked['act']} over REST, with others"
    if act == "tag":
        tagged(machine, [*asked.get("add", ())], [*asked.get("remove", ())], by=by, reason=reason)
        return None
    wishes: dict[str, dict[str, Any]] = {
        "start": {"run_state": "running"},
        "stop": {"run_state": "stopped"},
        "restart": {"restart": True},
        "set_mode": {"mode": asked.get("mode")},
    }
    return machine.want(by=by, reason=reason, **wishes[act]).version


def tagged(machine: VirtualMachine, add: list[str], remove: list[str], *, by: Actor, reason: str) -> None:
    """Give a machine tags and take others from it, whatever others it was given meanwhile. Raises BadInput for a word that is no tag."""
    with transaction.atomic(), acting(by, reason):
        locked = type(machine).objects.select_for_update(no_key=True).get(pk=machine.pk)
        try:
            locked.set_tags([*(tag for tag in locked.tag_list if tag not in remove), *add])
        except ValidationError as problem:
            raise BadInput(problem.messages[0]) from None
        locked.save(update_fields=["tags", "updated_at"])
