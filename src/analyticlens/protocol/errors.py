"""The one shape of an error answer."""

from __future__ import annotations

from typing import Any

from analyticlens.protocol.strict import LongText, ShortText, Strict


class ErrorBody(Strict):
    """What went wrong."""

    code: ShortText
    """A word for programs."""
    message: LongText
    """One sentence for people."""
    details: dict[str, Any] = {}
    """What a program needs to go on."""


class ErrorAnswer(Strict):
    """Every answer of 400 and above has this body."""

    error: ErrorBody
    """What went wrong."""


def error_answer(code: str, message: str, **details: Any) -> dict[str, Any]:
    """Return the JSON-ready body of an error answer."""
    return {"error": {"code": code, "message": message[:2000], "details": details}}
