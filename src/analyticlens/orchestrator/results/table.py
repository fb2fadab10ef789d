"""Many rows into one table by the shortest way its database has, the statement drawn from the model's fields.

On SQLite one prepared statement for all rows, on PostgreSQL a COPY; both inside the transaction they are called in. Values go in as the
database's driver takes them: texts, numbers, None, JSON as its text. Those of other kinds are made ready by `ready`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from operator import itemgetter
from typing import Any

from django.db import connection
from django.db.models import Field, Model

Row = tuple[Any, ...]


class Table:
    """Where the rows of a model go."""

    def __init__(self, model: type[Model]) -> None:
        """Write rows of a model whose primary key the database counts up."""
        self._model = model

    @cached_property
    def _fields(self) -> dict[str, Field[Any, Any]]:
        return {field.attname: field for field in self._model._meta.concrete_fields if not field.primary_key}

    @cached_property
    def _row(self) -> Callable[[Mapping[str, Any]], Row]:
        return itemgetter(*self._fields)

    def ready(self, **values: Any) -> dict[str, Any]:
        """Return values by their columns' names, as the driver takes them."""
        return {name: self._fields[name].get_db_prep_save(value, connection) for name, value in values.items()}

    def rows(self, shared: Mapping[str, Any], each: Iterable[Mapping[str, Any]]) -> list[Row]:
        """Return rows out of what they share and what each has of its own. Raises KeyError when one lacks a column."""
        row = self._row
        return [row({**shared, **own}) for own in each]

    def insert(self, rows: list[Row]) -> None:
        """Write rows. Raises django.db.Error, and then none is written once the transaction is rolled back."""
        if not rows:
            return
        if connection.vendor == "postgresql":
            self._copy(rows)
        else:
            self._execute(rows)

    @property
    def _into(self) -> str:
        quoted = connection.ops.quote_name
        columns = ", ".join(quoted(str(field.column)) for field in self._fields.values())
        return f"{quoted(self._model._meta.db_table)} ({columns})"

    def _execute(self, rows: list[Row]) -> None:
        marks = ", ".join(["%s"] * len(self._fields))
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {self._into} VALUES ({marks})", rows)

    def _copy(self, rows: list[Row]) -> None:
        with (
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.copy(f"COPY {self._into} FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
