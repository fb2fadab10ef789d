"""A live source: a thread that reads as fast as frames come and keeps the newest, so that no old frame waits in any buffer.

Which frame is "now"? One that was never given before and was captured at or after the moment it is wanted for. What chose that moment
from outside (a person, a signal, a timetable) gets no frame older than its choice: a buffered picture may show the part before. The
machine's own continuous trigger, which no part waits for, may take the newest frame if that is no older than one frame interval.
A frame's moment of capture is that of its arrival less the delay the configuration tells: how long pictures take on their way.
"""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.machine import clock
from analyticlens.machine.decode import Undecodable
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources.frames import ANY, FROZEN, Grabbed, Place, Pulse, Wanted
from analyticlens.protocol.configuration import LiveSource as LiveConfig

# A source that is open gives its first frame within this time; the parent waits a little longer for the opening.
FIRST_FRAME_SECONDS = 8.0
LEAST_SILENCE_SECONDS = 5.0
# So many rows tell at little cost that a picture is another one than the last.
ROWS = 16
RATE_WINDOW = 50


class Feed(Protocol):
    """A camera or stream that was opened. Used by the reading thread alone."""

    facts: dict[str, Any]
    """What is in force at the camera, where it says so: exposure, gain."""

    def advance(self) -> None:
        """Wait for the next frame. Raises SourceRefused when there will be none."""

    def picture(self) -> NDArray[Any]:
        """Return that frame, an array of its own. Raises Undecodable."""

    def close(self) -> None:
        """Let the device go."""


@dataclass(frozen=True, slots=True)
class _Frame:
    number: int
    mono: float
    wall: str
    image: NDArray[Any] | None
    problem: str = ""


