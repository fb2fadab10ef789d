"""Signals that come by themselves: over the machine's own web server, or with the camera's picture. Nothing is opened for them."""

from __future__ import annotations

import threading

from analyticlens.machine.triggers.listening import Ear, Post
from analyticlens.protocol.external import SignalCommon


class PassiveListener:
    """Waits until it is closed."""

    def __init__(self, signal: SignalCommon, ear: Ear, post: Post) -> None:
        """Listen for ear."""
        self._ear = ear
        self._closing = threading.Event()

    def serve(self) -> None:
        """Do nothing until closed."""
        self._ear.opened()
        self._closing.wait()

    def close(self) -> None:
        """End."""
        self._closing.set()
