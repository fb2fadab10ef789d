"""What a proxy before this server says of a request: believed of the proxies that the settings name, and of nobody else.

Stands first, so that whatever comes after, throttling and the audit trail among it, reads one truth in the usual places.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

log = logging.getLogger(__name__)

FORWARDED = "HTTP_X_FORWARDED_"
# Peers that were not believed and told of in the log: a few, since whoever calls may call from many addresses.
_TOLD: set[str] = set()
MOST_TOLD = 20

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def read(word: str) -> Address | None:
    """Return the address a word is, an IPv4 one for one dressed as IPv6; None for anything else."""
    try:
        found = ip_address(word.strip())
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def is_trusted(word: str, proxies: Sequence[Network]) -> bool:
    """Return whether a word is the address of one of the proxies."""
    found = read(word)
    return found is not None and any(found in network for network in proxies)


def client_behind(peer: str, chain: str, proxies: Sequence[Network]) -> str:
    """Return whom the trusted proxies speak for.

    Each proxy adds at the end of the chain who called it; read from there, the first that is no proxy of ours is the client, and
    whatever stands before it is what the client made up. A word that is no address ends the reading.
    """
    client = peer
    for word in reversed(chain.split(",")):
        found = read(word)
        if found is None:
            break
        client = str(found)
        if not is_trusted(client, proxies):
            break
    return client


class ProxyMiddleware:
    """Puts a trusted proxy's word where Django looks, and takes away everybody else's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        said = {name: request.META.pop(name) for name in list(request.META) if name.startswith(FORWARDED)}
        # `headers` reads META once and keeps what it read.
        request.__dict__.pop("headers", None)
        if said and settings.BEHIND_PROXY:
            _believe(request, said)
        return self.get_response(request)


def _believe(request: HttpRequest, said: dict[str, str]) -> None:
    peer = request.META.get("REMOTE_ADDR") or ""
    if not is_trusted(peer, settings.TRUSTED_PROXIES):
        _tell(peer)
        return
    request.META["REMOTE_ADDR"] = client_behind(peer, said.get(f"{FORWARDED}FOR", ""), settings.TRUSTED_PROXIES)
    if (scheme := said.get(f"{FORWARDED}PROTO")) is not None:
        # The last word alone is the proxy's own.
        request.META[f"{FORWARDED}PROTO"] = scheme.rpartition(",")[2].strip()


def _tell(peer: str) -> None:
    if peer not in _TOLD and len(_TOLD) < MOST_TOLD:
        _TOLD.add(peer)
        log.warning("X-Forwarded headers not believed: name the proxy in AL_TRUSTED_PROXIES", extra={"peer": peer})
