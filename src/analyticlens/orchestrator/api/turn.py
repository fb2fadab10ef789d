"""Writers of one process take turns.

SQLite has one write lock and no queue for it: whoever finds it taken sleeps and tries again, up to a tenth of a second later, and under
a flood of batches a heartbeat may not find it free for seconds. So the door's writers queue here first. Other databases need no turns.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_turn = threading.Lock()


@contextmanager
def writing() -> Iterator[None]:
    """Run a short transaction in turn. Not for use inside another transaction, which would wait while holding the lock others need."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    with _turn, transaction.atomic():
        yield
