"""Several acts at the same moment, each on a connection of its own, as several people of a server do them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

from api.errors import Refused


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all acts at the same moment; return what each returned, or the refusal it met."""
    start = Barrier(len(acts))

    def do(act: Callable[[], Any]) -> Any:
        try:
            start.wait(60)
            return act()
        except Refused as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(do, acts))
