"""Small readers of the environment. Each refuses what it cannot mean, in words, at start."""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.core.exceptions import ImproperlyConfigured

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})


def text(name: str, default: str = "") -> str:
    """Return a setting's text without the white space around it."""
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool) -> bool:
    """Return a yes or no; any other word is refused."""
    word = text(name).lower()
    if not word:
        return default
    if word in YES | NO:
        return word in YES
    raise ImproperlyConfigured(f"{name} is {word!r}; say 1 or 0")


def number(name: str, default: int, low: int, high: int) -> int:
    """Return a whole number between low and high, both included."""
    word = text(name)
    if not word:
        return default
    try:
        value = int(word)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {word!r}; say a whole number") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name} is {value}; it goes from {low} to {high}")
    return value


def words(name: str, default: str = "") -> list[str]:
    """Return a list written with commas between its words."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def networks(name: str, default: str = "") -> list[IPv4Network | IPv6Network]:
    """Return addresses and networks written with commas between them; an address is a network of one."""
    found = []
    for word in words(name, default):
        try:
            found.append(ip_network(word))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} has {word!r}; say an address or a network, such as 10.0.0.5 or 10.0.0.0/24"
            ) from error
    return found
