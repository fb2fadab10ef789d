"""Single sign-on as the environment says it. Nothing is asked of the provider here: it may be down when the service starts."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from analyticlens.protocol.loopback import is_loopback
from config import env
from user.sso_settings import SingleSignOn, parse_grants


def single_sign_on() -> SingleSignOn | None:
    """Return what AL_OIDC_* say, or None where no provider is named. Raises ImproperlyConfigured with one sentence."""
    issuer = env.text("AL_OIDC_ISSUER")
    if not issuer:
        return None
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    plain = parts.scheme == "http" and is_loopback(host)
    if not host or parts.query or parts.fragment or (parts.scheme != "https" and not plain):
        raise ImproperlyConfigured(f"AL_OIDC_ISSUER is {issuer!r}; say the provider's https:// address")
    try:
        grants = parse_grants(_needed("AL_OIDC_ROLES"))
    except ValueError as problem:
        raise ImproperlyConfigured(f"AL_OIDC_ROLES: {problem}") from None
    return SingleSignOn(
        issuer,
        _needed("AL_OIDC_CLIENT_ID"),
        Path(_needed("AL_OIDC_CLIENT_SECRET_FILE")).expanduser(),
        env.text("AL_OIDC_NAME") or host,
        grants,
        env.text("AL_OIDC_ROLES_CLAIM") or "groups",
    )


def _needed(name: str) -> str:
    found = env.text(name)
    if not found:
        raise ImproperlyConfigured(f"AL_OIDC_ISSUER is set, and {name} is not")
    return found
