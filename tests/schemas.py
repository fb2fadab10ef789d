"""Hypothesis strategies made from the contract's own schemas: values of every field at, between and past its bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from hypothesis import reject
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

Schema = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)

# Numbers without a bound are drawn up to here, lists up to so many, texts up to so long.
LARGE = 1e6
LONGEST_LIST = 4
LONGEST_TEXT = 20
# So many fields of a model differ from their defaults at once.
MOST_FIELDS = 8

FORMULAS = ("blob_count >= 3", "not (total_area > 5)", "total_area / roi_area", "blob_count % 2", "1 < 2 and 3 < 4")
# Words that mean something, by the name of their field.
WORDS: dict[str, tuple[str, ...]] = {"custom_formula": FORMULAS}


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    """Return a model's JSON schema."""
    return model.model_json_schema()


def values(schema: Schema, defs: Schema, name: str = "", tools: tuple[int, ...] = ()) -> st.SearchStrategy[Any]:
    """Return values of a schema; `tools` are the numbers a field that refers to a tool may take. What cannot be drawn draws nothing."""
    if "$ref" in schema:
        return values(defs[schema["$ref"].rpartition("/")[2]], defs, name, tools)
    if schema.get("x-tool"):
        return st.sampled_from(tools) if tools else st.nothing()
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return st.one_of([values(one, defs, name, tools) for one in schema[several]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer" | "number":
            return numbers(schema)
        case "string":
            return _texts(schema, name)
        case "array":
            return _lists(schema, defs, name, tools)
        case "object" if "properties" in schema:
            return _objects(schema, defs, tools)
    return st.nothing()


def ends(schema: Schema) -> tuple[float, float]:
    """Return the smallest and largest number of a schema, exclusive ends moved inwards by what its kind allows."""
    whole = schema["type"] == "integer"
    low = schema.get("minimum", -LARGE)
    high = schema.get("maximum", LARGE)
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + 1 if whole else math.nextafter(schema["exclusiveMinimum"], math.inf)
    if "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - 1 if whole else math.nextafter(schema["exclusiveMaximum"], -math.inf)
    return low, high


def numbers(schema: Schema) -> st.SearchStrategy[Any]:
    """Return numbers of a schema: both ends, what lies between, and the small ones people use."""
    low, high = ends(schema)
    whole = st.integers(math.ceil(low), math.floor(high)) if math.ceil(low) <= math.floor(high) else st.nothing()
    if schema["type"] == "integer":
        return st.one_of(whole, st.sampled_from([int(low), int(high)]), whole.map(lambda value: _odd(value, low, high)))
    near = st.floats(max(low, min(-10.0, high)), min(high, max(10.0, low)), allow_nan=False)
    return st.one_of(st.floats(low, high, allow_nan=False), near, whole, st.sampled_from([low, high]))


def _odd(value: int, low: float, high: float) -> int:
    """Return an odd number beside a value: sizes of kernels are odd, and no schema can say so."""
    return value if value % 2 else value + 1 if value < high else value - 1


def _texts(schema: Schema, name: str) -> st.SearchStrategy[str]:
    if name in WORDS:
        return st.sampled_from(WORDS[name])
    least, most = schema.get("minLength", 0), min(schema.get("maxLength", LONGEST_TEXT), LONGEST_TEXT)
    if schema.get("pattern") == "^[0-9a-f]{64}$":
        return st.text("0123456789abcdef", min_size=64, max_size=64)
    if "pattern" in schema:
        fitting: st.SearchStrategy[str] = st.from_regex(re.compile(schema["pattern"]), fullmatch=True)
        return fitting.filter(lambda text: least <= len(text) <= LONGEST_TEXT)
    return st.text(min_size=least, max_size=most)


def _lists(schema: Schema, defs: Schema, name: str, tools: tuple[int, ...]) -> st.SearchStrategy[list[Any]]:
    if "prefixItems" in schema:
        return st.tuples(*(values(item, defs, name, tools) for item in schema["prefixItems"])).map(list)
    least = schema.get("minItems", 0)
    most = max(min(schema.get("maxItems", LONGEST_LIST), LONGEST_LIST), least)
    items = values(schema["items"], defs, name, tools)
    return st.just([]) if items.is_empty and not least else st.lists(items, min_size=least, max_size=most)


def _objects(schema: Schema, defs: Schema, tools: tuple[int, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects of a schema: what is required always, the rest now and then."""
    required, optional = {}, {}
    for name, field in schema["properties"].items():
        drawn = values(field, defs, name, tools)
        if name in schema.get("required", ()):
            required[name] = drawn
        elif not drawn.is_empty:
            optional[name] = drawn
    return st.fixed_dictionaries(required, optional=optional)


def checked(model: type[M], given: Mapping[str, Any]) -> M | None:
    """Return the model of these values, or None where they are refused."""
    try:
        return model.model_validate(given)
    except ValidationError:
        return None


@cache
def _fields(model: type[BaseModel], tools: tuple[int, ...]) -> dict[str, st.SearchStrategy[Any]]:
    """Return the values of each field of a model."""
    schema = schema_of(model)
    defs = schema.get("$defs", {})
    return {name: values(field, defs, name, tools) for name, field in schema["properties"].items()}


@st.composite
def models(draw: st.DrawFn, model: type[M], tools: tuple[int, ...] = ()) -> M:
    """Draw a model: its required fields, then some of the others, leaving out what does not go with those before."""
    drawn = _fields(model, tools)
    given = {name: draw(drawn[name]) for name in schema_of(model).get("required", ())}
    result = checked(model, given)
    if result is None:
        reject()
    optional = [name for name in drawn if name not in given and not drawn[name].is_empty]
    chosen = draw(st.lists(st.sampled_from(optional), unique=True, max_size=MOST_FIELDS)) if optional else []
    for name in chosen:
        more = given | {name: draw(drawn[name])}
        if (candidate := checked(model, more)) is not None:
            given, result = more, candidate
    return result


def bounded(schema: Schema, defs: Schema, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Yield every number of a schema with the names that lead to it; through lists and choices it does not go."""
    if "$ref" in schema:
        yield from bounded(defs[schema["$ref"].rpartition("/")[2]], defs, path)
    elif schema.get("type") in ("integer", "number"):
        yield path, schema
    for one in schema.get("anyOf", ()):
        yield from bounded(one, defs, path)
    for name, field in schema.get("properties", {}).items():
        yield from bounded(field, defs, (*path, name))
