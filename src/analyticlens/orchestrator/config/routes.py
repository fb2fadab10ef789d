"""Walks the route table."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver


def route_names(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    """Yield the full name of every route below resolver; "" or a name ending in a colon for one without a name."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name or ''}"
        else:
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from route_names(entry, inner)
