"""Canonical JSON: one spelling for one value, so that a SHA-256 names a recipe, a configuration or a record for ever.

Keys sorted by code point, no white space, UTF-8 without escapes for what need not be escaped, numbers that are whole written without a
fraction, no NaN and no infinity. (In spirit RFC 8785; numbers are written as Python's shortest round-trip representation.)
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel

MAX_DEPTH = 32


def _settled(value: Any, depth: int = 0) -> Any:
    """Return value with whole floats as integers, so that 1 and 1.0 have one spelling."""
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {str(key): _settled(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_settled(item, depth + 1) for item in value]
    return value


def canonical_json(value: Any) -> str:
    """Return the canonical JSON text of plain data or of a model.

    Raises ValueError for NaN, infinities, nesting deeper than 32 levels, and text that is no valid Unicode.
    """
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    text = json.dumps(_settled(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    text.encode("utf-8")
    return text


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes, as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_of(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of value."""
    return sha256_text(canonical_json(value))


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return result


def strict_loads(raw: bytes | str) -> Any:
    """Parse JSON from outside: UTF-8 only, no NaN or infinity, no doubled key, at most 32 levels deep.

    Raises ValueError with one sentence for anything else.
    """
    value = loads_for_model(raw)
    canonical_json(value)
    return value


def loads_for_model(raw: bytes | str) -> Any:
    """Parse JSON that a closed model checks next, at a tenth of the time: UTF-8 only, no NaN or infinity by name, no doubled key.

    What `strict_loads` refuses beside that, such a model refuses by itself: nesting it has no field for, numbers too large to be
    finite, text that is no valid Unicode. Raises ValueError with one sentence.
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_doubles)
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
