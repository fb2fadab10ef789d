"""The places of a machine's configuration as people know them: how each is called, asked for and printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext, gettext_lazy

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
    for name, (common, kinds) in KINDS.items():
        field = Configuration.model_fields[name]
        title, about = field.title or name, field.description or ""
        choices = tuple(str(kind.model_fields["type"].default) for kind in kinds)
        yield Spec(
            f"{name}.type", title, title, about, "", "choice", choices, None, False, None, None, True, False, None
        )
        seen: dict[str, Spec] = {}
        for kind in (common, *kinds):
            for spec in specs_of(kind.model_json_schema(), f"{name}{SEPARATOR}"):
                seen.setdefault(spec.name, replace(spec, group=title))
        yield from seen.values()
    yield from (spec for spec in specs(Configuration) if spec.name not in KINDS)


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
