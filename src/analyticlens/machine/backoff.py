"""How long a machine waits before it tries again to have a source and an engine: longer each time it fails, for ever."""

from __future__ import annotations

from analyticlens.machine import clock

# After a child that died; to make another one costs a second of a processor, so the pauses grow.
BACKOFF = (0.1, 1.0, 2.0, 5.0, 10.0, 30.0)
# After a source that did not open or was lost: to look again costs next to nothing, and what came back is soon found.
LONGEST_SOURCE_SECONDS = 5.0


class BackOff:
    """The failures since something worked, and when the next try is due. Its user sees that one thread at a time touches it."""

    def __init__(self) -> None:
        """Begin with a try that is due at once."""
        self._failures = 0
        self._due = 0.0

    @property
    def seconds_left(self) -> float:
        """How long until the next try is due; 0 or less when it is."""
        return self._due - clock.mono()

    def worked(self) -> None:
        """Begin anew with the shortest pause."""
        self._failures = 0

    def at_once(self) -> None:
        """Let the next try be due now, as if nothing had failed."""
        self._failures, self._due = 0, 0.0

    def failed(self, *, source: bool, pause: float = 0.0) -> None:
        """Note a failure; `source` when it is the pictures that could not be had, not the child that died.

        The next try waits no less than `pause` seconds.
        """
        seconds = BACKOFF[min(self._failures, len(BACKOFF) - 1)]
        self._failures += 1
        self._due = clock.mono() + max(min(seconds, LONGEST_SOURCE_SECONDS) if source else seconds, pause)
