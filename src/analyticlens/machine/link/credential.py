"""The door's token: read from a file, or bought with a one-time code and then kept in a file only its owner can read."""

from __future__ import annotations

from pathlib import Path

from analyticlens import __version__
from analyticlens.machine.link.door import Door
from analyticlens.machine.whole import write_whole
from analyticlens.protocol.desired import EnrolRequest, TokenAnswer

TOKEN_FILE = "door_token"


def token_path(data: Path, given: Path | None) -> Path:
    """Return the file the token is read from: the given one, or the machine's own."""
    return given if given is not None else data / TOKEN_FILE


def kept_token(path: Path) -> str:
    """Return the kept token, "" when there is none. Raises OSError when the file cannot be read, or holds no token."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise OSError(f"{path} holds no token") from None
    if not token.isprintable():
        raise OSError(f"{path} holds no token")
    return token


def enrol(door: Door, machine_id: str, code: str, path: Path) -> str:
    """Turn a one-time code into a token, keep it, and return it. Raises DoorDown, DoorRefused, OSError."""
    asked = EnrolRequest(machine_id=machine_id, code=code, app_version=__version__)
    answer = door.ask(TokenAnswer, "POST", "enrol", asked)
    keep_token(path, answer.token)
    return answer.token


def keep_token(path: Path, token: str) -> None:
    """Keep a token so that only its owner reads it, and after a crash either the old or the new one is there. Raises OSError."""
    write_whole(path, f"{token}\n".encode("ascii"), 0o600)