class LiveSource:
    """The reading thread and the newest frame."""

    def __init__(self, config: LiveConfig, place: Place, open_feed: Callable[[], Feed]) -> None:
        """Open the feed on the reading thread and wait for its first frame. Raises SourceRefused."""
        self.position = place.resume.after
        self._config, self._open_feed = config, open_feed
        self._delay = config.delay_ms / 1000
        self._silence = max(3 * config.expected_seconds, LEAST_SILENCE_SECONDS)
        self._news = threading.Condition()
        self._newest: _Frame | None = None
        self._given = 0
        self._keep_until = float("inf")
        self._arrivals: deque[float] = deque(maxlen=RATE_WINDOW)
        self._opened_at = clock.mono()
        self._opened = self._closing = False
        self._problem: SourceRefused | None = None
        self._facts: dict[str, Any] = {}
        self._last: NDArray[Any] | None = None
        self._repeats = 0
        self.thread = threading.Thread(target=self._run, name="frames", daemon=True)
        self.thread.start()
        try:
            self._await_first()
        except SourceRefused:
            self.close()
            raise

    # --- for the inspecting thread ---------------------------------------------------------------------------------

    def grab(self, wanted: Wanted = ANY) -> Grabbed:
        """Return the newest frame that may be judged for this moment, waiting for it. Raises SourceRefused."""
        earliest = wanted.since if wanted.asked else wanted.since - self._config.expected_seconds
        with self._news:
            self._keep_until = float("inf")
            while not self._fits(frame := self._newest, earliest):
                self._check()
                self._news.wait(0.2)
            assert frame is not None
            self._given = frame.number
            # Who asks again soon finds a picture made already; otherwise frames are not unpacked for nobody.
            self._keep_until = clock.mono() + min(1.0, 3 * self._config.expected_seconds)
        return self._told(frame)

    def pulse(self) -> Pulse:
        """Say how the camera is."""
        with self._news:
            now = clock.mono()
            age = now - self._newest.mono if self._newest else None
            facts = {**self._facts, "fps": self._rate()}
            try:
                self._check()
            except SourceRefused as problem:
                return Pulse(age, problem.code, problem.sentence, facts)
        return Pulse(age, facts=facts)

    def close(self) -> None:
        """Ask the thread to end; one that blocks in a driver ends with its process."""
        with self._news:
            self._closing = True

    def _fits(self, frame: _Frame | None, earliest: float) -> bool:
        if frame is None or frame.number <= self._given or frame.mono < earliest:
            return False
        return frame.image is not None or bool(frame.problem)

    def _check(self) -> None:
        """Raise what keeps frames from coming."""
        if self._problem is not None:
            raise self._problem
        heard = self._newest.mono + self._delay if self._newest else self._opened_at
        if clock.mono() - heard > self._silence:
            raise SourceRefused(
                f"the camera gave no picture for {self._silence:.0f} s", code="camera_stalled", pause=1.0
            )

    def _told(self, frame: _Frame) -> Grabbed:
        if frame.image is None:
            return Grabbed(frame.number, "", None, frame.wall, "decode_failed", frame.problem, mono=frame.mono)
        gist = _gist(frame.image)
        self._repeats = self._repeats + 1 if gist == self.position and self._same(frame.image) else 0
        self._last, self.position = frame.image, gist
        most = self._config.frozen_after
        if most and self._repeats >= most:
            sentence = "the camera gives the same picture over and over"
            return Grabbed(frame.number, "", frame.image, frame.wall, FROZEN, sentence, mono=frame.mono)
        return Grabbed(frame.number, "", frame.image, frame.wall, mono=frame.mono)

    def _same(self, image: NDArray[Any]) -> bool:
        """Whether a picture of the same gist is the one given last, pixel for pixel; of the process before, only the gist is known."""
        last = self._last
        if last is None:
            return True
        return last.shape == image.shape and last.dtype == image.dtype and cv2.norm(last, image, cv2.NORM_INF) == 0

    def _rate(self) -> float:
        times = self._arrivals
        return round((len(times) - 1) / (times[-1] - times[0]), 2) if len(times) > 1 and times[-1] > times[0] else 0.0

    def _await_first(self) -> None:
        deadline = self._opened_at + FIRST_FRAME_SECONDS
        with self._news:
            while self._newest is None:
                if self._problem is not None:
                    raise self._problem
                left = deadline - clock.mono()
                if left <= 0:
                    if self._opened and self._silence > FIRST_FRAME_SECONDS:
                        return
                    raise SourceRefused("the camera was reached but gives no picture", code="camera_stalled", pause=1.0)
                self._news.wait(left)

    # --- the reading thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        feed: Feed | None = None
        try:
            feed = self._open_feed()
            with self._news:
                self._opened = True
            while not self._closing:
                feed.advance()
                self._arrived(feed)
        except SourceRefused as problem:
            self._fail(problem)
        except (cv2.error, OSError, ValueError) as error:
            self._fail(SourceRefused(f"the camera's driver failed: {type(error).__name__}"))
        finally:
            if feed is not None:
                feed.close()

    def _fail(self, problem: SourceRefused) -> None:
        with self._news:
            self._problem = problem
            self._news.notify_all()

    def _arrived(self, feed: Feed) -> None:
        now = clock.mono()
        wall = (clock.wall() - timedelta(seconds=self._delay)).isoformat(timespec="milliseconds")
        image, problem = None, ""
        if now < self._keep_until:
            try:
                image = feed.picture()
            except Undecodable as undecodable:
                problem = undecodable.sentence
        with self._news:
            self._arrivals.append(now)
            number = self._newest.number + 1 if self._newest else 1
            if image is not None:
                self._facts = {**feed.facts, "resolution": [image.shape[1], image.shape[0]]}
            self._newest = _Frame(number, now - self._delay, wall, image, problem)
            self._news.notify_all()


def _gist(image: NDArray[Any]) -> str:
    """Return a short text that a picture which differs in one of some rows almost surely does not have."""
    rows = np.ascontiguousarray(image[:: max(1, image.shape[0] // ROWS)])
    return f"{image.shape[1]}x{image.shape[0]}:{zlib.crc32(rows.data):08x}"
