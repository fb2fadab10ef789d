"""Checks at start: each wrong combination of settings is told in words, with what to do about it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.urls import get_resolver

from analyticlens.protocol.loopback import is_loopback
from config.access import permission_of
from config.routes import route_names


@register()
def check_settings(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:
    """Tell what in the settings would be a danger or a puzzle."""
    found: list[CheckMessage] = []
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "AL_ALLOWED_HOSTS has a *",
                hint="Name the hosts people type, such as vision.plant.local",
                id="config.E001",
            )
        )
    if settings.DEBUG and (settings.BEHIND_PROXY or not is_loopback(settings.HOST)):
        found.append(
            Error(
                "AL_DEBUG is on and others can reach this server",
                hint="AL_DEBUG=0, or AL_HOST=127.0.0.1",
                id="config.E002",
            )
        )
    if not is_loopback(settings.HOST) and not settings.HTTPS:
        found.append(
            Warning(
                "Others can reach this server, without TLS: passwords travel readable",
                hint="Put a proxy with TLS before it and set AL_HTTPS=1",
                id="config.W001",
            )
        )
    found += [
        Error(f"{secret} can be read by others", hint=f"chmod 600 {secret}", id="config.E003")
        for secret in (settings.DATA / "secret_key", settings.SEALING_KEY)
        if stat.S_IMODE(os.stat(secret).st_mode) & 0o077
    ]
    for path in filter(_is_open, _kept_files()):
        found.append(Error(f"{path} can be read by others", hint=f"chmod 600 {path}", id="config.E005"))
    return found


def _kept_files() -> list[Path]:
    """Return the files that tell what nobody else may know: rows, and the key this server speaks TLS with."""
    database = settings.DATABASES["default"]
    rows = [Path(database["NAME"])] if database["ENGINE"].endswith("sqlite3") else []
    return [*rows, *([Path(settings.TLS_KEY)] if settings.TLS_KEY else [])]


def _is_open(path: Path) -> bool:
    """Return whether every account of this computer can read a file: it, and each folder on the way there, lets them."""
    if not path.exists() or not path.stat().st_mode & stat.S_IROTH:
        return False
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


@register()
def check_single_sign_on(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:
    """Tell what would keep people from signing in with their provider. The provider itself is not asked: it may be down."""
    if settings.SSO is None:
        return []
    if find_spec("authlib") is None:
        hint = "pip install 'analyticlens[sso]'"
        return [Error("AL_OIDC_ISSUER is set, and what speaks to it is not installed", hint=hint, id="config.E006")]
    from user.provider import NotSetUp, client_secret

    try:
        client_secret(settings.SSO.secret_file)
    except NotSetUp as problem:
        hint = f"Write the client secret into it, and chmod 600 {settings.SSO.secret_file}"
        return [Error(f"AL_OIDC_CLIENT_SECRET_FILE: {problem}", hint=hint, id="config.E007")]
    return []


@register()
def check_routes(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:
    """Tell which routes have no line in the table of permissions; each of them answers 403."""
    return [
        Error(f"route {name!r} has no permission", hint="Add its line to config/access.py", id="config.E004")
        for name in route_names(get_resolver())
        if permission_of(name) is None
    ]
