"""Listening for signals from outside: one listener on a thread of its own, opened anew for ever when it breaks.

What breaks here is told and never stops the loop. A listener is made for each try; closing it frees its port at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from analyticlens.machine import clock, log
from analyticlens.machine.backoff import BackOff
from analyticlens.machine.refusals import NotNow
from analyticlens.protocol.configuration import ExternalTrigger, Trigger
from analyticlens.protocol.external import SignalCommon

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

# How long a closing waits for a listener's thread; its port is free by then in any case.
CLOSE_SECONDS = 3.0
# Events about signals that were no good come at most so often: whoever sends them may send many.
COMPLAIN_SECONDS = 60.0


class ListenerBroke(Exception):
    """Signals cannot be heard now; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a listener may use of its machine."""

    machine_id: str
    data: Path


class Ear(Protocol):
    """Whom a listener tells."""

    def opened(self) -> None:
        """Signals are heard from now on."""

    def signal(self, part_id: str | None) -> int:
        """Take a signal; return the trigger's count. Raises NotNow with the reason for the other side."""

    def refuse(self, sentence: str) -> None:
        """Count a trigger that was meant and cannot be taken: hostile or broken content."""

    def ignore(self, sentence: str) -> None:
        """Note a signal that is none: one that came twice, one that was stored for later."""


class Listener(Protocol):
    """A way for signals to come. Made for one try."""

    def serve(self) -> None:
        """Listen until closed. Raises ListenerBroke."""

    def close(self) -> None:
        """End `serve` and free what it holds. From any thread, at any time, more than once."""


Make = Callable[[Ear, Post], Listener]


class Listening:
    """The listener of the trigger in force, and what it does with signals: debounce, delay, hand on."""

    def __init__(self, station: Station) -> None:
        """Listen for station; to nothing as yet."""
        self._station = station
        self._post = Post(station.settings.machine_id, station.settings.data)
        self._mutex = threading.Lock()
        self._session: Session | None = None
        self._signal: SignalCommon | None = None

    def use(self, trigger: Trigger) -> None:
        """Listen as this trigger says. A listener for something else is closed, and its port free, when this returns."""
        signal = trigger.signal if isinstance(trigger, ExternalTrigger) else None
        with self._mutex:
            if signal == self._signal:
                return
            stale, self._signal = self._session, signal
            self._session = fresh = None if signal is None else Session(self._station, signal, self._post)
        # Outside the mutex: who only asks what listens does not wait for a listener that ends.
        if stale is not None:
            stale.close()
        if fresh is not None:
            fresh.start()

    def close(self) -> None:
        """End."""
        with self._mutex:
            stale, self._session, self._signal = self._session, None, None
        if stale is not None:
            stale.close()

    @property
    def session(self) -> Session | None:
        """Return what listens now."""
        with self._mutex:
            return self._session


class Session:
    """One signal's listening, from the configuration that wants it to the next."""

    def __init__(self, station: Station, signal: SignalCommon, post: Post) -> None:
        """Prepare; `start` runs it."""
        self.signal_config = signal
        self.error = ""
        self.listening = False
        self.ignored = 0
        self._station, self._post = station, post
        self._closing = threading.Event()
        self._mutex = threading.Lock()
        self._listener: Listener | None = None
        self._counted_at = float("-inf")
        self._complained_at = float("-inf")
        self._back_off = BackOff()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="listener")
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        """Run."""
        self._thread.start()

    def close(self) -> None:
        """Close the listener; what it held is free then."""
        self._closing.set()
        with self._mutex:
            if self._listener is not None:
                self._listener.close()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)

    # --- what listeners tell ---------------------------------------------------------------------------------------

    def opened(self) -> None:
        """Note that signals are heard."""
        self.listening = True
        self._back_off.worked()
        if self.error:
            said, self.error = self.error, ""
            self._station.recorder.event("signal_back", said)
            self._station.changes.heartbeat_soon.set()

    def signal(self, part_id: str | None) -> int:
        """Take a signal unless it is a bounce; it is inspected after the delay. Raises NotNow."""
        now = clock.mono()
        with self._mutex:
            if self._closing.is_set():
                raise NotNow("the machine is closing")
            if now < self._counted_at + self.signal_config.debounce_ms / 1000:
                self.ignored += 1
                raise Bounced("ignored: it came within the debounce time")
            self._counted_at = now
        return self._station.signalled(part_id, self.signal_config.delay_ms / 1000)

    def refuse(self, sentence: str) -> None:
        """Count a trigger that cannot be taken, and tell of it now and then."""
        self._station.loop.queue.refuse(sentence)
        self._complain("signal_refused", sentence)

    def ignore(self, sentence: str) -> None:
        """Count a signal that is none, and tell of it now and then."""
        with self._mutex:
            self.ignored += 1
        self._complain("signal_ignored", sentence)

    def _complain(self, code: str, sentence: str) -> None:
        now = clock.mono()
        if now >= self._complained_at + COMPLAIN_SECONDS:
            self._complained_at = now
            self._station.recorder.event(code, sentence)

    # --- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            problem = self._listen()
            self.listening = False
            if self._closing.is_set():
                return
            self._tell(problem)
            self._back_off.failed(source=True)
            clock.wait(self._closing, self._back_off.seconds_left)

    def _listen(self) -> BaseException | None:
        """Listen until that ends; return what ended it. The future keeps whatever was raised, a library's fault as well."""
        from analyticlens.machine.triggers.kinds import LISTENERS

        with self._mutex:
            if self._closing.is_set():
                return None
            self._listener = LISTENERS[type(self.signal_config)](self.signal_config, self, self._post)
        try:
            return self._pool.submit(self._listener.serve).exception()
        except RuntimeError as closing:  # The pool was shut down in between.
            return closing
        finally:
            self._listener.close()

    def _tell(self, problem: BaseException | None) -> None:
        if isinstance(problem, ListenerBroke):
            sentence = str(problem)
        else:
            sentence = f"the listener ended: {type(problem).__name__}: {problem}" if problem else "the listener ended"
        if sentence == self.error:
            return
        first, self.error = not self.error, sentence[:2000]
        if first:
            self._station.recorder.event("signal_lost", self.error)
        else:
            log.event("signal_lost", self.error)
        self._station.changes.heartbeat_soon.set()


class Bounced(NotNow):
    """A signal too soon after one that counted."""
