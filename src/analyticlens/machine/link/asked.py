"""Hearing what people ask of the machine, by a long poll, and telling what was changed at the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
from pydantic import ValidationError

from analyticlens.machine import clock, log
from analyticlens.machine.link.commands import Commands
from analyticlens.machine.link.door import CONNECT_SECONDS, Door, DoorDown, DoorRefused
from analyticlens.protocol.desired import DesiredDocument
from analyticlens.protocol.strict import first_error

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

WAIT_SECONDS = 25
# Between two answers that brought nothing new, so that a confused server is not asked without pause.
BREATH_SECONDS = 0.25
# An answer that came within so long of the question is as old as that at most.
FRESH_SECONDS = 0.1
LARGEST_BLOB = 256 * 1024 * 1024


class Listener:
    """The long poll, on a connection of its own."""

    def __init__(self, station: Station, commands: Commands) -> None:
        """Listen for station."""
        self._station = station
        self._commands = commands

    def step(self, door: Door) -> float:
        """Wait for news once and take it; return the seconds until the next poll."""
        station = self._station
        version, sha256 = station.changes.known
        began = clock.mono()
        document = self._poll(door, WAIT_SECONDS)
        if station.closed:
            return 0.0
        station.live.watched = document.watched
        # Believed as it is, not only upwards: a restored orchestrator counts from where its backup was.
        self._commands.fence = document.fence
        if document.commands:
            self._take_commands(door, document, began)
        if not station.changes.knows(document):
            fetch_blobs(door, station, document)
            station.apply(document)
        hurried = clock.mono() - began < BREATH_SECONDS and station.changes.known == (version, sha256)
        return BREATH_SECONDS if hurried else 0.0

    def _poll(self, door: Door, seconds: int) -> DesiredDocument:
        version, sha256 = self._station.changes.known
        known = {"after": version, "fence": self._commands.fence, **({"sha256": sha256} if sha256 else {})}
        timeout = httpx2.Timeout(seconds + 10.0, connect=CONNECT_SECONDS)
        return door.ask(DesiredDocument, "GET", "desired", params={**known, "wait": seconds}, timeout=timeout)

    def _take_commands(self, door: Door, document: DesiredDocument, asked_at: float) -> None:
        """Take what waits to be done, each act for the time it had left when it was asked for: nobody knows how old an answer is.

        It may have been held up on its way, or lain here while this process was stopped. After a poll that waited, what waits is
        therefore asked for once more, without waiting.
        """
        if clock.mono() - asked_at > FRESH_SECONDS:
            asked_at = clock.mono()
            document = self._poll(door, 0)
            self._commands.fence = document.fence
        self._commands.take(document.commands, asked_at)


class Registrar:
    """Registers local changes by compare-and-set."""

    def __init__(self, station: Station) -> None:
        """Register station's changes."""
        self._station = station

    def step(self, door: Door) -> float:
        """Register the change that waits, if one does; return the seconds until the next look."""
        station = self._station
        station.changes.wake.clear()
        found = station.changes.local_change()
        if found is None:
            return 30.0
        change, pending = found
        headers = {"If-Match": f'"{pending.base}"'}
        try:
            document = door.ask(DesiredDocument, "PUT", "desired", change, headers=headers)
        except DoorRefused as refused:
            if refused.status != 412:
                raise
            current = _current(refused)
            fetch_blobs(door, station, current)
            station.apply(current)
        else:
            with station.acting:
                station.changes.registered(document, pending)
        log.event("local_change_told", version=station.kept.applied.version)
        return 0.0


def fetch_blobs(door: Door, station: Station, document: DesiredDocument) -> None:
    """Bring what the document names and this machine does not have yet. Raises DoorDown: the document then waits with it.

    What the orchestrator does not have stays missing, and the recipe or configuration is rejected in words when it is built.
    """
    named = [*(document.recipe.blobs if document.recipe else ())]
    if document.body and document.body.configuration.health.reference:
        named.append(document.body.configuration.health.reference)
    for name in station.blobs.missing(named):
        try:
            content = door.fetch(f"blobs/{name}", LARGEST_BLOB)
        except DoorRefused as refused:
            if refused.status != 404:
                raise
            log.event("blob_missing", refused.message, sha256=name)
        else:
            station.blobs.write(name, content)


def _current(refused: DoorRefused) -> DesiredDocument:
    """Return the document that a 412 carries. Raises DoorDown when it carries none."""
    try:
        return DesiredDocument.model_validate(refused.details.get("current"))
    except ValidationError as error:
        raise DoorDown(f"a 412 without the current document: {first_error(error)}") from None
