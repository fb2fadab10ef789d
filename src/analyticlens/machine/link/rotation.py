"""The machine's own token is changed now and then: what was copied from an old disk or backup opens nothing for long."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from analyticlens.machine import clock, log
from analyticlens.machine.link.credential import keep_token
from analyticlens.machine.link.door import Door
from analyticlens.protocol.canonical import sha256_text
from analyticlens.protocol.desired import TokenAnswer

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

# A token is changed after so long; not all machines of a plant on one day.
SOONEST, LATEST = timedelta(days=20), timedelta(days=30)
LOOK_AGAIN_SECONDS = 3600.0
NOT_CONNECTED_SECONDS = 60.0
# The word in the outbox that tells when which token (its hash) is to be changed.
DUE = "token_due"


class Rotation:
    """Asks for a new token when the time has come, keeps it, and only then has it used. One thread.

    Killed at any moment the machine goes on with the kept token: the old one is good until the new one is used, for a day at most, and
    asking again replaces a new one that nobody used.
    """

    def __init__(self, station: Station, path: Path, token: Callable[[], str], take: Callable[[str], None]) -> None:
        """Change the `token` in use, which is kept at path; `take` puts another one into use."""
        self._station, self._path, self._token, self._take = station, path, token, take

    def step(self, door: Door) -> float:
        """Change the token if it is time; return the seconds until the next look. Raises DoorDown, DoorRefused, OSError."""
        if self._station.connection != "connected":
            return NOT_CONNECTED_SECONDS
        token = self._token()
        if clock.wall() < self._due(token):
            return LOOK_AGAIN_SECONDS
        # Asking for one that cannot be kept would end the old one in a day.
        keep_token(self._path, token)
        fresh = door.ask(TokenAnswer, "POST", "token").token
        keep_token(self._path, fresh)
        self._take(fresh)
        log.event("token_changed")
        return LOOK_AGAIN_SECONDS

    def _due(self, token: str) -> datetime:
        """Return when token is to be changed; that begins anew with another token, and where the clock was set back."""
        name, now = sha256_text(token), clock.wall()
        known, _, said = self._station.outbox.word(DUE).partition(" ")
        if known == name and (due := datetime.fromisoformat(said)) <= now + LATEST:
            return due
        due = now + random.uniform(SOONEST / LATEST, 1) * LATEST
        self._station.outbox.keep_word(DUE, f"{name} {due.isoformat()}")
        return due
