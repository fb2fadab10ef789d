"""What REST says of groups of machines, and what it is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from analyticlens.protocol.errors import error_answer
from api.models import GroupVersion, MachineGroup
from api.rest.desired import DifferenceSerializer, changes
from api.rest.fleet import MOST_AT_ONCE, BulkAnswerSerializer
from api.rest.serializers import ReasonSerializer, WhySerializer
from audit.fields import AnyJson
from user.bodies import Closed

if TYPE_CHECKING:
    from analyticlens.protocol.differences import Difference
    from api.grouping import Answer, Forecast, Own, Standing

SHARED = "What its machines share of the configuration, a JSON merge patch over the defaults."
PLACE = "The way there, from the outside in."


class GroupSerializer(serializers.ModelSerializer[MachineGroup]):
    """Machines that share a part of their configuration."""

    site = serializers.CharField(
        source="site.code", read_only=True, default=None, allow_null=True, help_text="Code of its site; null: of all."
    )
    configuration = serializers.DictField(source="shared", read_only=True, help_text=SHARED)
    members = serializers.IntegerField(source="member_count", read_only=True, help_text="How many machines are in it.")
    behind = serializers.IntegerField(
        source="behind_count", read_only=True, help_text="How many of them have not followed its newest version."
    )

    class Meta:
        model = MachineGroup
        fields: tuple[str, ...] = (
            "code",
            "name",
            "description",
            "site",
            "version",
            "configuration",
            "members",
            "behind",
            "created_at",
        )
        read_only_fields = fields
        extra_kwargs = {
            "code": {"help_text": "Its short name: letters, digits, - and _. It never changes."},
            "name": {"help_text": "What people call it."},
            "description": {"help_text": "What it is for."},
            "version": {"help_text": "Number of the newest version of what it shares."},
            "created_at": {"help_text": "When it was made."},
        }


class GroupChangedSerializer(GroupSerializer):
    """A group after a change, with what became of it at each member."""

    results = serializers.SerializerMethodField(help_text="One for each machine that was asked.")

    class Meta(GroupSerializer.Meta):
        fields = (*GroupSerializer.Meta.fields, "results")

    @extend_schema_field(BulkAnswerSerializer(many=True))
    def get_results(self, group: MachineGroup) -> list[dict[str, Any]]:
        """Return what became of it at each member."""
        return answers(self.context["answers"])


class GroupVersionSerializer(serializers.ModelSerializer[GroupVersion]):
    """A version of what a group shares. It never changes."""

    configuration = serializers.DictField(source="shared", read_only=True, help_text=SHARED)

    class Meta:
        model = GroupVersion
        fields: tuple[str, ...] = ("version", "configuration", "author", "reason", "created_at")
        read_only_fields = fields
        extra_kwargs = {
            "version": {"help_text": "1, 2, 3… of this group."},
            "author": {"help_text": "Who shared it."},
            "reason": {"help_text": "Why."},
            "created_at": {"help_text": "When."},
        }


class GroupVersionWithChanges(GroupVersionSerializer):
    """A version of what a group shares, with what it changed."""

    changes = serializers.SerializerMethodField(help_text="What it changed of the version before it, place by place.")

    class Meta(GroupVersionSerializer.Meta):
        fields = (*GroupVersionSerializer.Meta.fields, "changes")

    @extend_schema_field(DifferenceSerializer(many=True))
    def get_changes(self, version: GroupVersion) -> list[dict[str, Any]]:
        """Return what it changed; all of it where it is the first."""
        before = version.group.versions.filter(version=version.version - 1).first()
        return changes(before.shared if before else {}, version.shared)


class AboutGroupSerializer(Closed):
    """What people say of a group; what is not named stays."""

    name = serializers.CharField(max_length=100, required=False, help_text="What people call it.")
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True, help_text="What it is for.")
    site = serializers.CharField(
        max_length=50,
        required=False,
        allow_null=True,
        help_text="Code of the site whose machines alone it may have; null: of all sites.",
    )


class NewGroupSerializer(AboutGroupSerializer):
    """A group that shall be there."""

    code = serializers.RegexField(
        r"^[-a-zA-Z0-9_]{1,50}$", help_text="Its short name: letters, digits, - and _. It never changes."
    )
    configuration = serializers.DictField(required=False, default=dict, help_text=SHARED)
    reason = serializers.CharField(
        max_length=2000, required=False, default="", allow_blank=True, help_text="Why; it stays in the history."
    )


class GroupChangeSerializer(AboutGroupSerializer, WhySerializer):
    """What a group shall be; what is not named stays."""

    configuration = serializers.DictField(
        required=False,
        help_text="A JSON merge patch of what it shares: what it does not name stays, null: the group says nothing of that any more.",
    )


class PreviewSerializer(Closed):
    """What a group might share."""

    configuration = serializers.DictField(
        help_text="As in a change of the group: a JSON merge patch of what it shares."
    )


class OwnSerializer(serializers.Serializer[Any]):
    """A place where a machine has a value of its own."""

    path = serializers.ListField(child=serializers.CharField(), help_text=PLACE)
    group = AnyJson(help_text="The group's value; of what it says nothing, the default.", allow_null=True)
    machine = AnyJson(help_text="The machine's value.", allow_null=True)


class ForecastSerializer(serializers.Serializer[Any]):
    """What a change of its group would change at a machine."""

    machine_id = serializers.CharField(help_text="Which machine.")
    changes = DifferenceSerializer(many=True, help_text="What would change, place by place.")
    keeps = OwnSerializer(many=True, help_text="Changed places it would not follow: there it has a value of its own.")
    problem = serializers.CharField(help_text="Why it would not follow at all; empty where it would.")


class PreviewAnswerSerializer(serializers.Serializer[Any]):
    """What a change of a group would change. Nothing was changed."""

    version = serializers.IntegerField(help_text="The newest version, over which this was reckoned.")
    configuration = serializers.DictField(help_text="What the group would share.")
    changes = DifferenceSerializer(many=True, help_text="What the group would say otherwise, place by place.")
    machines = ForecastSerializer(many=True, help_text="What would change at each member, by machine id.")


class MemberSerializer(serializers.Serializer[Any]):
    """A member beside its group."""

    machine_id = serializers.CharField(help_text="Which machine.")
    name = serializers.CharField(help_text="What people call it.")
    applied = serializers.IntegerField(help_text="The group's version it has.")
    behind = serializers.BooleanField(help_text="True: it has not followed the newest version.")
    problem = serializers.CharField(help_text="Why it cannot follow; empty where nothing is known to be in the way.")
    differs = OwnSerializer(
        many=True, help_text="Where it has a value of its own in place of the group's; it keeps that until it is reset."
    )
    own = OwnSerializer(many=True, help_text="What else is its own: the group says nothing of it.")
    pending = DifferenceSerializer(many=True, help_text="What following the newest version would change.")


class JoinSerializer(ReasonSerializer):
    """Machines that shall be in a group."""

    machines = serializers.ListField(
        child=serializers.CharField(max_length=50), min_length=1, max_length=MOST_AT_ONCE, help_text="The machine ids."
    )
    take = serializers.BooleanField(
        default=False,
        help_text="false: a machine stays as it is, and what differs is its own; true: it takes what the group shares.",
    )


class ReachSerializer(ReasonSerializer):
    """Which members."""

    machines = serializers.ListField(
        child=serializers.CharField(max_length=50),
        required=False,
        max_length=MOST_AT_ONCE,
        help_text="The machine ids; not said: all that it is about.",
    )


class ResetSerializer(ReachSerializer):
    """Where which members shall have the group's values again."""

    places = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(max_length=100), min_length=1, max_length=10),
        required=False,
        min_length=1,
        max_length=200,
        help_text="The places, each the way there from the outside in; not said: wherever the group says something.",
    )


