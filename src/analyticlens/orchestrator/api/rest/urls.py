"""The addresses of machines below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from api.rest import care, control, desired, finding, fleet, groups, looking, plant, trail, views

urlpatterns = [
    path("audit/", trail.Trail.as_view(), name="audit"),
    path("summary/", fleet.Summary.as_view(), name="summary"),
    path("products/", plant.Products.as_view(), name="products"),
    path("products/<slug:code>/", plant.OneProduct.as_view(), name="product"),
    path("shifts/", plant.Shifts.as_view(), name="shifts"),
    path("shifts/<int:pk>/", plant.OneShift.as_view(), name="shift"),
    path("groups/", groups.Groups.as_view(), name="groups"),
    path("groups/<slug:code>/", groups.Group.as_view(), name="group"),
    path("groups/<slug:code>/preview/", groups.Preview.as_view(), name="group_preview"),
    path("groups/<slug:code>/versions/", groups.Versions.as_view(), name="group_versions"),
    path("groups/<slug:code>/versions/<int:version>/", groups.OneVersion.as_view(), name="group_version"),
    path("groups/<slug:code>/versions/<int:version>/revert/", groups.Revert.as_view(), name="group_revert"),
    path("groups/<slug:code>/members/", groups.Members.as_view(), name="group_members"),
    path("groups/<slug:code>/members/<str:machine_id>/", groups.Member.as_view(), name="group_member"),
    path("groups/<slug:code>/reset/", groups.Reset.as_view(), name="group_reset"),
    path("groups/<slug:code>/apply/", groups.Apply.as_view(), name="group_apply"),
    path("acts/", fleet.Bulk.as_view(), name="acts"),
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
    path("machines/<str:machine_id>/commands/<uuid:command_id>/", looking.OneCommand.as_view(), name="command"),
    path("machines/<str:machine_id>/snapshot/", looking.Snapshot.as_view(), name="snapshot"),
    path("machines/<str:machine_id>/source-test/", looking.SourceTest.as_view(), name="source_test"),
    path("machines/<str:machine_id>/discover/", finding.Discover.as_view(), name="discover"),
    path("machines/<str:machine_id>/camera-lookup/", finding.Lookup.as_view(), name="camera_lookup"),
    path("machines/<str:machine_id>/transitions/", views.Transitions.as_view(), name="transitions"),
    path("machines/<str:machine_id>/heartbeats/", views.Heartbeats.as_view(), name="heartbeats"),
    path("machines/<str:machine_id>/start/", views.Start.as_view(), name="start"),
    path("machines/<str:machine_id>/stop/", views.Stop.as_view(), name="stop"),
    path("machines/<str:machine_id>/restart/", views.Restart.as_view(), name="restart"),
    path("machines/<str:machine_id>/maintenance/", care.Maintenance.as_view(), name="maintenance"),
    path("machines/<str:machine_id>/retire/", care.Retire.as_view(), name="retire"),
    path("machines/<str:machine_id>/bring-back/", care.BringBack.as_view(), name="bring_back"),
    path("machines/<str:machine_id>/trigger/", views.Trigger.as_view(), name="trigger"),
    path("machines/<str:machine_id>/control/", control.Control.as_view(), name="control"),
    path("machines/<str:machine_id>/control/break/", control.BreakControl.as_view(), name="control_break"),
]
