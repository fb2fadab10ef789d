"""The addresses of the door."""

from __future__ import annotations

from django.urls import path, re_path

from edge import views

app_name = "edge"
urlpatterns = [
    path("edge/v1/enrol", views.enrol, name="enrol"),
    path("edge/v1/authority", views.authority, name="authority"),
    path("edge/v1/token", views.token, name="token"),
    path("edge/v1/heartbeat", views.heartbeat, name="heartbeat"),
    path("edge/v1/heartbeats", views.late_heartbeats, name="late_heartbeats"),
    path("edge/v1/secrets", views.secrets, name="secrets"),
    path("edge/v1/goodbye", views.goodbye, name="goodbye"),
    path("edge/v1/desired", views.desired_state, name="desired"),
    path("edge/v1/batches", views.batches, name="batches"),
    path("edge/v1/quarantine", views.quarantine, name="quarantine"),
    re_path(r"^edge/v1/images/(?P<sha256>[0-9a-f]{64})\Z", views.image, name="image"),
    re_path(r"^edge/v1/blobs/(?P<sha256>[0-9a-f]{64})\Z", views.blob, name="blob"),
    path("edge/v1/live", views.live_frame, name="live"),
    path("edge/v1/commands/<uuid:command_id>", views.command, name="command"),
]
