"""The form of a machine's configuration: the fields of the kinds that are chosen, and all else a station has.

What another kind of source or trigger would ask is not shown, and is kept: changing the kind and back loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext
from pydantic import ValidationError as NotInContract

from analyticlens.protocol.configuration import Configuration, patched
from analyticlens.protocol.layers import KINDS, Place, tree_of, values_of
from analyticlens.protocol.strict import first_error
from dashboard import numbers, sentences, words
from dashboard.configuration_words import choice_text, configuration_specs, place_title
from dashboard.fields import field_of
from dashboard.form_parts import FieldPart
from dashboard.group_form import Section
from dashboard.param_fields import BETWEEN, NumbersField
from dashboard.schema import SEPARATOR, Spec, specs_of

PREFIX = "station"
# Which boxes the page showed: one that was shown and did not come is not ticked.
SHOWN = "shown"
# What all kinds have because the seed's columns do, and only these use.
USED_BY: dict[str, frozenset[str]] = {
    "camera_id": frozenset({"camera", "picamera2"}),
    "folder_path": frozenset({"pasta"}),
    "rtsp_url": frozenset({"camera_IP", "rtsp"}),
    "fps": frozenset({"camera", "camera_IP", "rtsp", "picamera2", "genicam"}),
    "interval_ms": frozenset({"continuous"}),
}


# What a button of the page sets, not a field.
BY_BUTTON: frozenset[Place] = frozenset({("health", "reference")})


class StationSection(Section):
    """A section of a station's form: what is folded away is shown where something is wrong."""

    @property
    def open(self) -> bool:
        """Whether the folded fields are shown."""
        return any(part.bad for part in self.advanced)


class ConfigurationForm(forms.Form):
    """A configuration to edit. After `is_valid`, `configuration` is what was said, over what was there before.

    `typed` are values of a form that is not judged yet: somebody chose another kind, whose fields are added with their defaults.
    """

    configuration: Configuration

    def __init__(
        self, before: Configuration, data: Mapping[str, Any] | None = None, typed: Mapping[str, Any] | None = None
    ) -> None:
        self.before = before
        self._values = values_of(before)
        self.kinds = _kinds(self._values, data if data is not None else typed)
        self.specs = dict(_specs(self.kinds))
        super().__init__(None if data is None else self._filled(data), prefix=PREFIX, initial=self._initial(typed))
        for path, spec in self.specs.items():
            self.fields[_name(path)] = _field(path, spec)

    def _initial(self, typed: Mapping[str, Any] | None) -> dict[str, Any]:
        said: dict[str, Any] = {}
        shown = set(str(typed.get(SHOWN, "")).split()) if typed is not None else set()
        for path, spec in self.specs.items():
            name, raw = _name(path), None if typed is None else typed.get(f"{PREFIX}-{_name(path)}")
            if path in self.kinds_named:
                said[name] = self.kinds_named[path]
            elif raw is not None:
                said[name] = raw
            elif name in shown:
                said[name] = False
            else:
                said[name] = self._values.get(path, spec.default)
        return said

    def _filled(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was sent, with what the page did not show, since another kind was chosen, as it is or by default."""
        filled = {key: data[key] for key in data}
        shown = set(str(filled.get(SHOWN, "")).split())
        for path, spec in self.specs.items():
            key = f"{PREFIX}-{_name(path)}"
            if key not in filled and _name(path) not in shown:
                value = self.kinds_named.get(path, self._values.get(path, spec.default))
                if value is not False:
                    filled[key] = _typed(value)
        return filled

    @property
    def kinds_named(self) -> dict[Place, str]:
        """The chosen kinds, by the place of their word."""
        return {(*place, "type"): kind for place, kind in self.kinds.items()}

    @property
    def boxes(self) -> str:
        """The names of the boxes to tick that are shown."""
        return " ".join(_name(path) for path, spec in self.specs.items() if spec.kind == "yes")

    def clean(self) -> dict[str, Any]:
        """Hold all together against the contract."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        said = {path: _said(spec, cleaned.get(_name(path))) for path, spec in self.specs.items()}
        try:
            self.configuration = patched(self.before, tree_of(said))
        except NotInContract as problem:
            raise forms.ValidationError(sentences.said(first_error(problem))) from None
        except ValueError as problem:
            raise forms.ValidationError(sentences.said(str(problem))) from None
        return cleaned

    def sections(self) -> list[StationSection]:
        """Return the fields in the contract's order, by what they are a part of."""
        found: dict[str, StationSection] = {}
        for path, spec in self.specs.items():
            title = words.schema(spec.group) if len(path) > 1 else gettext("Time limits")
            section = found.setdefault(title, StationSection(title, [], []))
            (section.advanced if spec.advanced else section.usual).append(FieldPart(self[_name(path)]))
        return list(found.values())


def _name(path: Place) -> str:
    return SEPARATOR.join(path)


def _kinds(values: Mapping[Place, Any], said: Mapping[str, Any] | None) -> dict[Place, str]:
    """Return which kind is chosen of everything that has kinds and is there: what was said, else what is, else the first."""
    chosen: dict[Place, str] = {}
    for place, (_common, kinds) in KINDS.items():
        if len(place) > 1 and place[-1] not in _model(place[:-1], chosen[place[:-1]]).model_fields:
            continue
        names = [str(kind.model_fields["type"].default) for kind in kinds]
        asked = said.get(f"{PREFIX}-{_name((*place, 'type'))}") if said is not None else None
        there = values.get((*place, "type"))
        chosen[place] = next((name for name in (asked, there) if name in names), names[0])
    return chosen


def _model(place: Place, kind: str) -> type[Any]:
    _common, kinds = KINDS[place]
    return next(one for one in kinds if one.model_fields["type"].default == kind)


def _specs(kinds: Mapping[Place, str]) -> Iterator[tuple[Place, Spec]]:
    """Yield the places that are asked for, in the contract's order."""
    known = configuration_specs()
    for place, kind in kinds.items():
        yield (*place, "type"), known[(*place, "type")]
        group = known[(*place, "type")].group
        for spec in specs_of(_model(place, kind).model_json_schema(), f"{_name(place)}{SEPARATOR}"):
            path = tuple(spec.name.split(SEPARATOR))
            inner = any(path[: len(other)] == other for other in KINDS if len(other) > len(place))
            if not inner and kind in USED_BY.get(path[-1], {kind}):
                yield path, replace(spec, group=group)
    yield from ((path, spec) for path, spec in known.items() if path[:1] not in KINDS and path not in BY_BUTTON)


def _field(path: Place, spec: Spec) -> forms.Field:
    about: dict[str, Any] = {"label": place_title(path), "help_text": words.schema(spec.help), "required": False}
    if spec.kind == "choice":
        empty = [("", gettext("none"))] if spec.optional else []
        return forms.ChoiceField(
            choices=[*empty, *((str(word), choice_text(path, str(word))) for word in spec.choices)], **about
        )
    if spec.kind == "numbers":
        return NumbersField(**about)
    field = field_of(replace(spec, group=""))
    field.label = place_title(path)
    return field


def _typed(value: Any) -> str:
    """Return a value as a person would type it."""
    if value is None:
        return ""
    if value is True:
        return "on"
    if isinstance(value, list | tuple):
        return f"{BETWEEN} ".join(map(numbers.field, value))
    return numbers.field(value) if isinstance(value, int | float) else str(value)


def _said(spec: Spec, value: Any) -> Any:
    """Return what a field says; None, the default, for an empty one."""
    if spec.kind == "numbers":
        return [int(one) if one == int(one) else one for one in value] if value else None
    if spec.kind == "choice":
        return value or None
    return value
