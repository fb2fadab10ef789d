"""Signals at an input pin of this computer, by gpiozero."""

from __future__ import annotations

import queue
from typing import Any

from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers.listening import Ear, ListenerBroke, Post
from analyticlens.protocol.external import GpioSignal

# Edges that may wait for the thread: a pin that chatters faster than they are dealt with loses some, each within the debounce time.
MOST_EDGES = 256


class GpioListener:
    """One pin."""

    def __init__(self, signal: GpioSignal, ear: Ear, post: Post) -> None:
        """Listen for ear."""
        self._signal, self._ear = signal, ear
        self._edges: queue.Queue[bool] = queue.Queue(MOST_EDGES)
        self._closed = False

    def close(self) -> None:
        """Have `serve` end."""
        self._closed = True
        self._put(False)

    def serve(self) -> None:
        """Take edges until closed. Raises ListenerBroke."""
        try:
            from gpiozero import DigitalInputDevice
            from gpiozero.exc import GPIOZeroError
        except ImportError:
            raise ListenerBroke("an input pin needs gpiozero: install analyticlens[gpio]") from None
        signal = self._signal
        pull = {"up": True, "down": False, "none": None}[signal.pull]
        try:
            device = DigitalInputDevice(signal.pin, pull_up=pull, active_state=True if pull is None else None)
        except (GPIOZeroError, OSError, ValueError) as error:
            raise ListenerBroke(f"pin {signal.pin} cannot be used: {error}") from None
        with device:
            self._hear(device)
            self._ear.opened()
            while not self._closed:
                if self._edges.get():
                    self._take()

    def _hear(self, device: Any) -> None:
        """Have the edges that count put into the queue, by the thread of the pins."""
        # With the resistor to plus, an input that is pulled down is the active one.
        to_one, to_zero = (
            ("when_deactivated", "when_activated")
            if self._signal.pull == "up"
            else (
                "when_activated",
                "when_deactivated",
            )
        )
        if self._signal.edge in ("rising", "both"):
            setattr(device, to_one, lambda: self._put(True))
        if self._signal.edge in ("falling", "both"):
            setattr(device, to_zero, lambda: self._put(True))

    def _put(self, edge: bool) -> None:
        try:
            self._edges.put_nowait(edge)
        except queue.Full:
            return

    def _take(self) -> None:
        try:
            self._ear.signal(None)
        except NotNow:
            return  # Counted there; a pin has nobody to answer.
