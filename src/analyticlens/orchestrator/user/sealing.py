"""Secrets at rest: what must be had in clear again (a camera's password, a key for codes) is sealed with a key the database does not hold.

AES-256-GCM (NIST SP 800-38D) with a fresh nonce; what a secret is for is bound into it, so that a sealed text moved to another row
opens nothing. The key file has a key a line: the first seals, all open. Whoever has a copy of the database alone has no secret.
"""

from __future__ import annotations

import base64
import binascii
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE = 12
KEY = 32
FILE = "sealing_key"


class CannotOpen(Exception):
    """A sealed text that none of the keys opens: the key file is another one, or the text was changed or moved."""


def seal(secret: bytes, purpose: str) -> str:
    """Return the secret sealed for a purpose, as printable text."""
    nonce = os.urandom(NONCE)
    sealed = AESGCM(_keys()[0]).encrypt(nonce, secret, purpose.encode())
    return base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(text: str, purpose: str) -> bytes:
    """Return the secret that was sealed for that purpose. Raises CannotOpen."""
    try:
        raw = base64.urlsafe_b64decode(text.encode())
    except (binascii.Error, ValueError):
        raise CannotOpen(purpose) from None
    for key in _keys():
        try:
            return AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], purpose.encode())
        except (InvalidTag, ValueError):
            continue
    raise CannotOpen(purpose)


def _keys() -> list[bytes]:
    path = Path(settings.SEALING_KEY)
    # A key that was put in while the server runs is seen at once.
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> list[bytes]:
    keys = [base64.urlsafe_b64decode(line) for line in path.read_text(encoding="ascii").split()]
    if not keys or any(len(key) != KEY for key in keys):
        raise ValueError(f"{path} holds no sealing key of {KEY} bytes a line")
    return keys
