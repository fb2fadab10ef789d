"""Form fields for the contract's values: numbers are text fields read on the server, so that comma and point both work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.utils.translation import gettext, gettext_lazy, pgettext

from dashboard import numbers, words
from dashboard.schema import Spec


class NumberField(forms.CharField):
    """A decimal or whole number written by a person."""

    default_error_messages = {
        "number": gettext_lazy("Write a number."),
        "whole": gettext_lazy("Write a whole number."),
        "low": gettext_lazy("At least {bound}."),
        "above": gettext_lazy("More than {bound}."),
        "high": gettext_lazy("At most {bound}."),
    }

    def __init__(
        self,
        *,
        whole: bool = False,
        low: float | None = None,
        above: bool = False,
        high: float | None = None,
        **kwargs: Any,
    ) -> None:
        mode = "numeric" if whole and (low is None or low >= 0) else "decimal"
        widget = forms.TextInput(attrs={"inputmode": mode, "autocomplete": "off", "size": 8})
        super().__init__(widget=widget, max_length=40, **kwargs)
        self.whole, self.low, self.above, self.high = whole, low, above, high

    def prepare_value(self, value: Any) -> Any:
        """Print a number for the field; what a person typed stays as it was typed."""
        return numbers.field(value) if isinstance(value, int | float) else value

    def to_python(self, value: Any) -> Any:
        """Read the number; None for an empty field."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            number = numbers.read(text)
        except ValueError:
            raise forms.ValidationError(self.error_messages["number"], "number") from None
        if self.whole and number != int(number):
            raise forms.ValidationError(self.error_messages["whole"], "whole")
        return int(number) if self.whole else number

    def validate(self, value: Any) -> None:
        """Hold the number against its bounds."""
        super().validate(value)
        if value is None:
            return
        if self.above and self.low is not None and value <= self.low:
            raise forms.ValidationError(self.error_messages["above"].format(bound=numbers.text(self.low)), "above")
        if self.low is not None and value < self.low:
            raise forms.ValidationError(self.error_messages["low"].format(bound=numbers.text(self.low)), "low")
        if self.high is not None and value > self.high:
            raise forms.ValidationError(self.error_messages["high"].format(bound=numbers.text(self.high)), "high")

    def run_validators(self, value: Any) -> None:
        """CharField's validators are for text."""


# A bound this far off is no help to anyone.
MOST_SAID = 65_535


def choice_label(word: str | int) -> str:
    """Return what people call one of the contract's words; never the raw key."""
    return pgettext("choice", word.replace("_", " ")) if isinstance(word, str) else str(word)


def bounds_text(spec: Spec) -> str:
    """Say between which bounds a number may lie."""
    if spec.low is not None and spec.high is not None and spec.high <= MOST_SAID:
        return gettext("{low} to {high}").format(low=numbers.text(spec.low), high=numbers.text(spec.high))
    return ""


def column_label(spec: Spec) -> str:
    """Return a value's title with its unit."""
    title = words.schema(spec.title)
    return f"{title} ({words.unit(spec.unit)})" if spec.unit else title


def choices_of(field: forms.ChoiceField) -> list[tuple[str, str]]:
    """Return a choice's words with their labels; Django's stubs also know grouped and lazily made choices, which no form here has."""
    return list(cast("Iterable[tuple[str, str]]", field.choices))


def as_cell(field: forms.Field, row: str, column: str) -> forms.Field:
    """Return a field as a cell of a table: its label says row and column; where the heads are not shown, the column alone is."""
    field.label = f"{row}: {column}"
    # The template reads them from the field; Django has no place of its own for such.
    vars(field).update(row=row, column=column)
    return field


# Texts that may be longer than this have the form's whole width.
NARROW = 120


def field_of(spec: Spec) -> forms.Field:
    """Return the form field of a value of the contract."""
    label = column_label(spec)
    if spec.group:
        label = f"{words.schema(spec.group)}: {label}"
    help_text = words.schema(spec.help)
    shared: dict[str, Any] = {"label": label, "help_text": help_text, "required": False}
    match spec.kind:
        case "yes":
            return forms.BooleanField(**shared)
        case "choice":
            empty = [("", gettext("none"))] if spec.optional else []
            return forms.ChoiceField(
                choices=empty + [(str(word), choice_label(word)) for word in spec.choices], **shared
            )
        case "text":
            widget = forms.TextInput(attrs={"class": "wide"} if (spec.longest or 0) > NARROW else {})
            return forms.CharField(max_length=spec.longest, widget=widget, **shared)
    shared["required"] = not spec.optional
    field = NumberField(whole=spec.kind == "whole", low=spec.low, above=spec.above, high=spec.high, **shared)
    if bounds := bounds_text(spec):
        field.help_text = f"{help_text} {gettext('Allowed: {bounds}.').format(bounds=bounds)}"
    return field
