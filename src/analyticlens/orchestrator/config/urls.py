"""The routes of all rooms, joined. What each of them asks of a person stands in `config.access`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

handler404 = "config.rest.missing"
handler500 = "config.rest.broken"
urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("config.rest_urls")),
    path("", include("edge.urls")),
    path("", include("dashboard.urls")),
]
