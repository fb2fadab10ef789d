"""Sending result logs to an orchestrator: POST {address}/api/logs/upload, one file each; any 2xx means it is stored."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import httpx2

from analyticlens.machine.oldwire.logs import LogBook

logger = logging.getLogger(__name__)
_HOST = re.compile(r"^[A-Za-z0-9._:-]+$")
TIMEOUT = httpx2.Timeout(10.0, connect=3.0)


@dataclass(frozen=True, slots=True)
class Sent:
    """What one upload did, in files."""

    before: int
    uploaded: int
    failed: int
    remaining: int


def checked_address(text: str) -> httpx2.URL:
    """Return the upload address below an orchestrator's. Raises ValueError: not http or https, no host, a user name in it."""
    try:
        url = httpx2.URL(text.strip())
    except httpx2.InvalidURL as error:
        raise ValueError(f"not an address: {error}") from None
    if url.scheme not in ("http", "https") or not _HOST.match(url.host):
        raise ValueError("the orchestrator's address begins with http:// or https:// and a host")
    if url.userinfo:
        raise ValueError("the orchestrator's address has no user name or password in it")
    return url.copy_with(path=f"{url.path.rstrip('/')}/api/logs/upload", query=None, fragment=None)


def send_logs(book: LogBook, address: str, machine_id: str) -> Sent:
    """Upload every result log, oldest first, and delete each that was stored. Raises ValueError for a bad address.

    Redirects are not followed and proxies of the environment not used: the address is the one that was checked. When nobody answers
    there, the rest is not tried.
    """
    url = checked_address(address)
    book.flush()
    files = book.files()
    uploaded = 0
    with httpx2.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client:
        for path in files:
            try:
                stored = _send(client, url, path, machine_id)
            except httpx2.TransportError as error:
                logger.warning("result logs cannot be sent to %s: %s", url.host, error)
                break
            if stored and book.discard(path):
                uploaded += 1
    return Sent(before=len(files), uploaded=uploaded, failed=len(files) - uploaded, remaining=book.count)


def _send(client: httpx2.Client, url: httpx2.URL, path: Path, machine_id: str) -> bool:
    """Send one file; True when it was stored. A file that is gone meanwhile was not sent."""
    try:
        content = path.read_bytes()
    except OSError as error:
        logger.warning("result log %s cannot be read: %s", path.name, error)
        return False
    part = {"file": (path.name, content, "application/octet-stream")}
    answer = client.post(url, data={"machine_id": machine_id}, files=part)
    if not answer.is_success:
        logger.warning("result log %s was refused with %s", path.name, answer.status_code)
    return answer.is_success
