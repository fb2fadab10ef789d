"""The orchestrator's only source of time: `clock.wall()`, `clock.mono()`; tests move both with `clock.shifted(seconds)`,
or let them stand with `clock.still()`."""

from audit.clock import mono, shifted, still, wall

__all__ = ["mono", "shifted", "still", "wall"]
