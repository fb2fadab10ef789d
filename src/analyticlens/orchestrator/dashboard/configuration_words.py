"""The places of a machine's configuration as people know them: how each is called, asked for and printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext, gettext_lazy
from pydantic.fields import FieldInfo

from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.layers import KINDS, Place
from api.models.choices import SOURCE_TYPES, TRIGGER_TYPES
from dashboard import numbers, words
from dashboard.fields import choice_label, column_label
from dashboard.schema import SEPARATOR, Spec, specs, specs_of

# What people call words of the contract that are keys.
LABELS: dict[Place, dict[str, object]] = {
    ("source", "type"): dict(SOURCE_TYPES),
    ("trigger", "type"): dict(TRIGGER_TYPES),
    ("trigger", "signal", "type"): {
        "http": gettext_lazy("HTTP call"),
        "tcp": gettext_lazy("line over TCP"),
        "mqtt": gettext_lazy("MQTT message"),
        "modbus": gettext_lazy("Modbus TCP coil"),
        "gpio": gettext_lazy("input pin (GPIO)"),
        "hardware": gettext_lazy("line of the camera"),
    },
    ("logging", "policy"): {
        "ALL": gettext_lazy("all results"),
        "APPROVED": gettext_lazy("approved results"),
        "REJECTED": gettext_lazy("rejected results"),
    },
}


@lru_cache(maxsize=1)
def configuration_specs() -> dict[Place, Spec]:
    """Return every place of a configuration, of whatever kind its source and trigger are, in the contract's order."""
    return {tuple(spec.name.split(SEPARATOR)): spec for spec in _specs()}


def _specs() -> Iterator[Spec]:
    for place, (common, kinds) in KINDS.items():
        name = SEPARATOR.join(place)
        field = _field_at(place)
        title, about = field.title or name, field.description or ""
        choices = tuple(str(kind.model_fields["type"].default) for kind in kinds)
        yield Spec(
            f"{name}.type", title, title, about, "", "choice", choices, None, False, None, None, True, False, None
        )
        seen: dict[str, Spec] = {}
        for kind in (common, *kinds):
            for spec in specs_of(kind.model_json_schema(), f"{name}{SEPARATOR}"):
                seen.setdefault(spec.name, replace(spec, group=title))
        yield from (spec for spec in seen.values() if tuple(spec.name.split(SEPARATOR)) not in KINDS)
    yield from (spec for spec in specs(Configuration) if (spec.name,) not in KINDS)


def _field_at(place: Place) -> FieldInfo:
    """Return the field of the contract a place is: in whichever kind of what it lies in has it."""
    if len(place) == 1:
        return Configuration.model_fields[place[0]]
    _common, kinds = KINDS[place[:-1]]
    return next(kind.model_fields[place[-1]] for kind in kinds if place[-1] in kind.model_fields)


def place_title(path: Place) -> str:
    """Return what people call a place, without what it is a part of; one that is not known by its own name."""
    spec = configuration_specs().get(path)
    if spec is None:
        return SEPARATOR.join(path)
    return gettext("Kind") if path[-1] == "type" else column_label(spec)


def place_text(path: Place) -> str:
    """Return what people call a place."""
    spec = configuration_specs().get(path)
    if spec is None or not spec.group:
        return place_title(path)
    return f"{words.schema(spec.group)}: {place_title(path)}"


def choice_text(path: Place, word: str) -> str:
    """Return what people call one of the words a place can have."""
    labels = LABELS.get(path, {})
    return str(labels[word]) if word in labels else choice_label(word)


def value_text(path: Place, value: Any) -> str:
    """Print the value of a place."""
    spec = configuration_specs().get(path)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int | float):
        return numbers.text(value)
    if isinstance(value, list):
        return " × ".join(numbers.text(part) if isinstance(part, int | float) else str(part) for part in value)
    if spec is not None and spec.kind == "choice":
        return choice_text(path, str(value))
    return str(value) or gettext("empty")
