"""What reading tools share: pictures of eight bits for libraries that know no others, and what a text should be."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.levels import histogram
from analyticlens.engine.scene import Scene
from analyticlens.engine.textpattern import compile_pattern
from analyticlens.engine.texts import legible
from analyticlens.protocol.tools.reading import Wanted

# Print of less contrast than this, in grey levels of eight bits, is stretched before it is read.
LEAST_SPREAD = 96
# Share of the pixels that may lie beyond either end of the stretch: hot pixels and glints set no scale. Of dark ones no more than so many:
# a small code is all the dark there is in a large picture, and a thousandth of that may be the whole of the code.
BEYOND = 0.001
FEW_DARK = 50


def eight_bits(scene: Scene) -> NDArray[np.uint8]:
    """Return the luminance (h, w) of the scene's window as uint8, in the scene's own memory; do not write into it.

    Pictures of 16 bits, whatever part of them they use, and pale ones are stretched from their darkest to their brightest, a
    thousandth of the pixels at either end aside, and of the dark ones no more than a few. Others are the picture itself.
    """
    grey: NDArray[Any] = scene.grey()
    if scene.window.mask is not None:
        grey = _plain_outside(grey, scene.window.mask, scene)
    counts = np.cumsum(histogram(grey, scene.window.mask))
    beyond = BEYOND * counts[-1]
    low, high = (int(np.searchsorted(counts, many)) for many in (min(beyond, FEW_DARK), counts[-1] - beyond))
    if grey.dtype == np.uint8 and (high - low >= LEAST_SPREAD or high <= low):
        return _packed(grey, scene)
    scale = 255 / max(high - low, 1)
    wide = scene.buffers.take("reading wide", grey.shape, np.float32)
    np.subtract(grey, np.float32(low), out=wide, casting="unsafe")
    np.multiply(wide, np.float32(scale), out=wide)
    np.clip(wide, 0, 255, out=wide)
    narrow = scene.buffers.take("reading", grey.shape, np.uint8)
    np.copyto(narrow, wide, casting="unsafe")
    return narrow


def _packed(grey: NDArray[Any], scene: Scene) -> NDArray[np.uint8]:
    """Return a picture whose rows follow one another without a gap."""
    if grey.flags.c_contiguous:
        return grey
    packed = scene.buffers.take("reading", grey.shape, np.uint8)
    np.copyto(packed, grey)
    return packed


def _plain_outside(grey: NDArray[Any], mask: NDArray[Any], scene: Scene) -> NDArray[Any]:
    """Return a window whose pixels outside the region have the region's mean level: nothing can be read there."""
    plain = scene.buffers.take("reading inside", grey.shape, grey.dtype)
    plain[:] = round(cv2.mean(grey, mask)[0])
    cv2.copyTo(grey, mask, plain)
    return plain


class Judge:
    """What a tool wants of a text. Raises CannotBuild for a pattern that cannot be read."""

    def __init__(self, wanted: Wanted) -> None:
        self._shortest, self._longest = wanted.min_length, wanted.max_length
        self._expected = legible(wanted.expected_text)
        self._pattern = compile_pattern(wanted.pattern) if wanted.pattern else None

    @property
    def asks(self) -> bool:
        """Whether it wants anything but a length."""
        return bool(self._expected) or self._pattern is not None

    def takes(self, text: str) -> bool:
        """Tell whether a text is as long as what is looked for."""
        return self._shortest <= len(text) <= self._longest

    def matches(self, text: str) -> bool:
        """Tell whether a text is the expected one and like the pattern; invisible characters count as their symbols do."""
        shown = legible(text)
        if len(text) > len(shown) or (self._expected and shown != self._expected):
            return False
        return self._pattern is None or self._pattern.matches(shown)
