"""Form fields of a tool's parameters, made from their specs: single values, tables, several numbers, stored files, other tools."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from analyticlens.protocol.tools import Tool
from dashboard import numbers, words
from dashboard.fields import as_cell, choice_label, choices_of, column_label, field_of
from dashboard.measures import measures_of
from dashboard.schema import SEPARATOR, Spec
from recipes.models import Blob

# Empty rows that stand below a table's filled ones.
SPARE_ROWS = 2
# A table that may have any number of rows is shown with at most so many.
MOST_ROWS = 64
# Stored files one can choose from: the newest.
LISTED_FILES = 100
# A choice of more of a tool's measures than this is a choice among its measures.
FEWEST_MEASURES = 2
BETWEEN = ";"
UPLOAD = "upload"


class NumbersField(forms.CharField):
    """Several numbers in one line, with semicolons between them, since a comma may be a decimal mark."""

    def prepare_value(self, value: Any) -> Any:
        """Print the numbers; what a person typed stays as it was typed."""
        return f"{BETWEEN} ".join(map(numbers.field, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        """Read the numbers; none for an empty field."""
        text = super().to_python(value)
        try:
            return [numbers.read(part) for part in text.split(BETWEEN)] if text else []
        except ValueError:
            raise forms.ValidationError(gettext("Write numbers with semicolons between them."), "numbers") from None


class TextsField(forms.CharField):
    """Several texts, one a line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 3}), **kwargs)
        self.help_text = f"{self.help_text} {gettext('One a line.')}"

    def prepare_value(self, value: Any) -> Any:
        """Print the texts; what a person typed stays as it was typed."""
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        """Read the texts; none for an empty field."""
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]


class JsonField(forms.CharField):
    """A value no plain field is made for, as JSON."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Print the value, an empty one as nothing; what a person typed stays as it was typed."""
        if isinstance(value, str) or value in (None, [], (), {}):
            return value or ""
        return json.dumps(value, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        """Read the value; None for an empty field."""
        text = super().to_python(value)
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(gettext("This is no JSON: {why}").format(why=error), "json") from None


def row_count(spec: Spec, data: Mapping[str, Any] | None, initial: Mapping[str, Any]) -> int:
    """Return how many rows of a table are shown: those with something in them and some empty ones."""
    head = f"params.{spec.name}{SEPARATOR}"
    known = data if data is not None else initial
    used = [
        int(place) for name in known if name.startswith(head) and (place := name[len(head) :].split(".")[0]).isdigit()
    ]
    spare = 0 if data is not None else SPARE_ROWS
    return min(max(used, default=-1) + 1 + spare, spec.most or MOST_ROWS)


def fields_for(spec: Spec, earlier: Sequence[Tool], rows: int) -> Iterator[tuple[str, forms.Field]]:
    """Yield the fields of a parameter with their names in the form."""
    name = f"params.{spec.name}"
    match spec.kind:
        case "tool":
            yield name, tool_field(spec, earlier)
        case "feature":
            yield name, feature_field(spec, earlier)
        case "tools":
            choices = [(str(tool.id), tool.name) for tool in earlier]
            yield (
                name,
                EarlierTools(choices=choices, required=False, widget=forms.CheckboxSelectMultiple, **_said(spec)),
            )
        case "choices":
            yield name, _several(spec, [(str(word), choice_label(word)) for word in spec.choices])
        case "numbers":
            yield name, NumbersField(required=False, **_said(spec))
        case "texts":
            yield name, TextsField(required=False, **_said(spec))
        case "json":
            yield name, JsonField(required=False, **_said(spec))
        case "blob":
            yield name, _blob_field(spec)
            yield (
                f"{name}{SEPARATOR}{UPLOAD}",
                forms.FileField(
                    label=gettext("{what}: store another file").format(what=words.schema(spec.title)), required=False
                ),
            )
        case "rows":
            for row in range(rows):
                yield from _row(spec, row, earlier)
        case _:
            yield name, field_of(spec)


def _row(spec: Spec, row: int, earlier: Sequence[Tool]) -> Iterator[tuple[str, forms.Field]]:
    for column in spec.columns:
        (_name, field), *_rest = fields_for(column, earlier, 0)
        field.required = False
        if isinstance(field, forms.ChoiceField) and column.kind == "choice" and not column.optional:
            field.choices = [("", gettext("none")), *choices_of(field)]
        field.help_text = ""
        cell = as_cell(field, f"{words.schema(spec.title)} {row + 1}", column_label(column))
        yield f"params.{spec.name}{SEPARATOR}{row}{SEPARATOR}{column.name}", cell


def _said(spec: Spec) -> dict[str, Any]:
    return {"label": words.schema(spec.title), "help_text": words.schema(spec.help)}


def _several(spec: Spec, choices: list[tuple[str, str]]) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=choices, required=False, widget=forms.CheckboxSelectMultiple, **_said(spec)
    )


