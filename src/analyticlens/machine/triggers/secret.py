"""Secrets of a machine's triggers: files that only their owner reads, never part of a configuration."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from analyticlens.machine.triggers.listening import ListenerBroke

FOLDER = "secrets"
TOKEN_FILE = "trigger_token"
LONGEST = 1000


def read_secret(data: Path, name: str) -> str:
    """Return the secret in a file of the folder `secrets`. Raises ListenerBroke when it is not there, or others may read it."""
    path = data / FOLDER / name
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            state = os.fstat(handle)
            raw = file.read(LONGEST + 1)
    except OSError as error:
        raise ListenerBroke(f"the secret {name} cannot be read: {error.strerror or error}") from None
    if not stat.S_ISREG(state.st_mode) or state.st_mode & 0o077:
        raise ListenerBroke(f"the secret {name} may be read by others: its file needs the mode 0600")
    try:
        text = raw.decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(raw) > LONGEST:
        raise ListenerBroke(f"the secret {name} holds no text of at most {LONGEST} characters")
    return text


def trigger_token(data: Path) -> str:
    """Return the token of POST /api/trigger; make it, in a file only its owner reads, where there is none yet. Raises OSError."""
    path = data / TOKEN_FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    token = f"alt_{secrets.token_urlsafe(32)}"
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token
