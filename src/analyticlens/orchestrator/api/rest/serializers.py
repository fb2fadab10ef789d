"""What REST says of machines. Each field is named here: nothing gets out by being added to a model."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.models import Command, DesiredVersion, Transition, VirtualMachine, VMHeartbeat
from user.bodies import Closed


class SourceSerializer(serializers.Serializer[Any]):
    """Where pictures come from."""

    type = serializers.CharField(help_text="camera, camera_IP, pasta, rtsp, picamera2 or genicam.")
    camera_id = serializers.IntegerField(help_text="Number of a local camera.")
    resolution = serializers.ListField(child=serializers.IntegerField(), help_text="Width and height, in pixels.")
    fps = serializers.IntegerField(help_text="Frames a second.")
    folder_path = serializers.CharField(help_text="Folder of pictures.")
    rtsp_url = serializers.CharField(help_text="Address of a stream, never with a password in it.")


class TriggerSerializer(serializers.Serializer[Any]):
    """What makes it inspect."""

    type = serializers.CharField(help_text="continuous, manual, external or scheduled.")
    interval_ms = serializers.IntegerField(help_text="Time between two continuous triggers, in milliseconds.")


class MachineSerializer(serializers.ModelSerializer[VirtualMachine]):
    """A vision machine: who it is, what was asked of it, and what it says of itself."""

    owner = serializers.CharField(
        source="owner.username", read_only=True, help_text="Name of the person it belongs to."
    )
    site = serializers.CharField(
        source="line.site.code",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="Code of the site it stands at.",
    )
    line = serializers.CharField(
        source="line.code", read_only=True, default=None, allow_null=True, help_text="Code of the line it stands at."
    )
    group = serializers.CharField(
        source="membership.group.code",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="Code of the group it shares a part of its configuration with.",
    )
    tags = serializers.ListField(
        child=serializers.CharField(), source="tag_list", read_only=True, help_text="Words to find it by."
    )
    reported_mode = serializers.CharField(
        read_only=True, help_text="The mode in force, as it says; empty until it is heard."
    )
    source = serializers.SerializerMethodField(help_text="Where pictures come from.")  # type: ignore[assignment]  # every field has a text of that name
    trigger = serializers.SerializerMethodField(help_text="What makes it inspect.")
    desired_version = serializers.IntegerField(
        read_only=True, help_text="Newest version asked of it; 0 where nothing was asked yet."
    )

    class Meta:
        model = VirtualMachine
        fields = (
            "machine_id",
            "name",
            "description",
            "owner",
            "tags",
            "site",
            "line",
            "group",
            "is_active",
            "link_kind",
            "status",
            "connection_status",
            "error_message",
            "last_heartbeat",
            "mode",
            "reported_mode",
            "desired_version",
            "reported_version",
            "apply_state",
            "apply_error",
            "published_recipe",
            "reported_recipe",
            "source",
            "trigger",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields
        extra_kwargs = {
            "machine_id": {"help_text": "Its name to the world."},
            "name": {"help_text": "What people call it."},
            "description": {"help_text": "What it is for."},
            "is_active": {"help_text": "False: retired. Its history stays."},
            "link_kind": {"help_text": "edge: it dials in by itself; legacy: an installed machine, called over HTTP."},
            "status": {"help_text": "What it says it does, or offline after silence, or maintenance set by people."},
            "connection_status": {"help_text": "Whether it is heard."},
            "error_message": {"help_text": "What it says is wrong."},
            "last_heartbeat": {"help_text": "When it was last heard, by this server's clock."},
            "mode": {"help_text": "The mode asked for."},
            "reported_version": {"help_text": "The version in force, as it says."},
            "apply_state": {"help_text": "What became of the newest version asked."},
            "apply_error": {"help_text": "Why it refused or rolled back."},
            "published_recipe": {"help_text": "SHA-256 of the recipe production runs."},
            "reported_recipe": {"help_text": "SHA-256 of the recipe in force, as it says."},
            "created_at": {"help_text": "When it was added."},
            "updated_at": {"help_text": "When it last changed."},
        }

    @extend_schema_field(SourceSerializer)
    def get_source(self, machine: VirtualMachine) -> dict[str, Any]:
        """Return where pictures come from."""
        return machine.get_source_config()

    @extend_schema_field(TriggerSerializer)
    def get_trigger(self, machine: VirtualMachine) -> dict[str, Any]:
        """Return what makes it inspect."""
        return machine.get_trigger_config()


class DesiredSerializer(serializers.ModelSerializer[DesiredVersion]):
    """A version of what was asked of a machine. It never changes."""

    class Meta:
        model = DesiredVersion
        fields: tuple[str, ...] = ("version", "sha256", "body", "author", "reason", "created_at")
        read_only_fields = fields
        extra_kwargs = {
            "version": {"help_text": "1, 2, 3… of this machine."},
            "sha256": {"help_text": "SHA-256 of the body's canonical JSON."},
            "body": {"help_text": "Configuration, run state and its generation, mode, recipe hash."},
            "author": {"help_text": "Who asked."},
            "reason": {"help_text": "Why."},
            "created_at": {"help_text": "When."},
        }


class WhySerializer(Closed):
    """Why it is done; it has to be said."""

    reason = serializers.CharField(max_length=2000, help_text="Why; it stays in the history.")


class ReasonSerializer(Closed):
    """Why something is asked."""

    reason = serializers.CharField(
        max_length=2000, required=False, default="", allow_blank=True, help_text="Why; it stays in the history."
    )


class TriggerActSerializer(Closed):
    """A single inspection asked for."""

    ttl = serializers.FloatField(
        min_value=0.1, max_value=3600, default=10.0, help_text="Seconds after which it is too late for it."
    )


class CommandSerializer(serializers.ModelSerializer[Command]):
    """A one-shot act, and what became of it."""

    class Meta:
        model = Command
        fields = (
            "id",
            "kind",
            "args",
            "state",
            "message",
            "result",
            "author",
            "created_at",
            "expires_at",
            "reported_at",
        )
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "UUID, by which the machine knows it as well."},
            "kind": {"help_text": "trigger, snapshot or clear_error."},
            "args": {"help_text": "What was asked with it."},
            "state": {"help_text": "What became of it; unknown after a crash in the middle of it."},
            "message": {"help_text": "What the machine said of it."},
            "result": {"help_text": "What came of it."},
            "author": {"help_text": "Who asked."},
            "created_at": {"help_text": "When it was asked."},
            "expires_at": {"help_text": "When it is too late for it."},
            "reported_at": {"help_text": "When the machine told of it."},
        }


class TransitionSerializer(serializers.ModelSerializer[Transition]):
    """A change of a machine's state."""

    class Meta:
        model = Transition
        fields = ("id", "at", "old_status", "new_status", "old_connection", "new_connection", "cause", "message")
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "Its number, over all machines."},
            "at": {"help_text": "When, by this server's clock."},
            "old_status": {"help_text": "Status before."},
            "new_status": {"help_text": "Status after."},
            "old_connection": {"help_text": "Connection before."},
            "new_connection": {"help_text": "Connection after."},
            "cause": {"help_text": "heartbeat, silence, goodbye or person."},
            "message": {"help_text": "What was said of it."},
        }


class HeartbeatSerializer(serializers.ModelSerializer[VMHeartbeat]):
    """A sign of life that was kept: one a minute, and every one that changed something."""

    class Meta:
        model = VMHeartbeat
        fields = (
            "id",
            "timestamp",
            "wall",
            "late",
            "status",
            "connection_status",
            "error_message",
            "performance_metrics",
        )
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "Its number, over all machines."},
            "timestamp": {"help_text": "When it came, by this server's clock."},
            "wall": {"help_text": "What the machine's clock said; shown, never trusted."},
            "late": {"help_text": "Handed in after the machine had been cut off; it changed nothing but history."},
            "status": {"help_text": "What the machine said it did."},
            "connection_status": {"help_text": "Its connection then."},
            "error_message": {"help_text": "What it said was wrong."},
            "performance_metrics": {"help_text": "cpu_usage and memory_usage in percent, fps_current, and others."},
        }
