"""What a caller says it knows of a thing before changing it: the number of a version, or the tag of what is edited in place."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from analyticlens.protocol.canonical import canonical_json

_VERSION = re.compile(r'"?(\d{1,15})"?')


def version_in(if_match: str) -> int | None:
    """Return the version that If-Match names, None where it names none."""
    match = _VERSION.fullmatch(if_match)
    return int(match[1]) if match else None


def tag_in(if_match: str | None) -> str | None:
    """Return the tag that If-Match names, None where it is not said."""
    return None if if_match is None else if_match.strip().strip('"')


def tag_of(said: Any) -> str:
    """Return what stands for something as it is: any edit gives another one. `said` is JSON."""
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()[:32]
