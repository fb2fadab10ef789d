"""A recipe version: what a machine looks for, as canonical JSON that never changes."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage
from django.db import models
from django.utils.translation import gettext_lazy as _

from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.recipe import Recipe
from api import clock
from audit.models import Audited
from recipes.content import spread

ORIGINS = [("published", _("Published")), ("local", _("Changed at the machine")), ("draft", _("Development"))]


class RecipeVersion(Audited):
    """Version `number` of a machine's recipe: 1, 2, 3… without gaps. The same recipe published again is another version of it."""

    machine = models.ForeignKey(
        "api.VirtualMachine", models.PROTECT, related_name="recipe_versions", verbose_name=_("machine")
    )
    number = models.PositiveIntegerField(_("number"))
    canonical = models.TextField(_("canonical JSON"))
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True)
    origin = models.CharField(_("origin"), max_length=10, choices=ORIGINS, default="published")
    author = models.CharField(_("author"), max_length=200)
    reason = models.CharField(_("reason"), max_length=2000)
    created_at = models.DateTimeField(_("when"), default=clock.wall)

    class Meta:
        ordering = ["machine", "-number"]
        verbose_name = _("recipe version")
        verbose_name_plural = _("recipe versions")
        constraints = [models.UniqueConstraint(fields=["machine", "number"], name="recipe_number_once")]

    def __str__(self) -> str:
        return f"{self.machine.machine_id} {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new version; one that exists never changes and raises TypeError."""
        if not self._state.adding:
            raise TypeError("a recipe version never changes; publish the next one")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: verdicts name this version for ever. Raises TypeError."""
        raise TypeError("a recipe version is never deleted")

    @property
    def recipe(self) -> Recipe:
        """The recipe as the contract's model."""
        return Recipe.model_validate(strict_loads(self.canonical))


class Blob(Audited):
    """What a recipe names by its SHA-256: a taught template, a golden picture, a model.

    It never changes; recipes of any machine may name it.
    """

    sha256 = models.CharField("SHA-256", max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=200)
    mime = models.CharField(_("kind"), max_length=40)
    size = models.BigIntegerField(_("size"))
    author = models.CharField(_("author"), max_length=200)
    created_at = models.DateTimeField(_("when"), default=clock.wall)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("recipe file")
        verbose_name_plural = _("recipe files")

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:12]})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new one; one that exists never changes and raises TypeError."""
        if not self._state.adding:
            raise TypeError("a recipe file never changes; recipes name it by its content")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: recipe versions name it for ever. Raises TypeError."""
        raise TypeError("a recipe file is never deleted")

    @property
    def path(self) -> str:
        """Its name in the storage."""
        return spread("blobs", self.sha256)

    def is_there(self) -> bool:
        """Return whether the storage still has the file, whole."""
        return default_storage.exists(self.path) and default_storage.size(self.path) == self.size
