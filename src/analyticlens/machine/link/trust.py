"""Whom a machine believes: the authority whose fingerprint came with its code, one from a file, or the computer's own.

The certificate of an authority may be fetched from anybody, since only the one with the right fingerprint is kept. The code itself is
sent to nobody but a server that authority signed for.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from analyticlens.machine.link.door import DoorDown
from analyticlens.machine.whole import write_whole
from analyticlens.protocol.fingerprint import same
from analyticlens.protocol.loopback import is_loopback

AUTHORITY_FILE = "authority.pem"
MOST_BYTES = 64 * 1024
SECONDS = 10.0


class NotTrusted(Exception):
    """The server, or what stands in its place, is not whom the code was made for."""


def is_plain(url: str) -> bool:
    """Return whether an address sends everything readable over a network."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def authority_path(data: Path, given: Path | None) -> Path:
    """Return the file of the authority: the given one, or the machine's own."""
    return given if given is not None else data / AUTHORITY_FILE


def believed(url: str, path: Path) -> ssl.SSLContext | bool:
    """Return what a connection checks: the authority in that file where there is one, else those of this computer.

    Raises OSError where the file is no certificate.
    """
    if urlsplit(url).scheme != "https" or not path.exists():
        return True
    context = ssl.create_default_context(cafile=str(path))
    # The authority signs for this server alone: nothing older is out there.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def learn(url: str, fingerprint: str, path: Path) -> None:
    """Fetch the authority's certificate and keep it if it is the one the code was made for. Raises NotTrusted, DoorDown, OSError."""
    try:
        with httpx2.Client(verify=False, trust_env=False, follow_redirects=False, timeout=SECONDS) as client:
            answer = client.get(url.rstrip("/") + "/edge/v1/authority")
    except httpx2.HTTPError as error:
        raise DoorDown(f"{type(error).__name__}: {error}") from None
    pem = answer.text if answer.is_success and len(answer.content) <= MOST_BYTES else ""
    try:
        right = same(pem, fingerprint)
    except ValueError:
        raise NotTrusted(f"{url} does not show the authority this code was made for") from None
    if not right:
        raise NotTrusted(
            f"{url} shows another authority than this code was made for: somebody may stand in between, or the code is of another server"
        )
    write_whole(path, pem.encode("ascii"), 0o644)
