"""A child whose cameras misbehave, each number in its own way: run in place of the machine's own child module."""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

import numpy as np

from analyticlens.machine import child, clock
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources import SOURCES, Grabbed, Place, Pulse, Wanted
from analyticlens.machine.sources.frames import ANY
from analyticlens.protocol.configuration import Source as SourceConfig
from tests.machine.helpers import discs

GOOD, BLOCKS, BLOCKS_OPENING, DIES, RAISES, BLOCKS_ONCE, LOST_ONCE, FOUR_CHANNELS = range(8)


def _for_ever() -> NoReturn:
    while True:
        threading.Event().wait()


class StrangeCamera:
    """A camera that draws three discs, until its number says otherwise."""

    def __init__(self, config: SourceConfig, place: Place) -> None:
        self.position = ""
        self._number = config.camera_id
        self._count = 0
        self._marker = place.data / f"strange-{self._number}"
        if self._number == BLOCKS_OPENING:
            _for_ever()

    def pulse(self) -> Pulse:
        return Pulse(age=0.0)

    def grab(self, wanted: Wanted = ANY) -> Grabbed:
        self._count += 1
        match self._number:
            case n if n == BLOCKS:
                _for_ever()
            case n if n == DIES:
                os._exit(7)
            case n if n == RAISES:
                raise RuntimeError("a driver's bug")
            case n if n == BLOCKS_ONCE and self._count == 3 and not self._marker.exists():
                self._marker.touch()
                _for_ever()
            case n if n == LOST_ONCE and self._count == 3 and not self._marker.exists():
                self._marker.touch()
                raise SourceRefused("the camera was unplugged")
        picture = np.zeros((20, 20, 4), np.uint8) if self._number == FOUR_CHANNELS else discs(3)
        return Grabbed(self._count, "", picture, clock.wall_text())

    def close(self) -> None:
        """Nothing is open."""


if __name__ == "__main__":
    # Here and not where tests import this module: their own process keeps its sources.
    SOURCES["camera"] = StrangeCamera
    sys.exit(child.main())
