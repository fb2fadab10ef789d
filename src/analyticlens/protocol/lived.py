"""The time that retention goes by: a clock that jumps forward makes nothing old.

What is kept for so many days is kept for days that were lived through. A wall clock that is ahead of them by more than a while was set, by
mistake or after a long rest, and nobody here can tell which. For a week of running nothing counts as older than it was, and that is said;
whoever sees it sets the clock right in that time. Then the clock is believed, so that nothing is kept for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

# A rest or a correction that needs no doubt, and how long a longer one is doubted, in seconds of running.
REST_SECONDS = 86_400.0
DOUBT_SECONDS = 7 * 86_400.0
# Sums of many stretches of running are a little more or less than the whole.
OVER_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Lived:
    """Until when, in seconds since 1970, this place lived, and for how many seconds of running the wall clock is still doubted."""

    until: float
    doubt: float = 0.0

    def advanced(self, wall: float, ran: float) -> Lived:
        """Return how it stands after `ran` seconds of the monotonic clock, while the wall clock says `wall`."""
        due = self.until + max(0.0, ran)
        if wall - due <= REST_SECONDS:
            # Also one that was set back: less is old then.
            return Lived(wall)
        doubt = self.doubt - ran if self.doubt > 0 else DOUBT_SECONDS
        return Lived(due, doubt) if doubt > OVER_SECONDS else Lived(wall)
