"""The names, fields and choices of the specification."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import models

from api.models import VirtualMachine, VMHeartbeat, VMInspectionTool

FIELDS = {
    VirtualMachine: (
        "machine_id name description owner status mode connection_status is_active django_url ip_address port source_type camera_id"
        " resolution_width resolution_height fps folder_path rtsp_url trigger_type trigger_interval_ms inspection_config created_at"
        " updated_at last_heartbeat error_message"
    ),
    VMInspectionTool: "name tool_type method tool_config roi_config inspec_pass_fail normalize virtual_machine",
    VMHeartbeat: "virtual_machine timestamp status connection_status error_message performance_metrics",
}
CHOICES = [
    (VirtualMachine, "status", "stopped running error maintenance offline"),
    (VirtualMachine, "mode", "PRODUCAO TESTE DESENVOLVIMENTO"),
    (VirtualMachine, "connection_status", "connected disconnected connecting error"),
    (VirtualMachine, "source_type", "camera camera_IP pasta rtsp picamera2 genicam"),
    (VirtualMachine, "trigger_type", "continuous manual external scheduled"),
    (VMInspectionTool, "tool_type", "grayscale blob math custom"),
    (VMInspectionTool, "method", "luminance threshold edge_detection pattern_matching"),
    (VMHeartbeat, "status", "stopped running error maintenance offline"),
    (VMHeartbeat, "connection_status", "connected disconnected connecting error"),
]


@pytest.mark.parametrize("model", list(FIELDS))
def test_fields(model: type[models.Model]) -> None:
    assert set(FIELDS[model].split()) <= {field.name for field in model._meta.get_fields()}


@pytest.mark.parametrize(("model", "field", "words"), CHOICES)
def test_choices(model: type[models.Model], field: str, words: str) -> None:
    choices = [value for value, _title in model._meta.get_field(field).choices]  # type: ignore[union-attr]
    assert choices[: len(words.split())] == words.split()


@pytest.mark.parametrize("model", list(FIELDS))
def test_everything_is_in_the_admin(model: type[models.Model]) -> None:
    assert admin.site.is_registered(model)


def test_every_kind_of_tool_that_is_built_can_be_a_row() -> None:
    from analyticlens.protocol.tools import TOOL_CLASSES

    choices = {value for value, _title in VMInspectionTool._meta.get_field("tool_type").choices}  # type: ignore[union-attr]
    assert set(TOOL_CLASSES) <= choices
