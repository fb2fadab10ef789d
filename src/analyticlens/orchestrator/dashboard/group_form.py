"""The form of what a group shares: every place of a configuration, empty where each machine has its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext

from analyticlens.protocol.layers import Place, places, tree_of
from api.errors import BadInput
from api.grouping import checked
from dashboard import sentences, words
from dashboard.configuration_words import choice_text, configuration_specs, place_title
from dashboard.fields import field_of
from dashboard.form_parts import FieldPart
from dashboard.param_fields import NumbersField
from dashboard.schema import SEPARATOR, Spec

YES, NO = "yes", "no"
PREFIX = "shared"


@dataclass(frozen=True)
class Section:
    """What belongs together: its title, its usual fields and those folded away."""

    title: str
    usual: list[FieldPart]
    advanced: list[FieldPart]

    @property
    def open(self) -> bool:
        """Whether the folded fields are shown: something is wrong there, or something is shared there."""
        return any(part.bad or part.field.value() not in (None, "") for part in self.advanced)


class SharedForm(forms.Form):
    """What a group shares. After `is_valid`, `shared` is the part in its one form."""

    shared: dict[str, Any]

    def __init__(self, shared: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, prefix=PREFIX, initial=_initial(shared))
        for path, spec in configuration_specs().items():
            self.fields[SEPARATOR.join(path)] = _field(path, spec)
        # An empty text that is shared looks here like one that is not: it stays as it is.
        self._empty = {path: value for path, value in places(shared).items() if value == ""}

    def clean(self) -> dict[str, Any]:
        """Hold all together against the contract."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        said = {path: _said(spec, cleaned.get(SEPARATOR.join(path))) for path, spec in configuration_specs().items()}
        try:
            told = {path: value for path, value in said.items() if value is not None}
            self.shared = checked(tree_of(self._empty | told))
        except BadInput as refused:
            raise forms.ValidationError(sentences.said(str(refused))) from None
        return cleaned

    def sections(self) -> list[Section]:
        """Return the fields in the contract's order, by what they are a part of."""
        found: dict[str, Section] = {}
        for path, spec in configuration_specs().items():
            title = words.schema(spec.group) if len(path) > 1 else gettext("Time limits")
            section = found.setdefault(title, Section(title, [], []))
            bound: BoundField = self[SEPARATOR.join(path)]
            (section.advanced if spec.advanced else section.usual).append(FieldPart(bound))
        return list(found.values())


def _initial(shared: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[Any, str] = {True: YES, False: NO}
    return {
        SEPARATOR.join(path): shown[value] if isinstance(value, bool) else value
        for path, value in places(shared).items()
    }


def _field(path: Place, spec: Spec) -> forms.Field:
    nothing = [("", gettext("each its own"))]
    label = place_title(path)
    about: dict[str, Any] = {"label": label, "help_text": words.schema(spec.help), "required": False}
    if spec.kind == "yes":
        return forms.ChoiceField(choices=[*nothing, (YES, gettext("yes")), (NO, gettext("no"))], **about)
    if spec.kind == "choice":
        return forms.ChoiceField(
            choices=[*nothing, *((str(word), choice_text(path, str(word))) for word in spec.choices)], **about
        )
    if spec.kind == "numbers":
        return NumbersField(**about)
    return field_of(replace(spec, optional=True, group=""))


def _said(spec: Spec, value: Any) -> Any:
    """Return what a field shares; None for an empty one."""
    if value in (None, "", []):
        return None
    if spec.kind == "yes":
        return value == YES
    if spec.kind == "numbers":
        return [int(one) if one == int(one) else one for one in value]
    return value
