"""What grey values say of many blobs, measure by measure."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from analyticlens.engine.blobs.hull import Floats
from analyticlens.engine.blobs.outlines import Outlines


class Refined(NamedTuple):
    """What grey values say of blobs (n), in pixels of the mask: `area`, `x`, `y`, second central moments `xx`, `xy`, `yy`,
    `blur` of the rim, `area_sigma`, `position_sigma`; `outlines`, and the true `perimeter` and `circularity` of them."""

    area: Floats
    x: Floats
    y: Floats
    xx: Floats
    xy: Floats
    yy: Floats
    blur: Floats
    area_sigma: Floats
    position_sigma: Floats
    perimeter: Floats
    circularity: Floats
    outlines: Outlines

    def of(self, which: NDArray[Any], total: int) -> Refined:
        """Return what is known of some of the `total` blobs, by flags or numbers, numbered anew."""
        values = self._asdict()
        outlines = values.pop("outlines").of(which, total)
        return Refined(**{name: part[which] for name, part in values.items()}, outlines=outlines)


class Levels(NamedTuple):
    """Grey levels of blobs (n): background, contrast, the noise's standard deviation, and from how many pixels both levels come.

    Where a level is a plane, `outside_span` and `inside_span` are the sums of the squares of those pixels' places along one axis, which
    say how well its slope is known (infinite: it has none of its own); `follows` is how much steeper than the background's the blob's own
    slope was taken to be, 0 where it was not taken from there.
    """

    ground: Floats
    contrast: Floats
    noise: Floats
    outside: Floats
    inside: Floats
    outside_span: Floats
    inside_span: Floats
    follows: Floats
