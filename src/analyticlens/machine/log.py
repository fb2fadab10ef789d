"""The machine's log: one JSON line an event on standard error. Nothing a name or a picture says can make a second line of it."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from analyticlens.machine import clock

_mutex = threading.Lock()


def event(code: str, message: str = "", **details: Any) -> None:
    """Write one event. Control characters and everything beyond ASCII are escaped, and long texts cut."""
    line: dict[str, Any] = {"at": clock.wall_text(), "event": code}
    if message:
        line["message"] = message[:2000]
    line.update(
        {key: value if isinstance(value, (int, float, bool)) else str(value)[:500] for key, value in details.items()}
    )
    # JSON leaves the one control character beyond the printable as it is.
    text = json.dumps(line, ensure_ascii=True, default=str).replace("\x7f", "\\u007f")
    with _mutex:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
