"""Messages between the parent and its child: a JSON object, then the pictures it announces, over one pipe.

JSON and not pickle: the child decodes strangers' files, and what it says must not be able to run code in the parent.
"""

from __future__ import annotations

import json
from multiprocessing.connection import Connection
from typing import Any

MOST_BYTES = 256 * 1024 * 1024


def send(pipe: Connection, message: dict[str, Any], blobs: dict[str, bytes] | None = None) -> None:
    """Send a message and the blobs it names. Raises OSError when the other side is gone."""
    blobs = blobs or {}
    pipe.send_bytes(json.dumps({**message, "blobs": list(blobs)}, separators=(",", ":")).encode())
    for blob in blobs.values():
        pipe.send_bytes(blob)


def receive(pipe: Connection) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the next message and its blobs. Raises EOFError or OSError when the other side is gone, ValueError for no JSON."""
    message = json.loads(pipe.recv_bytes(MOST_BYTES))
    blobs = {name: pipe.recv_bytes(MOST_BYTES) for name in message.pop("blobs")}
    return message, blobs
