"""The sign-in provider as the settings name it, and which role, at which sites, a group of it gives. No models: settings import it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

ROLES = ("viewer", "operator", "engineer", "quality", "admin")


@dataclass(frozen=True)
class Grant:
    """What people of a group may do here; without sites, everywhere."""

    group: str
    role: str
    sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class SingleSignOn:
    """An OpenID Connect provider: who it is, who we are to it, what its groups may do here."""

    issuer: str
    client_id: str
    secret_file: Path
    name: str
    grants: tuple[Grant, ...]
    claim: str


@dataclass(frozen=True)
class Granted:
    """What one person may do: a role, and the sites that bound it. `sites` None leaves them to the administrators here."""

    role: str
    sites: tuple[str, ...] | None


def the_provider() -> SingleSignOn:
    """Return the provider of the settings, where one is known to be named."""
    assert settings.SSO is not None
    return settings.SSO


def parse_grants(text: str) -> tuple[Grant, ...]:
    """Return the grants that text says, such as "vision-engineers=engineer, line-people=operator@betim+contagem".

    Raises ValueError with one sentence about the first that cannot be meant.
    """
    return tuple(_grant(part.strip()) for part in text.split(",") if part.strip())


def _grant(text: str) -> Grant:
    # From the right: names of groups have equals signs of their own.
    group, equals, given = text.rpartition("=")
    role, at, where = (word.strip() for word in given.partition("@"))
    sites = tuple(code.strip() for code in where.split("+")) if at else ()
    if not equals or not group.strip() or role not in ROLES or not all(sites):
        raise ValueError(f"{text!r} is no GROUP=ROLE or GROUP=ROLE@SITE+SITE; roles are {', '.join(ROLES)}")
    return Grant(group.strip(), role, sites)


def granted(grants: tuple[Grant, ...], groups: Iterable[str]) -> Granted | None:
    """Return what the groups of a person give them, or None: nothing. The first grant that fits decides the role.

    Sites of all that fit with that role come together. Where no grant speaks of sites, the provider has no say in them.
    """
    theirs = set(groups)
    fitting = [grant for grant in grants if grant.group in theirs]
    if not fitting:
        return None
    role = fitting[0].role
    if not any(grant.sites for grant in grants):
        return Granted(role, None)
    same = [grant for grant in fitting if grant.role == role]
    everywhere = any(not grant.sites for grant in same)
    return Granted(role, () if everywhere else tuple(sorted({site for grant in same for site in grant.sites})))
