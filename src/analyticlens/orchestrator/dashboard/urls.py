"""The addresses of the pages. What each asks of a person stands in `config.access`."""

from __future__ import annotations

from django.urls import path

from dashboard import (
    actions,
    control,
    fleet,
    machine,
    mode,
    pictures,
    preferences,
    second_step,
    sign_in_code,
    sso,
    tools,
)

urlpatterns = [
    path("login/", preferences.sign_in, name="login"),
    path("login/code/", sign_in_code.sign_in_code, name="sign_in_code"),
    path("logout/", preferences.sign_out, name="logout"),
    path("sso/", sso.begin, name="sso"),
    path("sso/callback", sso.callback, name="sso_callback"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("settings/second-step/", second_step.second_step, name="second_step"),
    path("settings/second-step/begin", second_step.begin, name="second_step_begin"),
    path("settings/second-step/confirm", second_step.confirm, name="second_step_confirm"),
    path("settings/second-step/codes", second_step.renew, name="second_step_codes"),
    path("settings/second-step/off", second_step.turn_off, name="second_step_off"),
    path("", fleet.fleet, name="fleet"),
    path("fleet/tiles", fleet.tiles, name="fleet_tiles"),
    path("m/<str:machine_id>/", machine.machine, name="machine"),
    path("m/<str:machine_id>/now", machine.now, name="machine_now"),
    path("m/<str:machine_id>/frame.jpg", pictures.frame, name="machine_frame"),
    path("m/<str:machine_id>/pictures/<str:sha256>", pictures.picture, name="machine_picture"),
    path("m/<str:machine_id>/start", actions.start, name="machine_start"),
    path("m/<str:machine_id>/stop", actions.stop, name="machine_stop"),
    path("m/<str:machine_id>/restart", actions.restart, name="machine_restart"),
    path("m/<str:machine_id>/trigger", actions.trigger, name="machine_trigger"),
    path("m/<str:machine_id>/control/take", control.take, name="machine_control_take"),
    path("m/<str:machine_id>/control/keep", control.keep, name="machine_control_keep"),
    path("m/<str:machine_id>/control/give-back", control.give_back, name="machine_control_give_back"),
    path("m/<str:machine_id>/control/break", control.break_it, name="machine_control_break"),
    path("m/<str:machine_id>/mode", mode.change, name="machine_mode"),
    path("m/<str:machine_id>/publish", actions.publish, name="machine_publish"),
    path("m/<str:machine_id>/tools/", tools.listing, name="tools"),
    path("m/<str:machine_id>/tools/add", tools.add, name="tool_add"),
    path("m/<str:machine_id>/tools/<int:number>/", tools.tool, name="tool"),
    path("m/<str:machine_id>/tools/<int:number>/save", tools.save, name="tool_save"),
    path("m/<str:machine_id>/tools/<int:number>/move", tools.move, name="tool_move"),
    path("m/<str:machine_id>/tools/<int:number>/remove", tools.remove, name="tool_remove"),
]
