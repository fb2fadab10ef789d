"""The parts a tool's form is laid out in: single fields, tables of rows, stored files, shapes, limits. Each names its template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext

from analyticlens.protocol.tools import Feature
from dashboard import words
from dashboard.fields import NumberField, as_cell, choices_of, column_label
from dashboard.param_fields import UPLOAD
from dashboard.schema import SEPARATOR, Spec

# A kind that measures more things than the first shows only so many as the second says, and those that are used; the rest is folded.
MANY_LIMITS, SHOWN_LIMITS = 10, 6
# More boxes to tick than this are set side by side over the whole width.
FEW_BOXES = 4


@dataclass(frozen=True)
class LimitRow:
    """The three fields of one feature's limit."""

    title: str
    unit: str
    measured: str
    low: BoundField
    high: BoundField
    guard: BoundField

    @property
    def used(self) -> bool:
        """Whether somebody looks at it: it has a limit, or something is wrong with it."""
        ends = (self.low, self.high, self.guard)
        return any(end.value() not in (None, "") or end.errors for end in ends)


@dataclass(frozen=True)
class LimitRows:
    """The limits of a tool's form: those shown, and those folded away."""

    shown: list[LimitRow]
    folded: list[LimitRow]

    @classmethod
    def of(cls, rows: list[LimitRow]) -> LimitRows:
        """Return all shown, or, where there are many, the first ones and those that are used."""
        if len(rows) <= MANY_LIMITS:
            return cls(rows, [])
        shown = [row for place, row in enumerate(rows) if place < SHOWN_LIMITS or row.used]
        return cls(shown, [row for row in rows if row not in shown])


@dataclass(frozen=True)
class ShapeGroup:
    """The fields of one shape."""

    shape: str
    fields: list[BoundField]


@dataclass(frozen=True)
class FieldPart:
    """A single value."""

    field: BoundField
    template: ClassVar[str] = "dashboard/_field.html"

    @property
    def bad(self) -> bool:
        """Whether something is wrong here."""
        return bool(self.field.errors)

    @property
    def wide(self) -> bool:
        """Whether it takes the form's whole width: many boxes to tick, long texts."""
        field = self.field.field
        if isinstance(field, forms.MultipleChoiceField):
            return len(choices_of(field)) > FEW_BOXES
        return isinstance(field.widget, forms.Textarea) or "wide" in field.widget.attrs.get("class", "")


@dataclass(frozen=True)
class FilePart:
    """A stored file to choose, or another one to store."""

    choice: BoundField
    upload: BoundField
    wide: ClassVar[bool] = False
    template: ClassVar[str] = "dashboard/_file.html"

    @property
    def bad(self) -> bool:
        """Whether something is wrong here."""
        return bool(self.choice.errors or self.upload.errors)


@dataclass(frozen=True)
class TablePart:
    """A table: its columns' titles with what they mean, and its rows of fields."""

    title: str
    help: str
    columns: list[tuple[str, str]]
    rows: list[list[BoundField]]
    wide: ClassVar[bool] = True
    template: ClassVar[str] = "dashboard/_rows.html"

    @property
    def bad(self) -> bool:
        """Whether something is wrong here."""
        return any(cell.errors for row in self.rows for cell in row)


Part = FieldPart | FilePart | TablePart


def part_of(form: forms.Form, spec: Spec, rows: int) -> Part:
    """Return how a parameter is laid out. rows: how many a table has."""
    name = f"params.{spec.name}"
    if spec.kind == "blob":
        return FilePart(form[name], form[f"{name}{SEPARATOR}{UPLOAD}"])
    if spec.kind != "rows":
        return FieldPart(form[name])
    return TablePart(
        words.schema(spec.title),
        words.schema(spec.help),
        [(column_label(column), words.schema(column.help)) for column in spec.columns],
        [[form[f"{name}{SEPARATOR}{row}{SEPARATOR}{column.name}"] for column in spec.columns] for row in range(rows)],
    )


def limit_fields(features: Iterable[Feature]) -> Iterator[tuple[str, forms.Field]]:
    """Yield the three fields of each feature's limit with their names."""
    for feature in features:
        title = words.schema(feature.title)
        for end, label in (("min", gettext("Minimum")), ("max", gettext("Maximum")), ("guard", gettext("Guard band"))):
            field = NumberField(required=False, low=0 if end == "guard" else None)
            yield f"limit.{feature.name}.{end}", as_cell(field, title, label)


def limit_rows(form: forms.Form, features: Iterable[Feature], measured: Mapping[str, str]) -> list[LimitRow]:
    """Return a row a feature. measured: what the newest result says, by feature."""
    return [
        LimitRow(
            words.schema(feature.title),
            words.unit(feature.unit),
            measured.get(feature.name, ""),
            *(form[f"limit.{feature.name}.{end}"] for end in ("min", "max", "guard")),
        )
        for feature in features
    ]
