"""The config room as an app, so that its checks run at start; and Django's admin, with our way in."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class ConfigConfig(AppConfig):
    """Checks of settings and routes."""

    name = "config"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401  importing registers them


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin, whose sign-in is the one of the pages."""

    default_site = "config.admin_site.AdminSite"
    # This module's own app is the one above.
    default = False
