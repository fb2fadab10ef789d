"""Source, trigger and logging in the words of the old wire, both ways. A patch is merged into what the machine has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from analyticlens.protocol.configuration import Configuration, Logging, Source, Trigger
from analyticlens.protocol.strict import first_error, plain
from analyticlens.protocol.words import incoming_source, incoming_trigger, wire_source, wire_trigger

_SOURCE: TypeAdapter[Any] = TypeAdapter(Source)
_TRIGGER: TypeAdapter[Any] = TypeAdapter(Trigger)
SOURCE_KEYS = ("type", "camera_id", "resolution", "fps", "folder_path", "rtsp_url")
TRIGGER_KEYS = ("type", "interval_ms")
LOGGING_KEYS = ("enabled", "mode", "max_logs", "policy", "batch_size", "batch_ms")


def source_to_wire(source: Source) -> dict[str, Any]:
    """Return {type, camera_id, resolution [w, h], fps, folder_path, rtsp_url} in the old wire's words."""
    return {**_picked(plain(source), SOURCE_KEYS), "type": wire_source(source.type)}


def source_from_wire(patch: Any, current: Source) -> Source:
    """Return the current source with a patch of the old source object merged in. Raises ValueError with one sentence."""
    wanted = _patch(patch, SOURCE_KEYS)
    kind = incoming_source(_word(wanted.get("type", wire_source(current.type))), current.type)
    kept = _kept(current, kind)
    return _checked(_SOURCE, {**kept, **wanted, "type": kind})  # type: ignore[no-any-return]


def trigger_to_wire(trigger: Trigger) -> dict[str, Any]:
    """Return {type, interval_ms} in the old wire's words."""
    return {"type": wire_trigger(trigger.type), "interval_ms": trigger.interval_ms}


def trigger_from_wire(patch: Any, current: Trigger) -> Trigger:
    """Return the current trigger with a patch of {type, interval_ms} merged in. Raises ValueError with one sentence."""
    wanted = _patch(patch, TRIGGER_KEYS)
    kind = incoming_trigger(_word(wanted.get("type", wire_trigger(current.type))), current.type)
    return _checked(_TRIGGER, {**_kept(current, kind), **wanted, "type": kind})  # type: ignore[no-any-return]


def logging_to_wire(logging: Logging) -> dict[str, Any]:
    """Return {enabled, mode, max_logs, policy, batch_size, batch_ms}."""
    return plain(logging)


def logging_from_wire(patch: Any, current: Logging) -> Logging:
    """Return the current logging with a patch merged in; `buffer_size`, which a read adds, says nothing. ValueError with one sentence."""
    if isinstance(patch, Mapping):
        patch = {key: value for key, value in patch.items() if key != "buffer_size"}
    wanted = _patch(patch, LOGGING_KEYS)
    return _checked(TypeAdapter(Logging), {**plain(current), **wanted})  # type: ignore[no-any-return]


def configuration_from_wire(wire: Mapping[str, Any], current: Configuration) -> Configuration:
    """Return the current configuration with an old `vm_config.json` merged in: `source_config`, `trigger_config`, `logging`.

    `logging_config`, the name that the status object uses, is taken too. Raises ValueError with one sentence.
    """
    logging = wire.get("logging", wire.get("logging_config", {}))
    return current.model_copy(
        update={
            "source": source_from_wire(wire.get("source_config", {}), current.source),
            "trigger": trigger_from_wire(wire.get("trigger_config", {}), current.trigger),
            "logging": logging_from_wire(logging, current.logging),
        }
    )


def _patch(patch: Any, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(patch, Mapping):
        raise ValueError("a configuration is an object")
    for key in patch:
        if key not in known:
            raise ValueError(f"unknown key {key!r}")
    return dict(patch)


def _kept(current: Any, kind: str) -> dict[str, Any]:
    """Return what stays of the current object: all of it while the kind stays, else what every kind has."""
    if current.type == kind:
        return plain(current)
    shared = SOURCE_KEYS if hasattr(current, "camera_id") else TRIGGER_KEYS
    return _picked(plain(current), shared)


def _picked(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names}


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a type is a word, not {value!r}")
    return value


def _checked(adapter: TypeAdapter[Any], value: dict[str, Any]) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise ValueError(first_error(error).removeprefix(f"{value.get('type')}.")) from None
