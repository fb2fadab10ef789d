"""Memory that is used again for every frame: fresh megabytes each frame would be page faults each frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

# A processor's cache line. OpenCV rounds sums of floating numbers by where in one they begin: there, all memory begins alike.
LINE = 64


class Buffers:
    """Named scratch arrays. What `take` returned for a name is overwritten by the next `take` of that name."""

    def __init__(self) -> None:
        self._flat: dict[tuple[str, Any], NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an uninitialised C-contiguous array of this shape and dtype, made anew only where it must grow."""
        key = (name, dtype)
        size = math.prod(shape)
        flat = self._flat.get(key)
        if flat is None or flat.size < size:
            flat = self._flat[key] = _aligned(size, dtype)
        return flat[:size].reshape(shape)


def _aligned(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised flat array that begins at the start of a cache line."""
    kind = np.dtype(dtype)
    memory = np.empty(size * kind.itemsize + LINE, np.uint8)
    first = -memory.ctypes.data % LINE
    return memory[first : first + size * kind.itemsize].view(kind)
