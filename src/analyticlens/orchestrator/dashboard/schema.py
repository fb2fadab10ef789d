"""The contract's JSON Schema, read as fields of a form: title, help, unit, bounds, choices. A new parameter needs nothing here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from analyticlens.protocol.tools import ToolCommon

SEPARATOR = "."


@dataclass(frozen=True)
class Spec:
    """One value a person can set; `name` is its path, as `reference.x`.

    `kind` is choice, yes, whole, decimal or text; tool (the number of another tool), tools (several), feature (what an earlier tool
    measures), blob (a stored file by its SHA-256), choices (several words), numbers or texts (several), rows (a table, whose columns
    are `columns`) or json (anything else).
    A value inside another one, as a point's x, has that one's title as its group.
    It lies from low to high, both included; above: more than low. A table has at most `most` rows.
    """

    name: str
    title: str
    group: str
    help: str
    unit: str
    kind: str
    choices: tuple[str | int, ...]
    low: float | None
    above: bool
    high: float | None
    longest: int | None
    optional: bool
    advanced: bool
    default: Any
    columns: tuple[Spec, ...] = ()
    most: int = 0


def params_of(tool: type[ToolCommon]) -> type[BaseModel]:
    """Return the model of a kind of tool's parameters."""
    model = tool.model_fields["params"].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


def specs(model: type[BaseModel]) -> list[Spec]:
    """Return the fields of a model in their order; a model inside it gives its own fields, under its name."""
    return specs_of(model.model_json_schema())


def specs_of(schema: Mapping[str, Any], prefix: str = "") -> list[Spec]:
    """Return the fields a JSON Schema of an object has, their names after the prefix."""
    return list(_fields(schema, schema.get("$defs", {}), prefix=prefix, group="", optional=False, advanced=False))


def _fields(
    schema: Mapping[str, Any], known: Mapping[str, Any], *, prefix: str, group: str, optional: bool, advanced: bool
) -> Iterator[Spec]:
    for name, field in schema.get("properties", {}).items():
        flat, empty_allowed = _flat(field, known)
        if "const" in flat:
            continue
        path = f"{prefix}{name}"
        hidden = advanced or bool(flat.get("x-advanced"))
        may_be_empty = optional or empty_allowed
        if "properties" in flat and flat.get("type") != "array":
            title = flat.get("title", name)
            yield from _fields(
                flat, known, prefix=f"{path}{SEPARATOR}", group=title, optional=may_be_empty, advanced=hidden
            )
        else:
            yield _spec(path, group, flat, may_be_empty, hidden, known)


def _flat(field: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a field with its references and alternatives resolved, and whether it may be empty."""
    own = dict(field)
    alternatives = own.pop("anyOf", None)
    optional = False
    if alternatives is not None:
        optional = any(one.get("type") == "null" for one in alternatives)
        real = [one for one in alternatives if one.get("type") != "null"]
        words = [word for one in real for word in one.get("enum", [one["const"]] if "const" in one else [])]
        own = {**real[0], **({"enum": words} if len(real) > 1 and words else {}), **own}
        if len(real) > 1:
            own.pop("const", None)
    reference = own.pop("$ref", None)
    if reference is not None:
        own = {**known[reference.rpartition("/")[2]], **own}
    return own, optional


_KINDS = {"boolean": "yes", "integer": "whole", "number": "decimal", "string": "text"}
NUMBERS = ("integer", "number")


def _kind(field: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return how a value is asked for."""
    if field.get("x-tool"):
        return "tool"
    if field.get("x-feature"):
        return "feature"
    if field.get("x-blob"):
        return "blob"
    if "enum" in field:
        return "choice"
    if field.get("type") == "array":
        return _array_kind(field, known)
    return _KINDS.get(str(field.get("type")), "json")


def _array_kind(field: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    items = field.get("items", {})
    each = _flat(items, known)[0] if isinstance(items, Mapping) else {}
    if each.get("x-tool"):
        return "tools"
    if "enum" in each:
        return "choices"
    if "properties" in each and "oneOf" not in each:
        columns = _columns(each, known)
        return "rows" if all(column.kind in ROW_KINDS for column in columns) else "json"
    if each.get("type") == "string" and "const" not in each and "prefixItems" not in field:
        return "texts"
    parts = field.get("prefixItems") or [each]
    return "numbers" if all(part.get("type") in NUMBERS for part in parts) else "json"


# What a cell of a table can hold.
ROW_KINDS = {"choice", "yes", "whole", "decimal", "text", "tool", "feature", "numbers"}


def _columns(each: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[Spec, ...]:
    return tuple(_fields(each, known, prefix="", group="", optional=False, advanced=False))


def _choices(field: Mapping[str, Any], kind: str, known: Mapping[str, Any]) -> tuple[str | int, ...]:
    words = _flat(field["items"], known)[0] if kind == "choices" else field
    return tuple(words.get("enum", ()))


def _spec(
    path: str, group: str, field: Mapping[str, Any], optional: bool, advanced: bool, known: Mapping[str, Any]
) -> Spec:
    kind = _kind(field, known)
    return Spec(
        name=path,
        title=field.get("title", path),
        group=group,
        help=field.get("description", ""),
        unit=field.get("unit", ""),
        kind=kind,
        choices=_choices(field, kind, known),
        low=field.get("minimum", field.get("exclusiveMinimum")),
        above="exclusiveMinimum" in field,
        high=field.get("maximum"),
        longest=field.get("maxLength"),
        optional=optional,
        advanced=advanced,
        default=field.get("default"),
        columns=_columns(_flat(field["items"], known)[0], known) if kind == "rows" else (),
        most=field.get("maxItems", 0),
    )
