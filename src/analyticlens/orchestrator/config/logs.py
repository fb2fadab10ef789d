"""Log lines: one JSON object a line, so that nothing a stranger sends can start a line of its own."""

from __future__ import annotations

from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

# What libraries add that says nothing more: objects' representations, and the message once more with colours.
NOISE = ("request", "server_time", "color_message")


def _settle(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    if record is not None:
        event["level"] = record.levelname.lower()
        event["logger"] = record.name
        if record.name == "django.security.DisallowedHost":
            # A stranger's mistake, not ours: the sentence says it all.
            event.pop("exc_info", None)
    for name in NOISE:
        event.pop(name, None)
    return event


def logging_config(level: str) -> dict[str, Any]:
    """Return Django's LOGGING: JSON lines on standard error. Control and non-ASCII characters are written as escapes."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    _settle,
                    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    structlog.processors.JSONRenderer(ensure_ascii=True),
                ],
                "foreign_pre_chain": [structlog.stdlib.ExtraAdder()],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            # At DEBUG they tell of verifiers and tokens.
            "authlib": {"handlers": [], "level": "WARNING", "propagate": True},
            "urllib3": {"handlers": [], "level": "WARNING", "propagate": True},
            # It tells of each try; the audit trail tells who had to wait.
            "axes": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }
