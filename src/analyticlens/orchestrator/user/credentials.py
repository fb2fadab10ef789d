"""The shape of tokens and their hashes. No database.

A token is `<kind>_<id>_<secret>_<check>`: `alm` is a machine's, `alp` a person's. The id finds the row, the 43 characters of secret are
256 random bits, the check is a CRC-32 that lets a scanner and a person tell a token from a typing mistake. What is stored is the
SHA-256: for 256 random bits a slow hash adds nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["alm", "alp"]
TOKEN_PATTERN = re.compile(
    r"(?P<kind>al[mp])_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})_(?P<check>[0-9a-f]{8})"
)


@dataclass(frozen=True)
class Token:
    """A token taken apart; `text` is the whole of it."""

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


def new_token(kind: Kind) -> Token:
    """Return a fresh token."""
    token_id = secrets.token_hex(6)
    head = f"{kind}_{token_id}_{secrets.token_urlsafe(32)}"
    return Token(token_id, f"{head}_{_check(head)}")


def parse_token(text: str, kind: Kind) -> Token | None:
    """Return the token of that kind that text is, or None: another kind, wrong shape or wrong check."""
    match = TOKEN_PATTERN.fullmatch(text)
    if match is None or match["kind"] != kind or _check(text[:-9]) != match["check"]:
        return None
    return Token(match["id"], text)
