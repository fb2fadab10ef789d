"""The addresses of the pages. What each asks of a person stands in `config.access`."""

from __future__ import annotations

from django.urls import path

from dashboard import actions, fleet, groups, machine, mode, pictures, preferences, tools

urlpatterns = [
    path("login/", preferences.sign_in, name="login"),
    path("logout/", preferences.sign_out, name="logout"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("", fleet.fleet, name="fleet"),
    path("fleet/tiles", fleet.tiles, name="fleet_tiles"),
    path("groups/", groups.listing, name="groups"),
    path("groups/add", groups.add, name="group_add"),
    path("groups/<slug:code>/", groups.group, name="group"),
    path("groups/<slug:code>/describe", groups.describe, name="group_describe"),
    path("groups/<slug:code>/remove", groups.remove, name="group_remove"),
    path("groups/<slug:code>/shared", groups.edit, name="group_edit"),
    path("groups/<slug:code>/versions/<int:version>", groups.revert, name="group_revert"),
    path("groups/<slug:code>/join", groups.join, name="group_join"),
    path("groups/<slug:code>/members/<str:machine_id>/leave", groups.leave, name="group_leave"),
    path("groups/<slug:code>/reset", groups.reset, name="group_reset"),
    path("groups/<slug:code>/apply", groups.apply, name="group_apply"),
    path("m/<str:machine_id>/", machine.machine, name="machine"),
    path("m/<str:machine_id>/now", machine.now, name="machine_now"),
    path("m/<str:machine_id>/frame.jpg", pictures.frame, name="machine_frame"),
    path("m/<str:machine_id>/pictures/<str:sha256>", pictures.picture, name="machine_picture"),
    path("m/<str:machine_id>/start", actions.start, name="machine_start"),
    path("m/<str:machine_id>/stop", actions.stop, name="machine_stop"),
    path("m/<str:machine_id>/restart", actions.restart, name="machine_restart"),
    path("m/<str:machine_id>/trigger", actions.trigger, name="machine_trigger"),
    path("m/<str:machine_id>/mode", mode.change, name="machine_mode"),
    path("m/<str:machine_id>/publish", actions.publish, name="machine_publish"),
    path("m/<str:machine_id>/tools/", tools.listing, name="tools"),
    path("m/<str:machine_id>/tools/add", tools.add, name="tool_add"),
    path("m/<str:machine_id>/tools/<int:number>/", tools.tool, name="tool"),
    path("m/<str:machine_id>/tools/<int:number>/save", tools.save, name="tool_save"),
    path("m/<str:machine_id>/tools/<int:number>/move", tools.move, name="tool_move"),
    path("m/<str:machine_id>/tools/<int:number>/remove", tools.remove, name="tool_remove"),
]
