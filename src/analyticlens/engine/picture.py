"""The working picture of one inspection: the caller's frame, then what filters made of it, never written into the frame itself."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.build import built
from analyticlens.engine.levels import Depth, depth_of
from analyticlens.engine.regions import Window
from analyticlens.protocol.regions import Rect


class Picture:
    """(H, W) grey or (H, W, 3) blue, green, red, of uint8 or uint16; `data` is the picture as it is now, of the depth it always had."""

    def __init__(self, frame: NDArray[Any], buffers: Buffers, depth: Depth | None = None) -> None:
        self.data = frame
        self.depth = depth or depth_of(frame.dtype)
        self.height, self.width = frame.shape[:2]
        self._buffers = buffers
        self._ours = False
        self._turn = 0
        self._grey: NDArray[Any] | None = None

    @property
    def rect(self) -> Rect:
        """The whole picture as a region."""
        return built(Rect, shape="rect", x=0, y=0, w=self.width, h=self.height, angle=0)

    @property
    def is_grey(self) -> bool:
        """Whether it has one channel."""
        return self.data.ndim == 2

    def grey(self) -> NDArray[Any]:
        """Return its luminance (H, W) in its own dtype; computed once between filters."""
        if self.is_grey:
            return self.data
        if self._grey is None:
            target = self._buffers.take("luminance", (self.height, self.width), self.data.dtype)
            self._grey = cv2.cvtColor(self.data, cv2.COLOR_BGR2GRAY, dst=target)
        return self._grey

    def room(self, window: Window, channels: int) -> NDArray[Any]:
        """Return memory (h, w) or (h, w, 3) for what shall replace the window; `accept` takes it, filled, as the new pixels."""
        if self._covers(window):
            return self._spare(channels)
        shape = window.shape if channels == 1 else (*window.shape, channels)
        return self._buffers.take("part", shape, self.data.dtype)

    def accept(self, window: Window, part: NDArray[Any]) -> None:
        """Replace the window's pixels by what `room` gave, filled. Grey in a part of a colour picture becomes three equal channels."""
        if self._covers(window):
            self._become(part)
        else:
            self._put(window, part)

    def _covers(self, window: Window) -> bool:
        return window.mask is None and window.area == self.height * self.width

    def _spare(self, channels: int) -> NDArray[Any]:
        shape = (self.height, self.width) if channels == 1 else (self.height, self.width, channels)
        return self._buffers.take(f"picture{self._turn}", shape, self.data.dtype)

    def _become(self, data: NDArray[Any]) -> None:
        self.data = data
        self._ours = True
        self._turn ^= 1
        self._grey = None

    def _put(self, window: Window, part: NDArray[Any]) -> None:
        if not self._ours:
            copy = self._spare(1 if self.is_grey else 3)
            np.copyto(copy, self.data)
            self._become(copy)
        if part.ndim == 2 and not self.is_grey:
            part = cv2.cvtColor(part, cv2.COLOR_GRAY2BGR)
        target = window.of(self.data)
        if window.mask is None:
            np.copyto(target, part)
        else:
            cv2.copyTo(part, window.mask, target)
        self._grey = None
