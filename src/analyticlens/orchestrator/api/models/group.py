"""Groups of machines: a part of the configuration they share in numbered versions, and what each member has of its own."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from api import clock
from audit.models import Audited


class MachineGroup(Audited):
    """Machines that share a part of their configuration. `shared` is what its newest version says."""

    code = models.SlugField(_("code"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    site = models.ForeignKey(
        "user.Site",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="machine_groups",
        verbose_name=_("site"),
        help_text=_("Machines of this site alone; empty: of all sites."),
    )
    version = models.PositiveBigIntegerField(_("version"), default=0)
    shared = models.JSONField(_("shared configuration"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), default=clock.wall)

    class Meta:
        verbose_name = _("group of machines")
        verbose_name_plural = _("groups of machines")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class GroupVersion(Audited):
    """Version n of what a group shares: a merge patch over the defaults."""

    group = models.ForeignKey(MachineGroup, models.CASCADE, related_name="versions", verbose_name=_("group"))
    version = models.PositiveBigIntegerField(_("version"))
    shared = models.JSONField(_("shared configuration"), default=dict, blank=True)
    author = models.CharField(_("author"), max_length=200)
    reason = models.CharField(_("reason"), max_length=2000, blank=True)
    created_at = models.DateTimeField(_("when"), default=clock.wall)

    class Meta:
        verbose_name = _("version of a group")
        verbose_name_plural = _("versions of groups")
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["group", "version"], name="group_version_once")]

    def __str__(self) -> str:
        return f"{self.group.code} {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new version; one that exists is history and raises TypeError."""
        if not self._state.adding:
            raise TypeError("a group's version never changes; share the next one")
        super().save(*args, **kwargs)


class GroupMember(Audited):
    """A machine in the group it belongs to: the version it has, and what is its own over that, a merge patch."""

    machine = models.OneToOneField(
        "api.VirtualMachine", models.CASCADE, related_name="membership", verbose_name=_("machine")
    )
    group = models.ForeignKey(MachineGroup, models.PROTECT, related_name="members", verbose_name=_("group"))
    applied = models.PositiveBigIntegerField(_("version it has"))
    overrides = models.JSONField(_("its own"), default=dict, blank=True)
    joined_at = models.DateTimeField(_("joined"), default=clock.wall)

    class Meta:
        verbose_name = _("member of a group")
        verbose_name_plural = _("members of groups")
        ordering = ["machine__machine_id"]

    def __str__(self) -> str:
        return f"{self.group.code}: {self.machine.machine_id}"
