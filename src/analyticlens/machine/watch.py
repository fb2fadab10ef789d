"""The watch over a live source: when to ask how it is, how long to leave it alone after a loss, and when it counts as failed."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from pydantic import ValidationError

from analyticlens.machine import clock
from analyticlens.protocol.configuration import LiveSource, Source
from analyticlens.protocol.heartbeat import SourceFacts

PULSE_SECONDS = 1.0
# A child that is well answers at once; one that was stopped does not.
PULSE_ANSWER_SECONDS = 2.0
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
FAILED_AFTER = 5
WITHIN_SECONDS = 600.0
WELL_SECONDS = 60.0


def is_live(source: Source) -> bool:
    """Whether frames come by themselves, so that their silence means something."""
    return isinstance(source, LiveSource)


class CameraWatch:
    """What the parent knows of its live source. The loop writes, heartbeats read."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._mutex = threading.Lock()
        self._losses: deque[float] = deque(maxlen=100)
        self._in_a_row = 0
        self._well_at = 0.0
        self._next_at = 0.0
        self._newest_at: float | None = None
        self._facts: dict[str, Any] = {}
        self._live = False

    @property
    def seconds_left(self) -> float:
        """How long until the source is asked how it is."""
        return self._next_at - clock.mono()

    def opened(self, source: Source) -> None:
        """A source was opened: it gave a frame."""
        with self._mutex:
            self._live = is_live(source)
            self._newest_at = None
            self._facts = {}
            self._next_at = 0.0

    def heard(self, told: dict[str, Any] | None, age: float | None) -> None:
        """Note the newest frame's age in seconds, and what the source says of itself."""
        now = clock.mono()
        with self._mutex:
            self._next_at = now + PULSE_SECONDS
            if age is not None:
                self._newest_at = now - age
            if told:
                self._facts = told

    def lost(self, code: str, sentence: str, pause: float) -> tuple[str, str, float]:
        """Note a loss; return the code and sentence to tell, and the seconds to wait. Many losses in short time are a failed camera."""
        now = clock.mono()
        with self._mutex:
            self._in_a_row = self._in_a_row + 1 if now < self._well_at else 0
            self._losses.append(now)
            count = self._recent(now)
            if pause:
                pause = max(pause, PAUSES[min(self._in_a_row, len(PAUSES) - 1)])
            self._well_at = now + pause + WELL_SECONDS
        if count < FAILED_AFTER:
            return code, sentence, pause
        return "camera_failed", f"the camera was lost {FAILED_AFTER} times in 10 minutes; at last: {sentence}", pause

    @property
    def frame_age(self) -> float | None:
        """Seconds since the newest frame was captured; None for a source without one."""
        with self._mutex:
            return clock.mono() - self._newest_at if self._live and self._newest_at is not None else None

    def facts(self) -> SourceFacts | None:
        """Return what a heartbeat says of the source; None where it is not live."""
        with self._mutex:
            if not self._live:
                return None
            restarts = self._recent(clock.mono())
            known = {key: value for key, value in self._facts.items() if key in SourceFacts.model_fields}
        try:
            return SourceFacts.model_validate({**known, "restarts": restarts})
        except ValidationError:
            # A driver may say anything of itself; a heartbeat does not stop for that.
            return SourceFacts(restarts=restarts)

    def _recent(self, now: float) -> int:
        return sum(now - at <= WITHIN_SECONDS for at in self._losses)
