"""Writes which role may use which route, from the one table in code.

analyticlens manage roles --file docs/roles.md
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.urls import URLPattern, URLResolver, get_resolver

from config.access import ACCESS, MACHINE, PUBLIC, SESSION, permission_of
from user.models import INCLUDES

HEAD = """# Who may do what

Written by `analyticlens manage roles` from `config/access.py`; a test keeps it current.
What is not named there is refused. A token is a person with at most the role it was given.
Whoever is bounded to some sites and lines reaches what is there and nothing else: the rest is 404. Products, and shifts of all sites, are
theirs to read and not to change. Administrators are never bounded.
*anyone*: without signing in; *machine*: a machine's own token, at [its door](door.md).
"""
OTHERS = {PUBLIC: "anyone", SESSION: "whoever is signed in", MACHINE: "machine"}
# Django's own, whose many routes have one line.
ADMIN = "admin:"


def routes(resolver: URLResolver, space: str = "", before: str = "/") -> Iterator[tuple[str, str]]:
    """Yield name and address of each route; Django's admin is one."""
    for entry in resolver.url_patterns:
        address = f"{before}{entry.pattern}"
        if isinstance(entry, URLPattern):
            yield f"{space}{entry.name or ''}", address
        elif entry.namespace == ADMIN[:-1]:
            yield ADMIN, address
        else:
            yield from routes(entry, f"{space}{entry.namespace}:" if entry.namespace else space, address)


def lines_of() -> Iterator[tuple[str, str, str]]:
    """Yield name, address and permission of each line: a route, or a method of it that asks for more."""
    for name, address in routes(get_resolver("config.urls")):
        yield name, address, "admin" if name == ADMIN else permission_of(name) or ""
        for line, wanted in ACCESS.items():
            if line.startswith(f"{name} "):
                yield line, address, wanted


def table() -> str:
    """Return the page."""
    roles = list(INCLUDES)
    lines = [HEAD, f"| address | name | {' | '.join(roles)} |", f"|---|---|{':-:|' * len(roles)}"]
    for name, address, wanted in lines_of():
        if wanted in OTHERS:
            marks = [OTHERS[wanted], *[""] * (len(roles) - 1)]
        else:
            marks = ["yes" if wanted in INCLUDES[role] else "" for role in roles]
        lines.append(f"| `{address}` | {name} | {' | '.join(marks)} |")
    return "\n".join([*lines, ""])


class Command(BaseCommand):
    """analyticlens manage roles"""

    help = "Write which role may use which route."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the file."""
        parser.add_argument("--file", type=Path, help="where to write it (default: print it)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the page."""
        if options["file"]:
            options["file"].write_text(table(), encoding="utf-8")
        else:
            self.stdout.write(table())
