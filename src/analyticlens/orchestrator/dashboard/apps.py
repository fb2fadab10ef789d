"""The dashboard as a Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib import admin


class DashboardConfig(AppConfig):
    """Pages, their assets and their words."""

    name = "dashboard"

    def ready(self) -> None:
        """Give Django's admin the product's name."""
        admin.site.site_header = admin.site.site_title = "AnalyticLens"