def answers(given: Iterable[Answer]) -> list[dict[str, Any]]:
    """Return what became of an act at each machine, ready to be said."""
    return [_answer(one) for one in given]


def _answer(one: Answer) -> dict[str, Any]:
    said: dict[str, Any] = {"machine_id": one.machine_id, "status": 200, "version": None, "error": None}
    if one.refused is not None:
        return {**said, "status": one.refused.status, **error_answer(one.refused.code, str(one.refused))}
    return {**said, "status": 202, "version": one.version.version} if one.version else said


def unseen(machine_id: str) -> dict[str, Any]:
    """Return what is answered of a machine that is not there."""
    said = {"machine_id": machine_id, "status": 404, "version": None}
    return {**said, **error_answer("not_found", _("There is nothing here."))}


def forecast(one: Forecast) -> dict[str, Any]:
    """Return what would change at a member, ready to be said."""
    return {
        "machine_id": one.machine.machine_id,
        "changes": _differences(one.changes),
        "keeps": _owns(one.keeps),
        "problem": one.problem,
    }


def member(one: Standing) -> dict[str, Any]:
    """Return how a member stands beside its group, ready to be said."""
    return {
        "machine_id": one.machine.machine_id,
        "name": one.machine.name,
        "applied": one.member.applied,
        "behind": one.behind,
        "problem": one.problem,
        "differs": _owns(one.differs),
        "own": _owns(one.own),
        "pending": _differences(one.pending),
    }


def _owns(places: Iterable[Own]) -> list[dict[str, Any]]:
    return [{"path": list(one.path), "group": one.group, "machine": one.machine} for one in places]


def _differences(found: Iterable[Difference]) -> list[dict[str, Any]]:
    return [{"path": list(path), "before": old, "after": new} for path, old, new in found]
