"""Pictures a recipe names by their SHA-256, taught ones: PNG bytes as arrays, and arrays as PNG bytes."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.kit import Kit


def stored_grey(kit: Kit, name: str, what: str) -> NDArray[Any]:
    """Return a named PNG as grey (H, W), uint8 or uint16; colour becomes its luminance.

    Raises CannotBuild, naming `what` it is, where it is missing, damaged or no picture.
    """
    return _decoded(kit, name, what, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)


def stored_picture(kit: Kit, name: str, what: str) -> NDArray[Any]:
    """Return a named PNG as it is: grey (H, W) or blue, green, red (H, W, 3), uint8 or uint16. Raises CannotBuild as `stored_grey` does."""
    return _decoded(kit, name, what, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)


def _decoded(kit: Kit, name: str, what: str, how: int) -> NDArray[Any]:
    data = np.frombuffer(kit.blob(name, what), np.uint8)
    picture = None if data.size == 0 else cv2.imdecode(data, how)
    if picture is None or picture.dtype not in (np.uint8, np.uint16):
        raise CannotBuild(f"its {what} {name[:12]}… is no picture of 8 or 16 bits")
    return picture


def as_png(picture: NDArray[Any]) -> tuple[str, bytes]:
    """Return the name (SHA-256) and the PNG bytes of a picture (H, W) or (H, W, 3), uint8 or uint16."""
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be stored")
    content = data.tobytes()
    return sha256(content).hexdigest(), content
