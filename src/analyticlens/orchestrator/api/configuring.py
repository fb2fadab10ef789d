"""A machine's configuration and the columns that are its projection: read here, and written by `write` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from pydantic import ValidationError as NotInContract

from analyticlens.protocol import oldwire, words
from analyticlens.protocol.canonical import canonical_json
from analyticlens.protocol.configuration import Configuration, patched
from analyticlens.protocol.strict import first_error, plain
from api import validators
from api.errors import BadInput

if TYPE_CHECKING:
    from api.models import VirtualMachine

COLUMNS = (
    "source_type",
    "camera_id",
    "resolution_width",
    "resolution_height",
    "fps",
    "folder_path",
    "rtsp_url",
    "trigger_type",
    "trigger_interval_ms",
)
# The interval's column begins here. The contract asks this of the continuous trigger alone: the others only remember an interval.
SHORTEST_MS = 100


def source_config(machine: VirtualMachine) -> dict[str, Any]:
    """Return the source in the seed's words."""
    return {
        "type": machine.source_type,
        "camera_id": machine.camera_id,
        "resolution": [machine.resolution_width, machine.resolution_height],
        "fps": machine.fps,
        "folder_path": machine.folder_path,
        "rtsp_url": machine.rtsp_url,
    }


def from_columns(machine: VirtualMachine) -> Configuration:
    """Return the configuration: what the columns say, and from the JSON what they cannot say.

    Raises ValidationError with one sentence where that is no configuration.
    """
    kept = dict(machine.configuration or {})
    kept["source"] = _over(kept.get("source"), source_config(machine))
    kept["trigger"] = _over(kept.get("trigger"), _trigger_said(kept.get("trigger"), machine))
    try:
        return Configuration.model_validate(kept)
    except NotInContract as error:
        raise ValidationError(first_error(error), "configuration") from None


def _trigger_said(stored: Any, machine: VirtualMachine) -> dict[str, Any]:
    """Return the trigger's columns, with the interval meant: a trigger that does not use it may keep one too short for its column."""
    columns = machine.get_trigger_config()
    interval = stored.get("interval_ms") if isinstance(stored, dict) and stored.get("type") == columns["type"] else None
    if isinstance(interval, int) and max(interval, SHORTEST_MS) == columns["interval_ms"]:
        columns["interval_ms"] = interval
    return columns


def check_inspection(stored: Any) -> None:
    """Raise ValidationError with one sentence unless stored is a JSON object that every reader can read."""
    if not isinstance(stored, dict):
        raise ValidationError(_("The inspection configuration is an object."), "inspection_config")
    try:
        canonical_json(stored)
    except (TypeError, ValueError) as error:
        raise ValidationError(str(error), "inspection_config") from None


def _over(stored: Any, columns: dict[str, Any]) -> dict[str, Any]:
    """Return columns over what is stored. Another type has other fields: of these nothing stays."""
    same = isinstance(stored, dict) and stored.get("type") == columns["type"]
    return {**(stored if same else {}), **columns}


def source_to_try(said: Any) -> dict[str, Any]:
    """Return a source that somebody wants to try, whole. Raises BadInput with one sentence."""
    try:
        source = patched(Configuration(), {"source": said}).source
    except ValueError as error:
        raise BadInput(str(error)) from None
    if source.rtsp_url:
        _check_address(source.rtsp_url)
    return dict(plain(source))


def _check_address(address: str) -> None:
    """Raise BadInput with one sentence unless that is the address of a stream."""
    try:
        validators.check_stream_url(address)
    except ValidationError as error:
        raise BadInput(error.messages[0]) from None


def agree(machine: VirtualMachine, saving: dict[str, Any]) -> None:
    """Bring changed columns into the JSON before a save, and the JSON's name into `update_fields` where a column is named there."""
    names = saving.get("update_fields")
    if names is not None and not {*COLUMNS, "configuration"} & set(names):
        return
    whole = plain(from_columns(machine))
    machine._meta.get_field("trigger_interval_ms").run_validators(machine.trigger_interval_ms)
    if names is not None and whole != machine.configuration:
        saving["update_fields"] = {*names, "configuration"}
    machine.configuration = whole


def write(machine: VirtualMachine, configuration: Configuration) -> list[str]:
    """Set configuration and its projection; return the names of the fields to save. Raises BadInput."""
    source, trigger = configuration.source, configuration.trigger
    if source.rtsp_url:
        _check_address(source.rtsp_url)
    machine.source_type = source.type
    machine.camera_id = source.camera_id
    machine.resolution_width, machine.resolution_height = source.resolution
    machine.fps = source.fps
    machine.folder_path = source.folder_path
    machine.rtsp_url = source.rtsp_url
    machine.trigger_type = trigger.type
    machine.trigger_interval_ms = max(trigger.interval_ms, SHORTEST_MS)
    machine.configuration = plain(configuration)
    return [*COLUMNS, "configuration"]


def full_config(machine: VirtualMachine) -> dict[str, Any]:
    """Return the configuration in the words of the Flask machines."""
    configuration = from_columns(machine)
    inspection = dict(machine.inspection_config)
    if machine.tools.exists():
        inspection["tools"] = oldwire.recipe_to_wire(machine.draft_recipe())
    return {
        "machine_id": machine.machine_id,
        "django_url": machine.django_url,
        "status": words.wire_status(machine.status),  # type: ignore[arg-type]  # the column holds these words alone
        "mode": words.wire_mode(machine.mode),  # type: ignore[arg-type]  # the column holds these words alone
        "connection_status": machine.connection_status,
        "inspection_config": inspection,
        "source_config": oldwire.source_to_wire(configuration.source),
        "trigger_config": oldwire.trigger_to_wire(configuration.trigger),
        "error_msg": machine.error_message,
        "last_saved": machine.updated_at.isoformat() if machine.updated_at else None,
    }
