"""The recipes app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecipesConfig(AppConfig):
    """Versions, publishing."""

    name = "recipes"
    verbose_name = _("Recipes")

    def ready(self) -> None:
        """Have versions leave entries."""
        from audit.models import track
        from recipes.models import Blob, RecipeVersion

        track(RecipeVersion)
        track(Blob)
