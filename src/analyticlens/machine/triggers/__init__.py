"""What asks for inspections: the clock, a timetable, people, and signals from outside.

Each trigger is counted when it comes, and at every moment triggered = inspected + refused + missed + those that wait or are inspected.
"""

from __future__ import annotations

from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers.listening import Listening
from analyticlens.machine.triggers.pacer import Pacer
from analyticlens.machine.triggers.queue import Triggered, TriggerQueue
from analyticlens.machine.triggers.timetable import Timetable, forget_timetable, upcoming
from analyticlens.protocol.configuration import Configuration, ExternalTrigger
from analyticlens.protocol.external import HardwareSignal

__all__ = [
    "SOURCE_TRIGGERED",
    "Listening",
    "Pacer",
    "Timetable",
    "TriggerQueue",
    "Triggered",
    "forget_timetable",
    "refuse_unknown",
    "upcoming",
]

# The kinds of sources whose camera takes its pictures by its own line: a grab of theirs waits for the next one. None here does yet.
SOURCE_TRIGGERED: frozenset[str] = frozenset()


def refuse_unknown(configuration: Configuration) -> None:
    """Raise NotNow when the configured trigger is of a kind this machine cannot do with its source."""
    trigger, source = configuration.trigger, configuration.source
    hardware = isinstance(trigger, ExternalTrigger) and isinstance(trigger.signal, HardwareSignal)
    if hardware and source.type not in SOURCE_TRIGGERED:
        raise NotNow(f"sources of type {source.type} cannot be triggered by a line of the camera on this machine")
