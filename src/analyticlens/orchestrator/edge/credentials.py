"""The shape of machine tokens and enrolment codes, and their hashes. No database.

A token is `alm_<id>_<secret>_<check>`: the id finds the row, the 43 characters of secret are 256 random bits, the check is a CRC-32
that lets a scanner and a person tell a token from a typing mistake. What is stored is the SHA-256: for 256 random bits a slow hash
adds nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass

TOKEN_PATTERN = re.compile(r"alm_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})_(?P<check>[0-9a-f]{8})")
CODE_BYTES = 16


@dataclass(frozen=True)
class Token:
    """A machine token taken apart; `text` is the whole of it."""

    id: str
    text: str

    @property
    def sha256(self) -> str:
        """What is stored of it."""
        return hash_text(self.text)


def hash_text(text: str) -> str:
    """Return the SHA-256 of a secret."""
    return hashlib.sha256(text.encode()).hexdigest()


def _check(head: str) -> str:
    return f"{zlib.crc32(head.encode()):08x}"


def new_token() -> Token:
    """Return a fresh token."""
    token_id = secrets.token_hex(6)
    head = f"alm_{token_id}_{secrets.token_urlsafe(32)}"
    return Token(token_id, f"{head}_{_check(head)}")


def parse_token(text: str) -> Token | None:
    """Return the token that text is, or None: wrong shape or wrong check."""
    match = TOKEN_PATTERN.fullmatch(text)
    if match is None or _check(text[:-9]) != match["check"]:
        return None
    return Token(match["id"], text)


def new_code() -> str:
    """Return a fresh enrolment code: 128 bits in groups a person can type."""
    letters = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=")
    return "-".join(letters[i : i + 5] for i in range(0, len(letters), 5))


def hash_code(code: str) -> str:
    """Return the SHA-256 of a code as typed: case, spaces and dashes do not matter."""
    return hash_text(re.sub(r"[\s-]", "", code).upper())
