"""What OpenCV returns, as what it is: its type stubs know neither the depth of a result nor that it is the array handed in."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray


def floats(result: NDArray[Any]) -> NDArray[np.float32]:
    """Return OpenCV's result for float32 input, which is float32, under its own type."""
    return cast("NDArray[np.float32]", result)
