"""Verdicts that come spelt canonically with every field, as our machines send them: read once, never spelt again.

Such a body is proven to be what `records.read` would make of it. It is read and written in C; when the same bytes come out, no key was
doubled, no key out of order, no space or escape too many, and its SHA-256 is that of its canonical form. What that proof does not cover is
looked for in the bytes, or excluded by `told`. A body without proof is not wrong: `records.read` takes it, a good deal slower.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from analyticlens.protocol.records import VerdictBody
from results.told import checker

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode
_text = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_check = checker(VerdictBody)
# How the digits behind a point begin where a whole number has the form of a fraction. A text may look so too; that costs time alone.
_WHOLE = frozenset({b"0,", b"0]", b"0}"})


def values(body: bytes) -> dict[str, Any] | None:
    """Return a canonical verdict's values by name, `tools` and `overlay` as the JSON they came in; None without proof."""
    fractions = body.split(b".")[1:]
    if any(digits[:2] in _WHOLE for digits in fractions) or _has_nul(body):
        return None
    try:
        said: dict[str, Any] = _decode(body)
        _check(said)
    except (msgspec.DecodeError, RecursionError):
        return None
    spell = _spell if _near_nothing(body, fractions) else _encode
    tools, overlay = spell(said["tools"]), spell(said["overlay"])
    if spell is _encode:
        said["tools"], said["overlay"] = msgspec.Raw(tools), msgspec.Raw(overlay)
    if spell(said) != body:
        return None
    said["tools"], said["overlay"] = tools.decode(), overlay.decode()
    return said


def _has_nul(body: bytes) -> bool:
    # PostgreSQL stores no text with one. One byte is found much faster than six.
    return b"\\" in body and b"\\u0000" in body


def _near_nothing(body: bytes, fractions: list[bytes]) -> bool:
    """Return whether there may be a number nearer to 0 than 0.0001, which the encoder writes in another way than canonical JSON."""
    return any(digits[:4] == b"0000" for digits in fractions) or any(part[-1:] == b"e" for part in body.split(b"-"))


def _spell(value: Any) -> bytes:
    return _text(value).encode()
