"""Checks of the texts people give a machine: its name to the world, and addresses Django's own URL field would refuse."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from analyticlens.protocol.strict import MACHINE_ID_PATTERN

check_machine_id = RegexValidator(
    # Python's $ also matches before a final line feed.
    MACHINE_ID_PATTERN.removesuffix("$") + r"\Z",
    _("At most 50 letters, digits, dots, dashes and underscores; the first one a letter or digit."),
    "machine_id",
)


# Some cameras take who asks in the query.
LOGIN_NAMES = frozenset({"user", "username", "usr", "pwd", "pass", "passwd", "password"})
TAG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


def check_tags(value: str) -> None:
    """Refuse tags that are not short words of small letters, digits and _ . -"""
    if len(value) > 1000 or any(TAG.fullmatch(tag) is None for tag in value.split()):
        raise ValidationError(_("A tag is a word of small letters, digits, _ . and -, at most 40."), "tags")


def check_django_url(value: str) -> None:
    """Accept http and https addresses, host names without a dot included."""
    _check(value, {"http", "https"})


def check_stream_url(value: str) -> None:
    """Accept stream addresses. A user name or password would be readable by everyone who sees the machine: refused."""
    _check(value, {"rtsp", "rtsps", "http", "https"})


def check_camera_address(value: str) -> None:
    """Accept a camera's host with or without a port, and HTTP addresses; without user name and password."""
    _check(value if "://" in value else f"http://{value}", {"http", "https"})


def _check(value: str, schemes: set[str]) -> None:
    parts = _split(value)
    if parts is None or parts.scheme.lower() not in schemes or not parts.hostname:
        raise ValidationError(
            _("An address begins with %(schemes)s and names a host."),
            "address",
            {"schemes": ", ".join(f"{scheme}://" for scheme in sorted(schemes))},
        )
    named = {name.lower() for name, _value in parse_qsl(parts.query.replace(";", "&"), keep_blank_values=True)}
    if parts.username is not None or parts.password is not None or named & LOGIN_NAMES:
        raise ValidationError(_("Leave user name and password out of the address: they would be shown."), "secret")


def _split(value: str) -> SplitResult | None:
    """Return the parts of an address, or None where it has none: white space, control characters, a port that is no number."""
    if any(character.isspace() or not character.isprintable() for character in value):
        return None
    try:
        parts = urlsplit(value)
        _port = parts.port
    except ValueError:
        return None
    return parts
