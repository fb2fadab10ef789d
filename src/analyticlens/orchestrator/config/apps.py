"""The config room as an app, so that its checks run at start."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Checks of settings and routes."""

    name = "config"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401  importing registers them
