"""Who may use the old wire.

Normally it wants the machine's local token: made at first start, kept in a file of mode 0600 in the data folder, never the token of the
orchestrator's door. Started with `--insecure-legacy` it takes anonymous calls, as the old machines do, but none that a web page of
somebody else could make: the Host must be a known name of this machine (a foreign name that points here is DNS rebinding), a body must
say it is JSON (a form cannot), and an Origin must be this machine's own or a listed one.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from analyticlens.machine.station import StationSettings

TOKEN_FILE = "local_token"
_WILDCARDS = {"", "0.0.0.0", "::"}


def local_token(data: Path) -> str:
    """Return the machine's local token; make it, in a file only its owner reads, where there is none yet."""
    path = data / TOKEN_FILE
    data.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = path.read_text(encoding="ascii").strip()
        if not kept:
            raise ValueError(f"{path} is empty; delete it and start again") from None
        return kept
    token = f"all_{secrets.token_urlsafe(32)}"
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token


def bearer(header: str) -> str:
    """Return the token of an Authorization header; "" where it has none."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Guard:
    """The rules of one machine's old wire."""

    def __init__(self, settings: StationSettings) -> None:
        self.insecure = settings.insecure_legacy
        self._token = local_token(settings.data)
        self._listed = {name.lower().strip("[]") for name in settings.allowed_hosts}
        self._bound = settings.host.lower()

    def token_fits(self, token: object) -> bool:
        """Return whether this is the local token; the comparison takes the same time wherever they differ."""
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self._token.encode())

    def host_known(self, host: str) -> bool:
        """Return whether a Host header names this machine: loopback, one of its own addresses or names, or a configured one."""
        name = _name_of(host)
        if name in self._listed or name == "localhost" or (name == self._bound and name not in _WILDCARDS):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name in {socket.gethostname().lower(), f"{socket.gethostname().lower()}.local"}
        return address.is_loopback or str(address) in _own_addresses()

    def origin_allowed(self, origin: str | None, environ: Mapping[str, object]) -> bool:
        """Return whether a page of this origin may speak to the machine: its own, or one of a configured host. No origin is no page."""
        if origin is None:
            return True
        if origin == f"{environ.get('wsgi.url_scheme', 'http')}://{environ.get('HTTP_HOST', '')}":
            return True
        return bool(origin) and _name_of(urlsplit(origin).netloc) in self._listed


def _name_of(host: str) -> str:
    """Return the name or address in a Host header, without port and brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _own_addresses() -> set[str]:
    """Return the addresses of this computer's interfaces. They change while it runs, so they are asked each time."""
    families = (socket.AF_INET, socket.AF_INET6)
    cards = psutil.net_if_addrs().values()
    return {entry.address.split("%")[0].lower() for card in cards for entry in card if entry.family in families}
