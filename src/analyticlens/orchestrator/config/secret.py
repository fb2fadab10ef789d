"""Secrets of this server itself: each made at the first start, kept in a file only its owner reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def read_or_make(path: Path) -> str:
    """Return the secret in path; make it first if the file is not there. Two processes that start at once agree on one."""
    make(path, secrets.token_urlsafe(64))
    return _read(path)


def make(path: Path, secret: str) -> None:
    """Write a secret into a file that only its owner reads, unless the file is there already."""
    if path.exists():
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where the name exists: whoever came first wins, and no reader ever sees half a key.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _read(path: Path) -> str:
    secret = path.read_text(encoding="ascii").strip()
    if len(secret) < 50:
        raise ValueError(f"{path} holds no secret key; delete it to have a new one made (people then sign in anew)")
    return secret
