"""What the heartbeat says of speed and of the box."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path

import psutil

from analyticlens.machine import clock
from analyticlens.protocol.heartbeat import Health

WINDOW = 300
FPS_SECONDS = 10.0


class Speed:
    """Latency and rate over the last inspections."""

    def __init__(self) -> None:
        """Begin with nothing measured."""
        self._mutex = threading.Lock()
        self._done: deque[tuple[float, float]] = deque(maxlen=WINDOW)

    def add(self, total_ms: float) -> None:
        """Note one finished inspection."""
        with self._mutex:
            self._done.append((clock.mono(), total_ms))

    def frame_age(self) -> float | None:
        """Return seconds since the last inspection, None before the first."""
        with self._mutex:
            return clock.mono() - self._done[-1][0] if self._done else None

    def fps(self) -> float:
        """Return inspections a second over the last ten seconds."""
        now = clock.mono()
        with self._mutex:
            recent = [at for at, _ in self._done if now - at <= FPS_SECONDS]
        if len(recent) < 2 or recent[-1] == recent[0]:
            return 0.0
        return round((len(recent) - 1) / (recent[-1] - recent[0]), 2)

    def latency(self, share: float) -> float | None:
        """Return the latency in ms that this share of the last inspections stayed below, None before the first."""
        with self._mutex:
            sorted_ms = sorted(ms for _, ms in self._done)
        return round(sorted_ms[min(int(share * len(sorted_ms)), len(sorted_ms) - 1)], 3) if sorted_ms else None


def health(data: Path) -> Health:
    """Return what can be read of the box; None where it cannot."""
    try:
        free = round(psutil.disk_usage(str(data)).free / 1e6, 1)
    except OSError:
        free = None
    return Health(
        cpu_usage=psutil.cpu_percent(None),
        memory_usage=psutil.virtual_memory().percent,
        disk_free_mb=free,
        temperature_c=_temperature(),
    )


def _temperature() -> float | None:
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    readings = [sensor.current for group in sensors.values() for sensor in group if sensor.current]
    return max(readings, default=None)
