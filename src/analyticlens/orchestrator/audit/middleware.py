"""Names the actor of a request: its user and the address of the connection itself, whatever a header claims."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from audit.actor import Actor, acting


def actor_of(request: HttpRequest) -> Actor:
    """Return who sends this request."""
    address = request.META.get("REMOTE_ADDR") or None
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        prefix = getattr(user, "token_prefix", "")
        name = f"{user.get_username()} (alp_{prefix})" if prefix else user.get_username()
        return Actor("user", name, address, user.pk)
    return Actor("system", "anonymous", address)


class ActorMiddleware:
    """Every entry written while a request is answered carries its actor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with acting(lambda: actor_of(request)):
            return self.get_response(request)
