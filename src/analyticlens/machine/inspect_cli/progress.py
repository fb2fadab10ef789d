"""How far a long run is: one line on standard error, drawn again and again, where that is a terminal."""

from __future__ import annotations

import sys
from collections import Counter
from time import perf_counter
from types import TracebackType
from typing import Self, TextIO

from analyticlens.protocol.words import VERDICTS, Verdict

WIDTH = 30
# Drawing more often than this is for nobody's eyes.
EVERY = 0.1


class Progress:
    """A bar of so many pictures with the verdicts so far and the time left. On anything but a terminal, nothing."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shown = total > 1 and self._stream.isatty()
        self._total = total
        self._counts: Counter[Verdict] = Counter()
        self._begun = perf_counter()
        self._drawn = -EVERY
        self._drawn_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        self.clear()

    def clear(self) -> None:
        """Take the bar away, so that something else can be printed where it stood."""
        if self._drawn_over:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn_over = False

    def step(self, verdict: Verdict) -> None:
        """Count one picture and draw the bar, unless it was drawn a moment ago."""
        self._counts[verdict] += 1
        now = perf_counter()
        if self._shown and (now - self._drawn >= EVERY or self._counts.total() == self._total):
            self._drawn = now
            self._stream.write(f"\r\x1b[K{self._line(now - self._begun)}")
            self._stream.flush()
            self._drawn_over = True

    def _line(self, seconds: float) -> str:
        done = self._counts.total()
        filled = WIDTH * done // self._total
        left = round(seconds / done * (self._total - done))
        said = ", ".join(f"{self._counts[verdict]} {verdict}" for verdict in VERDICTS if self._counts[verdict])
        bar = "#" * filled + "-" * (WIDTH - filled)
        return (
            f"[{bar}] {done}/{self._total}  {said}  {done / max(seconds, 1e-3):.1f}/s  {left // 60}:{left % 60:02} left"
        )
