"""The sign-in provider: the one module that talks to it (OpenID Connect, authorization code with PKCE, state and nonce).

What it says of itself is read at the first sign-in and anew each hour, its keys with it. Imported where somebody signs in, since the
extra `sso` may be absent.
"""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.django_client import DjangoIntegration, DjangoOAuth2App
from joserfc.errors import JoseError

from analyticlens.protocol.loopback import is_loopback
from audit import clock
from user.sso_settings import the_provider

# To connect, and to wait for the next bytes.
TIMEOUT = (3.05, 10)
KNOWN_FOR = 3600.0
# After a failure nobody else waits for the same silence.
DOWN_FOR = 10.0
LEEWAY = 60
# Signed with a key of the provider's alone: neither `none`, nor an HMAC whose key would be a secret others may know too.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
# What somebody else's server may make of an answer: no connection, no JSON, no such word, no such signature.
NONSENSE = (AuthlibBaseError, JoseError, ValueError, TypeError, KeyError, AttributeError, RuntimeError)


class ProviderDown(Exception):
    """The provider cannot be reached; the message says why, for the log."""


class NotTrusted(Exception):
    """What the provider or the browser brought does not hold; the message says what, without anything secret."""


class NotSetUp(Exception):
    """The client secret cannot be used; the message says why, for the log."""


@dataclass(frozen=True)
class Begun:
    """A sign-in that was begun: where the browser goes, and what must come back."""

    url: str
    state: str
    nonce: str
    verifier: str


class Provider(DjangoOAuth2App):  # type: ignore[misc]  # authlib has no types
    """authlib's client, which believes of the provider's description only what fits the settings."""

    server_metadata: dict[str, Any]

    def load_server_metadata(self) -> dict[str, Any]:
        """Return what the provider says of itself. Raises NotTrusted: another issuer, or an address that is not over TLS."""
        fresh = "_loaded_at" not in self.server_metadata
        said: dict[str, Any] = super().load_server_metadata()
        if fresh:
            try:
                _check(said)
            except NotTrusted:
                self.server_metadata = {}
                raise
        return said


def _check(said: dict[str, Any]) -> None:
    if said.get("issuer") != the_provider().issuer:
        raise NotTrusted("its description names another issuer")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        address = urlsplit(str(said.get(name, "")))
        needed = name != "userinfo_endpoint" or name in said
        if (
            needed
            and address.scheme != "https"
            and not (address.scheme == "http" and is_loopback(address.hostname or ""))
        ):
            raise NotTrusted(f"its {name} is no https:// address")
    offered = said.get("id_token_signing_alg_values_supported") or ["RS256"]
    usable = [name for name in ALGORITHMS if name in offered]
    if not usable:
        raise NotTrusted("its ID tokens are signed in no way that proves who signed")
    said["id_token_signing_alg_values_supported"] = usable


_lock = threading.Lock()
_known: tuple[Provider, float] | None = None
_failed: tuple[Exception, float] | None = None


def forget() -> None:
    """Ask the provider anew who it is, at the next sign-in."""
    global _known, _failed
    with _lock:
        _known = _failed = None


def client_secret(path: Path) -> str:
    """Return the secret in a file. Raises NotSetUp with one sentence: it is missing, empty, or others may read it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotSetUp(f"{path} cannot be read: {type(error).__name__}") from None
    if mode & 0o077:
        raise NotSetUp(f"{path} can be read by others")
    if not text:
        raise NotSetUp(f"{path} is empty")
    return text


def _provider() -> Provider:
    global _known, _failed
    with _lock:
        now = clock.mono()
        if _known is not None and now < _known[1] + KNOWN_FOR:
            return _known[0]
        if _failed is not None and now < _failed[1] + DOWN_FOR:
            raise type(_failed[0])(str(_failed[0]))
        try:
            made = _ask()
        except (ProviderDown, NotTrusted) as error:
            _failed = (error, clock.mono())
            raise
        _known, _failed = (made, now), None
        return made


def _ask() -> Provider:
    sso = the_provider()
    made = Provider(
        DjangoIntegration("sso"),
        "sso",
        client_id=sso.client_id,
        client_secret=client_secret(sso.secret_file),
        server_metadata_url=f"{sso.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT,
        },
    )
    with _telling("description"):
        made.load_server_metadata()
        made.fetch_jwk_set()
    return made


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Turn what goes wrong with the provider into one of this module's exceptions; `what` was being read."""
    try:
        yield
    except requests.JSONDecodeError:
        raise NotTrusted(f"its {what}: no JSON") from None
    except requests.RequestException as error:
        # Its text holds an address, and no secret.
        raise ProviderDown(f"its {what}: {error}") from None
    except NONSENSE as error:
        # Never its text: that may hold what was sent.
        claim = getattr(error, "claim", "")
        raise NotTrusted(f"its {what}: {type(error).__name__}{claim and f' of {claim}'}") from None


def begin(redirect_uri: str) -> Begun:
    """Return where to send a browser that wants to sign in. Raises ProviderDown, NotTrusted or NotSetUp."""
    made = _provider().create_authorization_url(redirect_uri)
    return Begun(made["url"], made["state"], made["nonce"], made["code_verifier"])


def finish(code: str, begun_nonce: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
    """Return the claims about whoever signed in, verified: signature, issuer, audience, times, nonce.

    Where the ID token lacks the claim with the groups, the provider's own page about the person is asked too. Raises ProviderDown,
    NotTrusted or NotSetUp.
    """
    provider, sso = _provider(), the_provider()
    with _telling("tokens"):
        token = provider.fetch_access_token(redirect_uri, code=code, code_verifier=verifier)
    if not isinstance(token.get("id_token"), str):
        raise NotTrusted("its tokens: no ID token")
    with _telling("ID token"):
        claims = dict(
            provider.parse_id_token(
                token,
                begun_nonce,
                claims_options={
                    "iss": {"essential": True, "value": sso.issuer},
                    "aud": {"essential": True, "value": sso.client_id},
                },
                leeway=LEEWAY,
            )
        )
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise NotTrusted("its ID token: no subject")
    if values_of(claims, sso.claim) is None and "userinfo_endpoint" in provider.server_metadata:
        with _telling("userinfo"):
            more = dict(provider.userinfo(token=token))
        if more.get("sub") != subject:
            raise NotTrusted("its userinfo: of somebody else")
        claims = {**more, **claims}
    return claims


def values_of(claims: dict[str, Any], name: str) -> list[str] | None:
    """Return the words of a claim, by its name or by a path such as "realm_access.roles"; None where it is absent."""
    found: Any = claims
    if name in claims:
        found = claims[name]
    else:
        for step in name.split("."):
            if not isinstance(found, dict) or step not in found:
                return None
            found = found[step]
    if isinstance(found, str):
        return [found]
    return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []
