"""The edge app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EdgeConfig(AppConfig):
    """The door for machines."""

    name = "edge"
    verbose_name = _("Door for machines")
    default_auto_field = "django.db.models.BigAutoField"
