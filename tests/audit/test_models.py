"""Every table is either written by people, with entries, or holds facts: a new one has to say which."""

from __future__ import annotations

from auditlog.registry import auditlog
from django.apps import apps

from audit.models import Audited

ROOMS = {"audit", "user", "api", "recipes", "results", "edge", "dashboard"}
# Records themselves: nobody writes these by hand.
FACTS = {
    "audit.auditentry",
    "audit.audithead",
    "api.vmheartbeat",
    "api.transition",
    "api.liveevent",
    "api.instance",
    "api.keptanswer",
    "api.controllease",
    "edge.twin",
    "results.machineepoch",
    "results.inspectionresult",
    "results.machineevent",
    "results.quarantined",
    "results.ingestconflict",
    "results.storedpicture",
    "results.recentresults",
    "results.resultcount",
}
# Secrets: their acts are told by name, their rows by nobody.
TOLD_BY_NAME = {"edge.machinetoken", "edge.enrolmentcode", "edge.machinesecret", "user.appkey"}


def test_every_table_has_decided() -> None:
    tables = {model._meta.label_lower: model for model in apps.get_models() if model._meta.app_label in ROOMS}
    tracked = {label for label, model in tables.items() if auditlog.contains(model)}
    assert tracked == set(tables) - FACTS - TOLD_BY_NAME
    assert tracked >= {"api.virtualmachine", "api.vminspectiontool", "user.user", "recipes.recipeversion"}


def test_what_is_tracked_is_written_together_with_its_entry() -> None:
    tracked = [model for model in apps.get_models() if auditlog.contains(model)]
    assert [model for model in tracked if not issubclass(model, Audited)] == []
