"""What listens for signals, without a machine around it: a real outbox and queue, whose triggers nobody inspects until a test does."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pydantic import TypeAdapter

from analyticlens.machine.outbox import Outbox
from analyticlens.machine.station import Station
from analyticlens.machine.triggers import Listening, Triggered, TriggerQueue
from analyticlens.machine.triggers.listening import Session
from analyticlens.protocol.configuration import ExternalTrigger, ManualTrigger
from analyticlens.protocol.external import Signal


class Bench:
    """The parts of a station that listening uses."""

    def __init__(self, folder: Path) -> None:
        self.outbox = Outbox(folder)
        self.queue = TriggerQueue(self.outbox)
        self.told: list[tuple[str, str]] = []
        self.settings = SimpleNamespace(machine_id="vm_bench", data=folder)
        self.loop = SimpleNamespace(queue=self.queue)
        self.changes = SimpleNamespace(heartbeat_soon=threading.Event())
        self.recorder = SimpleNamespace(event=lambda code, message, **more: self.told.append((code, message)))
        self.listening = Listening(cast(Station, self))

    def signalled(self, part_id: str | None, delay: float) -> int:
        """Queue a trigger."""
        return self.queue.put(part_id, delay=delay)

    def hear(self, **signal: Any) -> Session:
        """Listen for a signal; return its session."""
        self.listening.use(ExternalTrigger(signal=TypeAdapter(Signal).validate_python(signal)))
        session = self.listening.session
        assert session is not None
        return session

    def deaf(self) -> None:
        """Listen to nothing."""
        self.listening.use(ManualTrigger())

    def take(self) -> list[Triggered]:
        """Take everything that is due."""
        found = []
        while (triggered := self.queue.take()) is not None:
            found.append(triggered)
        return found

    def parts(self) -> list[str | None]:
        """Take everything that is due; return the parts."""
        return [triggered.part_id for triggered in self.take()]

    def close(self) -> None:
        """End all."""
        self.listening.close()
        self.outbox.close()