def tool_field(spec: Spec, earlier: Sequence[Tool]) -> forms.ChoiceField:
    """Return the choice of an earlier tool by its name."""
    nothing = gettext("the blob tool before it") if spec.name == "reference_tool_id" else gettext("none")
    choices = [("", nothing), *((str(tool.id), tool.name) for tool in earlier)]
    return EarlierTool(choices=choices, required=False, **_said(spec))


class EarlierTool(forms.ChoiceField):
    """An earlier tool; one that is not before this one any more is shown as what was chosen, and refused."""

    default_error_messages = {"invalid_choice": gettext_lazy("That tool is not before this one. Choose another.")}

    def show(self, chosen: Iterable[Any]) -> None:
        """Add what was chosen and is no earlier tool to the choices, so that a person sees it."""
        known = {word for word, _label in choices_of(self)}
        lost = dict.fromkeys(str(one) for one in chosen if one not in (None, ""))
        labels = [(word, gettext("a tool that is not before this one")) for word in lost if word not in known]
        self.choices = [*choices_of(self), *labels]
        self._lost = {word for word, _label in labels}

    def valid_value(self, value: Any) -> bool:
        """Tell whether it is a tool before this one."""
        return super().valid_value(value) and str(value) not in getattr(self, "_lost", ())


class EarlierTools(EarlierTool, forms.MultipleChoiceField):
    """Several earlier tools."""


def feature_field(spec: Spec, earlier: Sequence[Tool]) -> forms.ChoiceField:
    """Return the choice of what an earlier tool measures, each measure once, with what the tools call it."""
    titles: dict[str, set[str]] = {}
    for tool in earlier:
        for feature in measures_of(tool):
            titles.setdefault(feature.name, set()).add(words.schema(feature.title))
    choices = sorted(((name, " / ".join(sorted(said))) for name, said in titles.items()), key=lambda one: one[1])
    return _FeatureChoice(choices=[("", gettext("none")), *choices], required=False, **_said(spec))


class _FeatureChoice(forms.ChoiceField):
    """A measure of an earlier tool; one of a tool that says only when it runs what it measures is good too."""

    def valid_value(self, value: Any) -> bool:
        """Tell whether it is the name of a measure."""
        return super().valid_value(value) or re.fullmatch(r"[a-z][a-z0-9_]{0,63}", value) is not None


class _BlobChoice(forms.ChoiceField):
    """A stored file; one that is older than those listed is still good."""

    def valid_value(self, value: Any) -> bool:
        """Tell whether a file of this SHA-256 is stored."""
        return super().valid_value(value) or Blob.objects.filter(sha256=value).exists()


def _blob_field(spec: Spec) -> forms.ChoiceField:
    files = Blob.objects.values_list("sha256", "name")[:LISTED_FILES]
    choices = [("", gettext("none")), *((sha256, f"{name} ({sha256[:8]})") for sha256, name in files)]
    return _BlobChoice(choices=choices, required=False, **_said(spec))


def call_measures(field: forms.Field, titles: Mapping[str, str]) -> None:
    """Where the words of a choice are a tool's measures, show what people call them. titles: by the measure's name."""
    if isinstance(field, forms.ChoiceField):
        choices = choices_of(field)
        if sum(word in titles for word, _label in choices) > FEWEST_MEASURES:
            field.choices = [(word, titles.get(word, label)) for word, label in choices]


def _cells(spec: Spec, cleaned: Mapping[str, Any], row: int) -> dict[str, Any]:
    head = f"params.{spec.name}{SEPARATOR}{row}{SEPARATOR}"
    return {column.name: cleaned.get(f"{head}{column.name}") for column in spec.columns}


def rows_said(spec: Spec, cleaned: Mapping[str, Any], rows: int) -> list[int]:
    """Return the rows of a table that count; one in which nothing is said is no row."""
    each = ((row, _cells(spec, cleaned, row)) for row in range(rows))
    return [row for row, cells in each if any(_says(column, cells[column.name]) for column in spec.columns)]


def read_rows(spec: Spec, cleaned: Mapping[str, Any], rows: list[int]) -> list[dict[str, Any]]:
    """Return those rows of a table."""
    read = []
    for row in rows:
        cells = _cells(spec, cleaned, row)
        values = {column.name: filled(column, cells[column.name]) for column in spec.columns}
        read.append({name: value for name, value in values.items() if value is not None})
    return read


def _says(column: Spec, value: Any) -> bool:
    return value not in ("", None, [], False) and value != column.default


def _word(spec: Spec, value: Any) -> Any:
    """Return the contract's own word, which may be a number, for what the form says."""
    return next((word for word in spec.choices if str(word) == value), value)


def filled(spec: Spec, value: Any) -> Any:
    """Return a field's value as the contract wants it; an empty one is the usual value."""
    if spec.kind == "tools":
        return [int(number) for number in value]
    if spec.kind in {"choices", "numbers", "texts"}:
        return [_word(spec, one) for one in value]
    if spec.kind == "choice" and value:
        return _word(spec, value)
    if value not in ("", None):
        return value
    if spec.kind == "text" and not spec.optional:
        return ""
    return None if spec.optional else spec.default
