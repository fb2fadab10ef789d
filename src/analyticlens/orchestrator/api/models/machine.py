"""A vision machine: who it is, what people set, what it said of itself.

Its columns fall in two halves. People write the first (through `want`, `set_configuration` and the admin); a machine's heartbeats write
the second (`status` to `reported`). The two are never shown one as the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.heartbeat import Goodbye, Heartbeat
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.words import Mode, RunState
from api import asking, configuring, receiving, tooling, validators
from api.models import choices
from api.models.command import Command
from api.models.desired import DesiredVersion
from audit import Actor
from audit.models import Audited


class VirtualMachine(Audited):
    """One vision machine. `machine_id` is its name to the world."""

    machine_id = models.CharField(_("machine ID"), max_length=50, unique=True, validators=[validators.check_machine_id])
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="machines", verbose_name=_("owner")
    )
    line = models.ForeignKey(
        "user.Line", models.PROTECT, null=True, blank=True, related_name="machines", verbose_name=_("line")
    )
    # Words with a space about each, so that one is found by its own spaces.
    tags = models.CharField(_("tags"), max_length=1000, blank=True, validators=[validators.check_tags])
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Off: retired. Its history stays."))
    link_kind = models.CharField(_("link"), max_length=10, choices=choices.LINK_KINDS, default="edge")

    django_url = models.CharField(_("orchestrator address"), max_length=500, validators=[validators.check_django_url])
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    port = models.PositiveIntegerField(
        _("port"), default=5000, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )

    # The seed's columns of the configuration: a projection of `configuration`, which says more than they can.
    source_type = models.CharField(_("source"), max_length=20, choices=choices.SOURCE_TYPES, default="camera")
    camera_id = models.PositiveIntegerField(_("camera number"), default=0)
    resolution_width = models.PositiveIntegerField(_("width"), default=752, validators=[MinValueValidator(1)])
    resolution_height = models.PositiveIntegerField(_("height"), default=480, validators=[MinValueValidator(1)])
    fps = models.PositiveIntegerField(
        _("frames a second"), default=30, validators=[MinValueValidator(1), MaxValueValidator(120)]
    )
    folder_path = models.CharField(_("picture folder"), max_length=1000, blank=True)
    rtsp_url = models.CharField(
        _("stream address"), max_length=1000, blank=True, validators=[validators.check_stream_url]
    )
    trigger_type = models.CharField(_("trigger"), max_length=20, choices=choices.TRIGGER_TYPES, default="continuous")
    trigger_interval_ms = models.PositiveIntegerField(
        _("trigger interval (ms)"), default=1000, validators=[MinValueValidator(configuring.SHORTEST_MS)]
    )
    configuration = models.JSONField(_("configuration"), default=dict, blank=True, editable=False)

    inspection_config = models.JSONField(_("inspection configuration"), default=dict, blank=True)
    mode = models.CharField(_("mode"), max_length=20, choices=choices.MODES, default="TESTE")
    published_recipe = models.CharField(_("published recipe"), max_length=64, blank=True, editable=False)

    # What the machine says, or its silence. Written by conditional UPDATEs in `api.receiving` and `api.silence` alone.
    status = models.CharField(_("status"), max_length=20, choices=choices.STATUSES, default="stopped")
    connection_status = models.CharField(
        _("connection"), max_length=20, choices=choices.CONNECTION_STATUSES, default="disconnected"
    )
    error_message = models.TextField(_("error message"), blank=True)
    last_heartbeat = models.DateTimeField(_("last heartbeat"), null=True, blank=True)
    last_sample = models.DateTimeField(null=True, blank=True, editable=False)
    left_at = models.DateTimeField(_("said goodbye"), null=True, blank=True, editable=False)
    epoch = models.CharField(max_length=32, blank=True, editable=False)
    epoch_no = models.PositiveBigIntegerField(default=0, editable=False)
    hb_seq = models.PositiveBigIntegerField(default=0, editable=False)
    stale_heartbeats = models.PositiveBigIntegerField(_("late heartbeats"), default=0, editable=False)
    reported_mode = models.CharField(
        _("mode in force"), max_length=20, choices=choices.MODES, blank=True, editable=False
    )
    reported_version = models.PositiveBigIntegerField(_("version in force"), default=0, editable=False)
    reported_recipe = models.CharField(_("recipe in force"), max_length=64, blank=True, editable=False)
    apply_state = models.CharField(
        _("applying"), max_length=20, choices=choices.APPLY_STATES, default="none", editable=False
    )
    apply_error = models.TextField(_("refused because"), blank=True, editable=False)
    reported = models.JSONField(_("newest report"), default=dict, blank=True, editable=False)

    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["machine_id"]
        verbose_name = _("vision machine")
        verbose_name_plural = _("vision machines")
        indexes = [models.Index(fields=["connection_status", "last_heartbeat"], name="machine_silent")]

    def __str__(self) -> str:
        return f"{self.machine_id} ({self.name})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row; changed columns of the configuration are brought into `configuration` first.

        Raises ValidationError with one sentence for values no machine could have.
        """
        if self._state.adding:
            self.clean_fields(exclude={"owner"})
            configuring.check_inspection(self.inspection_config)
        elif kwargs.get("update_fields") is None:
            kwargs["update_fields"] = self._own_fields()
        configuring.agree(self, kwargs)
        super().save(*args, **kwargs)
        self.remember_living()

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> VirtualMachine:
        """Read a row, and remember what it said of itself."""
        machine = super().from_db(*args, **kwargs)
        machine.remember_living()
        return machine

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read the row anew, and remember what it says of itself."""
        super().refresh_from_db(*args, **kwargs)
        self.remember_living()

    def remember_living(self) -> None:
        """Remember the living columns as they are: a save leaves those alone that nobody changed on this object since."""
        self._living = {name: self.__dict__[name] for name in receiving.LIVING if name in self.__dict__}

    def _own_fields(self) -> set[str]:
        """Return the fields a whole save writes: else it would undo the heartbeats that came since this row was read."""
        untouched = {name for name, value in self._living.items() if getattr(self, name) == value}
        loaded = {field.name for field in self._meta.concrete_fields if field.attname in self.__dict__}
        return loaded - untouched - {"id"}

    def clean(self) -> None:
        """Refuse a configuration no machine could have."""
        configuring.from_columns(self)
        configuring.check_inspection(self.inspection_config)

    # What it is

    def is_connected(self) -> bool:
        """Return whether the machine is connected; the watcher keeps this true."""
        return self.connection_status == "connected"

    def is_running(self) -> bool:
        """Return whether the machine inspects."""
        return self.status == "running"

    def can_start(self) -> bool:
        """Return whether a start is possible now: stopped or in error, and connected."""
        return self.status in {"stopped", "error"} and self.is_connected()

    def can_stop(self) -> bool:
        """Return whether there is something to stop."""
        return self.status == "running"

    def can_restart(self) -> bool:
        """Return whether a restart is possible now: running or in error, and connected."""
        return self.status in {"running", "error"} and self.is_connected()

    @property
    def tag_list(self) -> list[str]:
        """Its tags, in their order."""
        return self.tags.split()

    def set_tags(self, tags: Iterable[str]) -> None:
        """Set the tags, each once and in order; the row is not saved. Raises ValidationError for a word that is none."""
        words = sorted(set(tags))
        if any(" " in word or not word for word in words):
            validators.check_tags("?")
        self.tags = f" {' '.join(words)} " if words else ""
        validators.check_tags(self.tags)

    @property
    def topic(self) -> str:
        """Where the live bus tells of this machine."""
        return f"machine:{self.machine_id}"

    # Its configuration

    def get_resolution_display(self) -> str:
        """Return the resolution for people: "752x480"."""
        return f"{self.resolution_width}x{self.resolution_height}"

    def get_source_config(self) -> dict[str, Any]:
        """Return {type, camera_id, resolution [w, h], fps, folder_path, rtsp_url}."""
        return configuring.source_config(self)

    def get_trigger_config(self) -> dict[str, Any]:
        """Return {type, interval_ms}."""
        return {"type": self.trigger_type, "interval_ms": self.trigger_interval_ms}

    def get_full_config(self) -> dict[str, Any]:
        """Return everything in the words of the installed Flask machines, the active tools compiled among it.

        Raises BadInput where the tools make no recipe.
        """
        return configuring.full_config(self)

    def get_configuration(self) -> Configuration:
        """Return the whole configuration as the contract's model."""
        return configuring.from_columns(self)

    def set_configuration(self, configuration: Configuration) -> list[str]:
        """Set the whole configuration and the columns it projects to; return the names of the fields to save.

        Raises BadInput for an address with a user name or password in it.
        """
        return configuring.write(self, configuration)

    # Its tools

    def draft_recipe(self) -> Recipe:
        """Return what the active tools make (without rows: the tools in `inspection_config`). Raises BadInput with one sentence."""
        return tooling.draft_recipe(self)

    def set_tools(self, recipe: Recipe, *, by: Actor, reason: str) -> None:
        """Make the active tool rows say what recipe says; parked ones stay."""
        tooling.set_tools(self, recipe, by=by, reason=reason)

    def take_full_config(self, config: dict[str, Any], *, by: Actor, reason: str) -> DesiredVersion:
        """Read in an installed machine's configuration: its source and trigger become asked for, its tools become rows."""
        return tooling.take_full_config(self, config, by=by, reason=reason)

    # What people ask of it

    def desired(self) -> DesiredVersion | None:
        """Return the newest version asked for, or None when nothing was asked yet."""
        return self.desired_versions.order_by("-version").first()

    def want(
        self,
        *,
        by: Actor,
        reason: str,
        if_version: int | None = None,
        run_state: RunState | None = None,
        restart: bool = False,
        mode: Mode | None = None,
        configuration: Configuration | None = None,
        recipe_sha256: str | None = None,
    ) -> DesiredVersion:
        """Ask the machine to be something; what is not named stays. Return the version that asks it.

        Raises StaleVersion when `if_version` is not the newest, NotNow where that is not possible now, BadInput.
        """
        wish = asking.Wish(run_state, restart, mode, configuration, recipe_sha256)
        return asking.want(self, wish, by=by, reason=reason, if_version=if_version)

    def command(self, kind: str, by: Actor, args: dict[str, Any] | None = None, ttl: float = 10.0) -> Command:
        """Ask for a one-shot act within ttl seconds. Raises NotNow, BadInput."""
        return asking.command(self, kind, by=by, args=args or {}, ttl=ttl)

    def maintain(self, on: bool, *, by: Actor, reason: str) -> None:
        """Put the machine into maintenance, or take it out; heartbeats do not change that."""
        asking.maintain(self, on, by=by, reason=reason)

    def retire(self, *, by: Actor, reason: str) -> None:
        """Retire the machine: hidden, its door closed, no alerts; its history stays."""
        asking.retire(self, by=by, reason=reason)

    def bring_back(self, *, by: Actor, reason: str) -> None:
        """Bring a retired machine back: seen again, with its history. Its old tokens stay dead; a fresh code opens its door."""
        asking.bring_back(self, by=by, reason=reason)

    # What it says

    def receive_heartbeat(self, heartbeat: Heartbeat) -> bool:
        """Take a heartbeat; False, and nothing changed, when a newer one was taken before."""
        return receiving.receive_heartbeat(self, heartbeat)

    def receive_goodbye(self, goodbye: Goodbye) -> bool:
        """Take a planned leave; False, and nothing changed, when a newer message was taken before."""
        return receiving.receive_goodbye(self, goodbye)
