"""The configuration and the columns that are its projection say the same, whoever writes."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.strict import plain
from api.errors import BadInput
from api.models import VirtualMachine
from audit import Actor
from tests.rows import make_machine

pytestmark = pytest.mark.django_db
WHOLE = Configuration.model_validate(
    {
        "source": {"type": "pasta", "folder_path": "coins", "resolution": [384, 303], "fps": 5, "camera_id": 3},
        "trigger": {"type": "continuous", "interval_ms": 200, "pace": "frames"},
        "logging": {"enabled": True, "max_logs": 7},
    }
)


def again(machine: VirtualMachine) -> VirtualMachine:
    return VirtualMachine.objects.get(pk=machine.pk)


def test_a_new_machines_columns_are_in_its_configuration() -> None:
    machine = again(make_machine(source_type="pasta", folder_path="parts", fps=12, trigger_type="manual"))
    assert machine.configuration["source"]["folder_path"] == "parts"
    assert machine.configuration["source"]["fps"] == 12
    assert machine.configuration["trigger"]["type"] == "manual"


def test_setting_the_configuration_sets_the_columns() -> None:
    machine = make_machine()
    machine.save(update_fields=machine.set_configuration(WHOLE))
    machine = again(machine)
    assert machine.configuration == plain(WHOLE)
    assert (machine.source_type, machine.folder_path, machine.camera_id, machine.fps) == ("pasta", "coins", 3, 5)
    assert (machine.resolution_width, machine.resolution_height) == (384, 303)
    assert (machine.trigger_type, machine.trigger_interval_ms) == ("continuous", 200)
    assert machine.get_configuration() == WHOLE


def test_a_changed_column_leaves_what_columns_cannot_say() -> None:
    machine = make_machine()
    machine.save(update_fields=machine.set_configuration(WHOLE))
    machine.fps = 9
    machine.save()
    configuration = again(machine).get_configuration()
    assert configuration.source.fps == 9
    assert configuration.trigger == WHOLE.trigger
    assert configuration.logging == WHOLE.logging


def test_saving_one_column_alone_saves_the_configuration_with_it() -> None:
    machine = make_machine()
    machine.fps = 9
    machine.save(update_fields=["fps"])
    assert again(machine).configuration["source"]["fps"] == 9


def test_another_kind_keeps_the_common_fields_only() -> None:
    machine = make_machine()
    machine.save(update_fields=machine.set_configuration(WHOLE))
    machine.trigger_type = "manual"
    machine.save()
    assert again(machine).configuration["trigger"] == {"type": "manual", "interval_ms": 200, "queue": 16}


def test_saving_something_else_leaves_the_configuration_alone() -> None:
    machine = make_machine()
    other = again(machine)
    other.save(update_fields=other.set_configuration(WHOLE))
    machine.name = "renamed"
    machine.save(update_fields=["name"])
    assert again(machine).configuration == plain(WHOLE)


def test_columns_no_machine_could_have_are_refused_in_words() -> None:
    machine = make_machine()
    machine.trigger_interval_ms = 50
    with pytest.raises(ValidationError, match="at least 100 ms"):
        machine.save()


def test_a_column_that_its_form_would_refuse_is_not_saved() -> None:
    machine = make_machine(trigger_type="manual")
    machine.trigger_interval_ms = 50
    with pytest.raises(ValidationError, match="100"):
        machine.save()


def test_a_password_in_the_stream_address_is_refused() -> None:
    machine = make_machine()
    leaking = Configuration.model_validate({"source": {"type": "rtsp", "rtsp_url": "rtsp://u:p@camera/1"}})
    with pytest.raises(BadInput):
        machine.set_configuration(leaking)


def test_an_interval_that_a_machine_only_remembers_does_not_bar_its_form() -> None:
    machine = make_machine()
    asked = Configuration.model_validate({"trigger": {"type": "manual", "interval_ms": 50}})
    machine.want(by=Actor("local", "local:192.0.2.5"), reason="changed at the machine", configuration=asked)
    machine.full_clean()
    machine.name = "Renamed"
    machine.save()
    found = again(machine)
    assert (found.trigger_interval_ms, found.get_configuration().trigger.interval_ms) == (100, 50)
    found.trigger_type = "continuous"
    found.save()
    assert again(machine).get_configuration().trigger.interval_ms == 100
    found.trigger_type, found.trigger_interval_ms = "manual", 250
    found.save()
    assert again(machine).get_configuration().trigger.interval_ms == 250
