"""A person's authenticator app, written from RFC 6238 and not from what it is tried on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct

from audit import clock


def code_of(secret: str, steps: int = 0) -> str:
    """Return what an app shows for a key typed into it, so many half minutes from now."""
    key = base64.b32decode(secret.replace(" ", ""))
    count = int(clock.wall().timestamp()) // 30 + steps
    digest = hmac.new(key, struct.pack(">Q", count), hashlib.sha1).digest()
    at = digest[-1] & 0xF
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def wrong_of(secret: str) -> str:
    """Return six digits that no code near this moment is."""
    near = {code_of(secret, steps) for steps in range(-3, 4)}
    return next(
        text
        for text in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777")
        if text not in near
    )
