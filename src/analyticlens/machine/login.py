"""The user and password of a camera: kept in one file only this machine's user may read, and never in what it shows or says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from analyticlens.machine.whole import write_whole
from analyticlens.protocol.configuration import Configuration

FILE = "source_login.json"


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks for pictures. Its text tells nothing."""

    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def in_address(self) -> str:
        """What stands before the host in an address that names them; "" for nobody."""
        return f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""


NOBODY = Login()


def read(data: Path) -> Login:
    """Return the kept login; nobody where none is kept or the file cannot be understood. Raises OSError when others may read it."""
    path = data / FILE
    try:
        if path.stat().st_mode & 0o077:
            raise PermissionError(f"{path} may be read by others: chmod 600")
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Login(str(kept.get("source_user", "")), str(kept.get("source_password", "")))
    except (FileNotFoundError, ValueError, AttributeError):
        return NOBODY


def keep(data: Path, login: Login) -> bool:
    """Keep a login; return whether it is another than before. Raises OSError."""
    try:
        if read(data) == login:
            return False
    except PermissionError:
        pass  # It is written anew below, its owner's alone.
    said = {"source_user": login.user, "source_password": login.password}
    write_whole(data / FILE, json.dumps(said).encode(), 0o600)
    return True


def parted(configuration: Configuration) -> tuple[Configuration, Login | None]:
    """Return the configuration without the login its stream address may name, and that login; None where it names none."""
    source = configuration.source
    try:
        parts = urlsplit(source.rtsp_url)
    except ValueError:
        return configuration, None
    if "@" not in parts.netloc:
        return configuration, None
    said, _, host = parts.netloc.rpartition("@")
    user, _, password = said.partition(":")
    clean = source.model_copy(update={"rtsp_url": urlunsplit(parts._replace(netloc=host))})
    return configuration.model_copy(update={"source": clean}), Login(unquote(user), unquote(password))
