"""The addresses of machines below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from api.rest import desired, views

urlpatterns = [
    path("machines/", views.Machines.as_view(), name="machines"),
    path("machines/<str:machine_id>/", views.Machine.as_view(), name="machine"),
    path("machines/<str:machine_id>/desired/", desired.Desired.as_view(), name="desired"),
    path("machines/<str:machine_id>/desired/versions/", desired.DesiredVersions.as_view(), name="desired_versions"),
    path(
        "machines/<str:machine_id>/desired/versions/<int:version>/",
        desired.OneDesiredVersion.as_view(),
        name="desired_version",
    ),
    path("machines/<str:machine_id>/commands/", views.Commands.as_view(), name="commands"),
    path("machines/<str:machine_id>/transitions/", views.Transitions.as_view(), name="transitions"),
    path("machines/<str:machine_id>/heartbeats/", views.Heartbeats.as_view(), name="heartbeats"),
    path("machines/<str:machine_id>/start/", views.Start.as_view(), name="start"),
    path("machines/<str:machine_id>/stop/", views.Stop.as_view(), name="stop"),
    path("machines/<str:machine_id>/restart/", views.Restart.as_view(), name="restart"),
    path("machines/<str:machine_id>/trigger/", views.Trigger.as_view(), name="trigger"),
]
