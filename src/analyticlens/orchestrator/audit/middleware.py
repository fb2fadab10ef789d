"""Names the actor of a request: its user and the address of the connection, whatever a header claims.

Where a trusted proxy stands before us, `config.proxies` has put there whom it speaks for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from audit.actor import Actor, acting

FENCE_HEADER = "Control-Fence"


def actor_of(request: HttpRequest) -> Actor:
    """Return who sends this request."""
    address = request.META.get("REMOTE_ADDR") or None
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        prefix = getattr(user, "token_prefix", "")
        name = f"{user.get_username()} (alp_{prefix})" if prefix else user.get_username()
        return Actor("user", name, address, user.pk, _through(request, prefix), _fence(request))
    return Actor("system", "anonymous", address)


def _through(request: HttpRequest, prefix: str) -> str:
    """Return what tells this session or token from every other one, the session's key itself hidden."""
    session = getattr(request, "session", None)
    key = f"alp_{prefix}" if prefix else (session.session_key if session is not None else None)
    return hashlib.sha256(key.encode()).hexdigest() if key else ""


def _fence(request: HttpRequest) -> int | None:
    """Return the taking of control that is named; -1, which none is, for a word that is no number."""
    said = request.headers.get(FENCE_HEADER)
    if said is None:
        return None
    return int(said) if said.isascii() and said.isdigit() and len(said) < 16 else -1


class ActorMiddleware:
    """Every entry written while a request is answered carries its actor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with acting(lambda: actor_of(request)):
            return self.get_response(request)
