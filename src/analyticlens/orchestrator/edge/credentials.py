"""The shape of enrolment codes and their hashes. No database."""

from __future__ import annotations

import base64
import re
import secrets

from user.credentials import hash_text

CODE_BYTES = 16


def new_code() -> str:
    """Return a fresh enrolment code: 128 bits in groups a person can type."""
    letters = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=")
    return "-".join(letters[i : i + 5] for i in range(0, len(letters), 5))


def hash_code(code: str) -> str:
    """Return the SHA-256 of a code as typed: case, spaces and dashes do not matter."""
    return hash_text(re.sub(r"[\s-]", "", code).upper())
