"""The time that retention goes by at the orchestrator: what it lived through, not a wall clock that may have been set."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from django.db import transaction

from analyticlens.protocol.lived import Lived
from api import clock
from api.models import Instance
from audit.models import record

log = logging.getLogger(__name__)


class Lifetime:
    """One process' share in it: how long it ran since it noted that last."""

    def __init__(self) -> None:
        self._noted: float | None = None

    def now(self) -> datetime:
        """Note that this process ran on, and return what ages are to be counted to.

        A wall clock that is far ahead of it is told of in the audit trail, once, and believed after a week (`protocol.lived`).
        """
        before, self._noted = self._noted, clock.mono()
        ran = 0.0 if before is None else self._noted - before
        wall = clock.wall().timestamp()
        Instance.current()
        with transaction.atomic():
            row = Instance.objects.select_for_update().get()
            known = Lived(wall if row.lived_until is None else row.lived_until, row.clock_doubt)
            lived = known.advanced(wall, ran)
            Instance.objects.filter(pk=row.pk).update(lived_until=lived.until, clock_doubt=lived.doubt)
            if lived.doubt > 0 and known.doubt == 0:
                _tell(round((wall - lived.until) / 86_400, 1))
        return datetime.fromtimestamp(lived.until, UTC)


def _tell(days: float) -> None:
    record("clock ahead", "server", reason="nothing is forgotten for its age for 7 days of running", days=days)
    log.warning(
        "the clock is ahead of what this server lived through: nothing is forgotten for it", extra={"days": days}
    )
