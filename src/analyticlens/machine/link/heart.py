"""The heartbeat: what the machine says it is, every five seconds and at once when it changes; births, marks, goodbye."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from analyticlens import __version__
from analyticlens.engine import ENGINE_VERSION
from analyticlens.machine import clock
from analyticlens.machine.figures import health
from analyticlens.machine.link.door import Door, DoorDown, DoorRefused
from analyticlens.machine.link.missed import Missed
from analyticlens.machine.outbox import Epoch
from analyticlens.protocol.heartbeat import (
    HEARTBEAT_SECONDS,
    Goodbye,
    Heartbeat,
    HeartbeatAnswer,
    OutboxState,
)

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

INSTANCE = "instance_id"


class Heart:
    """Builds heartbeats and takes their answers to heart. One thread."""

    def __init__(self, station: Station) -> None:
        """Beat for station."""
        self._station = station
        self._opened = clock.mono()
        self._epoch = ""
        self._seq = 0
        self._accepted = ""
        self._want_marks = True
        self._next_at = 0.0
        self.answered = False
        self.missed = Missed(station)

    def step(self, door: Door) -> float:
        """Send one heartbeat; return the seconds until the next."""
        station = self._station
        station.changes.heartbeat_soon.clear()
        self._next_at = clock.mono() + HEARTBEAT_SECONDS
        epoch = station.outbox.epoch
        heard = station.outbox.heard.copy()
        beat = self._heartbeat(epoch)
        try:
            answer = door.ask(HeartbeatAnswer, "POST", "heartbeat", beat)
        except DoorDown:
            self.missed.keep(beat)
            raise
        except DoorRefused as refused:
            if refused.status == 409 and isinstance(highest := refused.details.get("highest"), int):
                station.outbox.open_above(highest)
                return 0.0
            raise
        return self._take(epoch, beat, answer, heard)

    def goodbye(self, door: Door, reason: str) -> None:
        """Say that the machine leaves on purpose. Raises DoorDown, DoorRefused."""
        epoch = self._station.outbox.epoch
        if self._accepted == epoch.epoch:
            said = Goodbye(epoch=epoch.epoch, epoch_no=epoch.epoch_no, hb_seq=self._number(epoch), reason=reason)
            door.call("POST", "goodbye", said)

    def _number(self, epoch: Epoch) -> int:
        if epoch.epoch != self._epoch:
            self._epoch, self._seq = epoch.epoch, 0
        self._seq += 1
        return self._seq

    def _heartbeat(self, epoch: Epoch) -> Heartbeat:
        station = self._station
        status, outbox, speed = station.status(), station.outbox, station.recorder.speed
        birth = self._accepted != epoch.epoch
        return Heartbeat(
            epoch=epoch.epoch,
            epoch_no=epoch.epoch_no,
            hb_seq=self._number(epoch),
            birth=birth,
            marks=outbox.marks() if birth or self._want_marks else [],
            instance_id=outbox.word(INSTANCE),
            wall=clock.wall_text(),
            mono_ns=clock.mono_ns(),
            uptime_seconds=clock.mono() - self._opened,
            app_version=__version__,
            engine_version=ENGINE_VERSION,
            status=status.status,
            mode=status.mode,
            error_message=status.error_message[:2000],
            recipe_sha256=status.recipe_sha256,
            generation=status.generation,
            applied=status.applied,
            counters=status.counters,
            trigger=status.trigger,
            outbox=OutboxState(
                depth=outbox.depth(), oldest_seconds=outbox.oldest_seconds(), pictures=outbox.pictures_waiting()
            ),
            frame_age_seconds=station.frame_age(),
            source=station.loop.camera.facts(),
            fps=speed.fps(),
            latency_p50_ms=speed.latency(0.5),
            latency_p99_ms=speed.latency(0.99),
            health=health(station.settings.data),
            picture=station.recorder.condition,
            last_verdict=status.last_verdict,
            port=station.settings.port,
            insecure_legacy=station.settings.insecure_legacy,
            warnings=[warning[:200] for warning in status.warnings][:20],
        )

    def _take(self, epoch: Epoch, beat: Heartbeat, answer: HeartbeatAnswer, heard: Counter[str]) -> float:
        station, outbox = self._station, self._station.outbox
        self.answered = True
        if beat.birth:
            outbox.born(epoch)
            self._accepted = epoch.epoch
        for mark in answer.marks:
            if lost := outbox.acknowledge(mark.epoch, mark.mark, heard[mark.epoch]):
                sentence = f"the orchestrator knows {lost} records less than it acknowledged; they are sent again"
                station.recorder.event("server_rewound", sentence, epoch_no=mark.epoch_no)
        known = outbox.word(INSTANCE)
        self._want_marks = answer.want_marks or (answer.instance_id != known and not beat.marks)
        if answer.instance_id != known:
            outbox.keep_word(INSTANCE, answer.instance_id)
        station.live.watched = answer.watched
        turned = outbox.turn_month(_month_of(answer.server_time))
        if turned or self._want_marks:
            return 0.0
        return max(0.0, self._next_at - clock.mono())


def _month_of(server_time: str) -> str:
    """Return the month of the orchestrator's clock, which settles in which one an epoch is; ours when it says nothing readable."""
    try:
        return datetime.fromisoformat(server_time).strftime("%Y-%m")
    except ValueError:
        return clock.month()
